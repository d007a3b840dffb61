"""Bearer tokens of the identity provider beside our own: verified once, and given what is bound to whom they name."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from adapters.oidc.fetching import fetch
from adapters.oidc.keys import IssuerKeys
from adapters.oidc.role_book import PostgresRoleBook
from adapters.oidc.verifying import Claims, Provider, Verifier
from domain.access import Principal
from domain.errors import TokenExpired
from domain.handlers.role_bindings import OIDC
from domain.ports import Tokens

SECONDS_REMEMBERED = 5.0
"""How long what is bound to somebody is believed without looking again, if no news of it comes before."""
MOST_REMEMBERED = 10_000
DOTS_OF_A_JWT = 2


class Remembered(NamedTuple):
    claims: Claims
    principal: Principal
    until: float
    news: int


class OidcTokens:
    """Implements ``Tokens``. What is no JWT is one of ``own``."""

    def __init__(
        self,
        own: Tokens,
        verifier: Verifier,
        role_book: PostgresRoleBook,
        *,
        seconds: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._own, self._verifier, self._role_book = own, verifier, role_book
        self._seconds, self._now = seconds, now
        self._remembered = dict[bytes, Remembered]()

    def remembered(self, secret: str) -> Principal | None:
        if not _is_jwt(secret):
            return self._own.remembered(secret)
        found = self._remembered.get(_digest(secret))
        if found is None or found.until <= self._seconds() or found.news != self._role_book.news:
            return None
        self._refuse_expired(found.claims)
        ends = found.principal.bound_until
        return found.principal if ends is None or ends > self._now() else None

    def principal(self, secret: str) -> Principal | None:
        if not _is_jwt(secret):
            return self._own.principal(secret)
        digest = _digest(secret)
        before = self._remembered.get(digest)
        # A signature once found good stays so until the token ends.
        claims = before.claims if before else self._verifier.claims(secret)
        self._refuse_expired(claims)
        news = self._role_book.news
        principal = self._principal(claims)
        self._remember(digest, Remembered(claims, principal, self._seconds() + SECONDS_REMEMBERED, news))
        return principal

    def _principal(self, claims: Claims) -> Principal:
        subject, now = f"{OIDC}{claims.subject}", self._now()
        held = self._role_book.held_by(subject, claims.groups)
        good = [one for one in held if one.expires_at is None or one.expires_at > now]
        return Principal(
            subject=subject,
            grants=tuple(one.grant for one in good),
            expires_at=claims.expires_at,
            authentication="oidc",
            groups=claims.groups,
            bound_until=min((one.expires_at for one in good if one.expires_at is not None), default=None),
        )

    def _remember(self, digest: bytes, found: Remembered) -> None:
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[digest] = found

    def _refuse_expired(self, claims: Claims) -> None:
        if claims.expires_at <= self._now():
            raise TokenExpired(claims.expires_at.isoformat())


def oidc_tokens(own: Tokens, role_book: PostgresRoleBook, **provider: Any) -> OidcTokens:
    """With real clocks, and an issuer that is asked over HTTP. ``provider`` are the members of a Provider."""
    known = Provider(**provider)
    verifier = Verifier(known, IssuerKeys(known.issuer, fetch), lambda: datetime.now(UTC))
    return OidcTokens(own, verifier, role_book)


def _is_jwt(secret: str) -> bool:
    return secret.count(".") == DOTS_OF_A_JWT


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
