"""How much one caller may ask of one process: calls a minute, calls that stay open, and bad tokens from one address.

Everything is counted in the process itself, so a status read pays a microsecond for it; with several API processes each
has its own counts.
"""

import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from api.metrics import OPEN_CALLS
from domain.access import MAKER
from domain.errors import RateLimited, TooManyFailures, TooManyStreams

RATE = "rate"
"""Where the state of a request keeps what is left to its caller."""

MOST_FAILURES = 120
"""Different bad tokens that an address may send within a minute."""
SECONDS_TRUSTED = 3_600.0
"""How long a token that was good is looked at again, also for an address that sends bad ones."""
MOST_REMEMBERED = 10_000
MOST_OPEN_CALLS = 1_000
"""Streams, exports and long polls that one caller may have open at a time."""

MINUTE = 60.0
Seconds = Callable[[], float]


class Standing(NamedTuple):
    """``left`` calls may follow at once; after ``seconds`` there are as many again as there ever are."""

    limit: int
    left: int
    seconds: int


class Buckets:
    """Token buckets by name: each is filled within a minute, and what is taken of it comes back evenly."""

    def __init__(self, a_minute: int, seconds: Seconds) -> None:
        self._most, self._seconds = float(a_minute), seconds
        self._pace = a_minute / MINUTE
        self._levels = dict[str, list[float]]()

    def take(self, name: str, amount: int = 1) -> tuple[float, float]:
        """How much is in the bucket afterwards, below zero: nothing was taken; and in how many seconds it is full."""
        now = self._seconds()
        bucket = self._levels.get(name)
        if bucket is None:
            bucket = self._new(name, now)
        level = min(self._most, bucket[0] + (now - bucket[1]) * self._pace)
        left = level - amount
        bucket[0], bucket[1] = (left if left >= 0 else level), now
        return left, (self._most - bucket[0]) / self._pace

    def _new(self, name: str, now: float) -> list[float]:
        # Whoever was known longest begins with a full bucket when he comes again: no harm among so many.
        _make_room(self._levels)
        bucket = self._levels[name] = [self._most, now]
        return bucket


class CallerLimits:
    """``a_minute`` 0: as many calls as come."""

    def __init__(self, a_minute: int, seconds: Seconds = time.monotonic) -> None:
        self._limit, self._buckets = a_minute, Buckets(a_minute, seconds)

    def spend(self, caller: str) -> Standing | None:
        """What is left after one more call. Raises RateLimited."""
        if not self._limit:
            return None
        left, seconds = self._buckets.take(caller)
        if left < 0:
            raise RateLimited(_subject(caller), self._limit, max(1, math.ceil(-left * MINUTE / self._limit)))
        return Standing(self._limit, int(left), math.ceil(seconds))


class FailureLimits:
    """Makes guessing slow: of an address that has sent many bad tokens, only a few at a time are looked at.

    Good ones pass all the same, since others may share the address; what is known to be good goes before. The same bad
    token counts once, so that a program with an old one is in nobody's way.
    """

    def __init__(self, a_minute: int = MOST_FAILURES, seconds: Seconds = time.monotonic) -> None:
        self._buckets, self._seconds = Buckets(a_minute, seconds), seconds
        self._step = max(1, math.ceil(MINUTE / a_minute))
        self._good, self._bad = dict[int, float](), dict[int, None]()

    def admit(self, address: str, secret: str) -> None:
        """Raises TooManyFailures when the token is likely one more guess."""
        known = hash(secret)
        if self._good.get(known, 0.0) > self._seconds() or known in self._bad:
            return
        if self._buckets.take(address, 0)[0] < 1:
            raise TooManyFailures(address, self._step)

    def failed(self, address: str, secret: str) -> None:
        known = hash(secret)
        self._good.pop(known, None)
        if known not in self._bad:
            _make_room(self._bad)
            self._bad[known] = None
            self._buckets.take(address)

    def succeeded(self, secret: str) -> None:
        known = hash(secret)
        self._bad.pop(known, None)
        _make_room(self._good)
        self._good[known] = self._seconds() + SECONDS_TRUSTED


class OpenCalls:
    """The calls of each caller that stay open."""

    def __init__(self, most: int = MOST_OPEN_CALLS) -> None:
        self._most = most
        self._open = dict[str, int]()

    @property
    def count(self) -> int:
        return sum(self._open.values())

    def refuse_more(self, caller: str) -> None:
        """Raises TooManyStreams when the caller has as many as there may be."""
        if self._open.get(caller, 0) >= self._most:
            raise TooManyStreams(_subject(caller), self._most)

    @contextmanager
    def one(self, caller: str) -> Iterator[None]:
        """One more, for as long as the block lasts."""
        self._open[caller] = self._open.get(caller, 0) + 1
        OPEN_CALLS.inc()
        try:
            yield
        finally:
            OPEN_CALLS.dec()
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]

    def during(self, caller: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same pieces, told as an open call. Raises TooManyStreams now; what has begun is not broken off."""
        self.refuse_more(caller)
        return self._told(caller, pieces)

    async def _told(self, caller: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        with self.one(caller):
            async for piece in pieces:
                yield piece


def _subject(caller: str) -> str:
    return caller.partition(MAKER)[0]


def spend(scope: Any, limits: CallerLimits, caller: str) -> None:
    """Counts a call of the caller, and notes what is left. Raises RateLimited."""
    state = scope.setdefault("state", {})
    try:
        state[RATE] = limits.spend(caller)
    except RateLimited as refusal:
        state[RATE] = Standing(refusal.limit, 0, refusal.seconds)
        raise


def rate_limit_headers(scope: Any) -> list[tuple[bytes, bytes]]:
    """Every answer to a known caller says how many more there may be (draft-ietf-httpapi-ratelimit-headers-10)."""
    standing: Any = scope.get("state", {}).get(RATE)
    if standing is None:
        return []
    return [_policy(standing.limit), (b"ratelimit", b'"caller";r=%d;t=%d' % (standing.left, standing.seconds))]


@cache
def _policy(limit: int) -> tuple[bytes, bytes]:
    return b"ratelimit-policy", b'"caller";q=%d;w=60' % limit


def _make_room(known: dict[Any, Any]) -> None:
    while len(known) >= MOST_REMEMBERED:
        del known[next(iter(known))]
