"""Making, rotating and revoking bearer tokens. Secrets pass through once and are kept nowhere."""

from datetime import datetime
from hashlib import sha256
from uuid import UUID

from msgspec import Struct

from domain.access import EVERYTHING, Grant, Principal, Scope, may, refuse_more_than_own
from domain.errors import GrantInvalid, StreamMoved, TokenNotFound
from domain.facts import SYSTEM, Append, Origin
from domain.handlers.house import RACES, House
from domain.ports import EventStore, TokenBook
from domain.token.decider import IssueToken, RevokeToken, RotateToken, TokenCommand, TokenSituation, decide, fold
from domain.token.events import TokenFact
from domain.views import TokenView

RESERVED = (SYSTEM, "unknown")
RESERVED_PREFIXES = ("worker:", "oidc:")
"""Subjects that are somebody else's already: the service, its workers, the people of an identity provider."""


class NewToken(Struct, frozen=True, kw_only=True):
    subject: str
    grants: tuple[Grant, ...]
    description: str | None = None
    expires_at: datetime | None = None


class Issued(Struct, frozen=True, kw_only=True):
    """``secret`` is told once, now."""

    token_id: UUID
    secret: str


def issue_token(house: House, new: NewToken, by: Principal, origin: Origin) -> Issued:
    """Makes a token that can do no more, and lives no longer, than its maker's own.

    Raises GrantExceedsOwn, and GrantInvalid for a reserved subject or a moment that is over.
    """
    if new.subject in RESERVED or new.subject.startswith(RESERVED_PREFIXES):
        raise GrantInvalid(f"the subject '{new.subject}' is reserved")
    refuse_more_than_own(by, new.grants, house.whereabouts)
    secret, token_id = house.tokens.new_secret(), house.ids.new()
    command = IssueToken(
        subject=new.subject,
        grants=new.grants,
        secret_sha256=digest_of(secret),
        issued_by=by.subject,
        description=new.description,
        expires_at=_expiry(house, new.expires_at, by),
    )
    facts = decide(command, fold(()), str(token_id))
    house.store.append([Append(stream=token_id, expected_version=0, facts=facts)], origin)
    return Issued(token_id=token_id, secret=secret)


def admit_admin(store: EventStore, tokens: TokenBook, token_id: UUID, secret: str, subject: str) -> None:
    """Makes sure that the secret was issued to the admin, who may do everything. One that was revoked stays so."""
    digest = digest_of(secret)
    if tokens.is_known(digest):
        return
    command = IssueToken(
        subject=subject, grants=EVERYTHING, secret_sha256=digest, issued_by=SYSTEM, description=None, expires_at=None
    )
    facts = decide(command, fold(()), str(token_id))
    try:
        store.append([Append(stream=token_id, expected_version=0, facts=facts)], Origin())
    except StreamMoved:
        # Another process did the same at the same moment.
        if not tokens.is_known(digest):
            raise


def rotate_token(house: House, token_id: UUID, by: Principal, origin: Origin) -> Issued:
    """Gives a token another secret; the one before ends. Raises TokenNotFound, GrantExceedsOwn, IllegalTransition."""
    refuse_more_than_own(by, found_token(house, token_id, by).grants, house.whereabouts)
    secret = house.tokens.new_secret()
    _commit(house, token_id, RotateToken(secret_sha256=digest_of(secret)), origin)
    return Issued(token_id=token_id, secret=secret)


def revoke_token(house: House, token_id: UUID, by: Principal, origin: Origin) -> None:
    """Ends a token. Raises TokenNotFound."""
    found_token(house, token_id, by)
    _commit(house, token_id, RevokeToken(), origin)


def found_token(house: House, token_id: UUID, by: Principal) -> TokenView:
    """A token that the principal may manage: any, or those it made itself. Raises TokenNotFound."""
    view = house.tokens.token(token_id)
    maker = seen_by(by)
    if view is None or (maker is not None and view.created_by != maker):
        raise TokenNotFound(str(token_id))
    return view


def seen_by(principal: Principal) -> str | None:
    """Whose tokens the principal may manage: all (None), or those it made."""
    return None if may(principal, Scope.TOKENS_MANAGE) else principal.subject


def digest_of(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _expiry(house: House, asked: datetime | None, by: Principal) -> datetime | None:
    if asked is not None and asked <= house.clock.now():
        raise GrantInvalid(f"expiresAt {asked.isoformat()} is over")
    if by.expires_at is None:
        return asked
    if asked is not None and asked > by.expires_at:
        raise GrantInvalid(f"it would outlive its maker's own token, which ends {by.expires_at.isoformat()}")
    return asked or by.expires_at


def _commit(house: House, token_id: UUID, command: TokenCommand, origin: Origin) -> None:
    for _ in range(RACES):
        state, version = _load(house, token_id)
        facts = decide(command, state, str(token_id))
        if not facts:
            break
        try:
            house.store.append([Append(stream=token_id, expected_version=version, facts=facts)], origin)
        except StreamMoved:
            continue
        break
    else:
        raise StreamMoved(f"token {token_id}")
    house.tokens.forget(token_id)


def _load(house: House, token_id: UUID) -> tuple[TokenSituation, int]:
    events = house.store.load(token_id)
    return fold(tuple(event.fact for event in events if isinstance(event.fact, TokenFact))), len(events)
