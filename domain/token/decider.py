"""Bearer tokens: commands, situations, and what follows."""

from datetime import datetime
from functools import reduce
from typing import assert_never
from uuid import UUID

from msgspec import Struct

from domain.access import Grant
from domain.errors import IllegalTransition, TokenNotFound
from domain.token.events import TokenFact, TokenIssued, TokenRevoked, TokenRotated


class Unknown(Struct, frozen=True):
    """Nobody has made the token."""


class Good(Struct, frozen=True, kw_only=True):
    issued: TokenIssued


class Revoked(Struct, frozen=True, kw_only=True):
    issued: TokenIssued


TokenSituation = Unknown | Good | Revoked


class IssueToken(Struct, frozen=True, kw_only=True):
    subject: str
    grants: tuple[Grant, ...]
    secret_sha256: str
    issued_by: str
    description: str | None
    expires_at: datetime | None
    made_with: UUID | None = None


class RotateToken(Struct, frozen=True, kw_only=True):
    secret_sha256: str
    made_with: UUID | None = None


class RevokeToken(Struct, frozen=True, kw_only=True):
    """Revoking twice is revoking once."""


TokenCommand = IssueToken | RotateToken | RevokeToken


def evolve(state: TokenSituation, fact: TokenFact) -> TokenSituation:
    """What a fact makes of a token. Facts are believed, never refused."""
    match fact:
        case TokenIssued():
            return Good(issued=fact)
        case TokenRotated():
            return state
        case TokenRevoked():
            assert not isinstance(state, Unknown), "the log holds a fact before the token was issued"
            return Revoked(issued=state.issued)
        case _:
            assert_never(fact)


def fold(facts: tuple[TokenFact, ...]) -> TokenSituation:
    start: TokenSituation = Unknown()
    return reduce(evolve, facts, start)


def decide(command: TokenCommand, state: TokenSituation, token_id: str) -> tuple[TokenFact, ...]:
    """The facts a command leads to. Raises TokenNotFound, and IllegalTransition for rotating what is revoked."""
    match command, state:
        case IssueToken(), Unknown():
            return (_issued(command),)
        case ((RotateToken() | RevokeToken()), Unknown()):
            raise TokenNotFound(token_id)
        case RotateToken(), Good():
            return (TokenRotated(secret_sha256=command.secret_sha256, made_with=command.made_with),)
        case RevokeToken(), Good():
            return (TokenRevoked(),)
        case RevokeToken(), Revoked():
            return ()
        case _:
            raise IllegalTransition("The token", type(state).__name__.lower(), "be issued or rotated")


def _issued(command: IssueToken) -> TokenIssued:
    return TokenIssued(
        subject=command.subject,
        grants=command.grants,
        secret_sha256=command.secret_sha256,
        issued_by=command.issued_by,
        description=command.description,
        expires_at=command.expires_at,
        made_with=command.made_with,
    )
