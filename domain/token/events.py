"""What can become true of a bearer token. Written for ever: a tag never changes its meaning.

No secret is here: ``secret_sha256`` is a digest of 256 random bits, from which nothing can be found out.
"""

from datetime import datetime
from uuid import UUID

from domain.access import Grant
from domain.facts import Fact, FreeText


class TokenIssued(Fact, frozen=True, kw_only=True, tag="token.issued"):
    """``issued_by`` gave a token to ``subject``, good until ``expires_at``; for ever, when that is None.

    ``made_with`` is the token that ``issued_by`` did so with: a subject is a text that more than one token may have.
    """

    subject: str
    grants: tuple[Grant, ...]
    secret_sha256: str
    issued_by: str
    description: FreeText | None = None
    expires_at: datetime | None = None
    made_with: UUID | None = None


class TokenRotated(Fact, frozen=True, kw_only=True, tag="token.rotated"):
    """The token has another secret; the one before is good no more. ``made_with`` is the token that asked for it."""

    secret_sha256: str
    made_with: UUID | None = None


class TokenRevoked(Fact, frozen=True, kw_only=True, tag="token.revoked"):
    """The token is good no more, for ever."""


TokenFact = TokenIssued | TokenRotated | TokenRevoked
