"""Whom a request's bearer token speaks for."""

from typing import Any

from anyio import CapacityLimiter, to_thread
from litestar.connection import ASGIConnection

from api.http.headers import header
from api.http.limits import FailureLimits
from domain.access import Principal
from domain.errors import TokenExpired, TokenInvalid, TokenMissing, TokenNotAccepted, TooManyFailures
from domain.ports import Tokens

LONGEST_TOKEN = 16_384
GUESSES_AT_ONCE, GUESSES_WAITING = 1, 32
"""Threads that look at tokens from addresses that have sent many bad ones, and how many such tokens may queue."""
ASKING_ELSEWHERE = 8
"""Threads that may wait for the identity provider at a time: the others are for everybody else."""


class Door:
    """Lets in whoever has a good token."""

    def __init__(self, tokens: Tokens, failures: FailureLimits | None = None) -> None:
        self._tokens, self._failures = tokens, failures or FailureLimits()
        self._elsewhere: CapacityLimiter | None = None
        self._guessing: CapacityLimiter | None = None

    async def let_in(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Principal:
        """Raises TokenMissing, TokenInvalid, TokenExpired, TokenNotAccepted, TooManyFailures, and what Tokens does."""
        kind, _, secret = (header(connection.scope, b"authorization") or "").partition(" ")
        secret = secret.strip()
        if kind.lower() != "bearer" or not secret:
            raise TokenMissing
        known = self._tokens.remembered(secret) if len(secret) <= LONGEST_TOKEN else None
        if known is not None:
            return known
        address = connection.client.host if connection.client else "an unknown address"
        suspicion = self._suspicion(address, secret)
        try:
            found = await self._found(secret, suspicion)
        except (TokenInvalid, TokenExpired, TokenNotAccepted) as refusal:
            self._failures.failed(address, secret)
            raise suspicion or refusal from None
        self._failures.succeeded(secret)
        return found

    def _suspicion(self, address: str, secret: str) -> TooManyFailures | None:
        """What is said of a bad token from an address that has sent many."""
        try:
            self._failures.admit(address, secret)
        except TooManyFailures as refusal:
            return refusal
        return None

    async def _found(self, secret: str, suspicion: TooManyFailures | None) -> Principal:
        if len(secret) > LONGEST_TOKEN:
            raise TokenInvalid
        limiter = self._limiter(secret) if suspicion is None else self._few(suspicion)
        found = await to_thread.run_sync(self._tokens.principal, secret, limiter=limiter)
        if found is None:
            raise TokenInvalid
        return found

    def _few(self, suspicion: TooManyFailures) -> CapacityLimiter:
        """Guesses queue for one another, and for nobody else. Raises TooManyFailures when many do already."""
        if self._guessing is None:
            self._guessing = CapacityLimiter(GUESSES_AT_ONCE)
        if self._guessing.statistics().tasks_waiting >= GUESSES_WAITING:
            raise suspicion
        return self._guessing

    def _limiter(self, secret: str) -> CapacityLimiter | None:
        if "." not in secret:
            return None
        # Made by the loop that uses it.
        if self._elsewhere is None:
            self._elsewhere = CapacityLimiter(ASKING_ELSEWHERE)
        return self._elsewhere
