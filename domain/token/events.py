"""What can become true of a bearer token. Written for ever: a tag never changes its meaning.

No secret is here: ``secret_sha256`` is a digest of 256 random bits, from which nothing can be found out.
"""

from datetime import datetime

from domain.access import Grant
from domain.facts import Fact, FreeText


class TokenIssued(Fact, frozen=True, kw_only=True, tag="token.issued"):
    """``issued_by`` gave a token to ``subject``, good until ``expires_at``; for ever, when that is None."""

    subject: str
    grants: tuple[Grant, ...]
    secret_sha256: str
    issued_by: str
    description: FreeText | None = None
    expires_at: datetime | None = None


class TokenRotated(Fact, frozen=True, kw_only=True, tag="token.rotated"):
    """The token has another secret; the one before is good no more."""

    secret_sha256: str


class TokenRevoked(Fact, frozen=True, kw_only=True, tag="token.revoked"):
    """The token is good no more, for ever."""


TokenFact = TokenIssued | TokenRotated | TokenRevoked
