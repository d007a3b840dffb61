"""Whom a request's bearer token speaks for."""

from typing import Any

from anyio import CapacityLimiter, to_thread
from litestar.connection import ASGIConnection

from api.http.headers import header
from api.http.limits import FailureLimits
from domain.access import Principal
from domain.errors import TokenExpired, TokenInvalid, TokenMissing, TokenNotAccepted
from domain.ports import Tokens

LONGEST_TOKEN = 16_384
ASKING_ELSEWHERE = 8
"""Threads that may wait for the identity provider at a time: the others are for everybody else."""


class Door:
    """Lets in whoever has a good token."""

    def __init__(self, tokens: Tokens, failures: FailureLimits | None = None) -> None:
        self._tokens, self._failures = tokens, failures or FailureLimits()
        self._elsewhere: CapacityLimiter | None = None

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
        self._failures.admit(address, secret)
        try:
            found = await self._found(secret)
        except (TokenInvalid, TokenExpired, TokenNotAccepted):
            self._failures.failed(address, secret)
            raise
        self._failures.succeeded(secret)
        return found

    async def _found(self, secret: str) -> Principal:
        if len(secret) > LONGEST_TOKEN:
            raise TokenInvalid
        found = await to_thread.run_sync(self._tokens.principal, secret, limiter=self._limiter(secret))
        if found is None:
            raise TokenInvalid
        return found

    def _limiter(self, secret: str) -> CapacityLimiter | None:
        if "." not in secret:
            return None
        # Made by the loop that uses it.
        if self._elsewhere is None:
            self._elsewhere = CapacityLimiter(ASKING_ELSEWHERE)
        return self._elsewhere
