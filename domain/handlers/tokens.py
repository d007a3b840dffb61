"""Making, rotating and revoking bearer tokens. Secrets pass through once and are kept nowhere."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from msgspec import Struct

from domain.access import EVERYTHING, Grant, Maker, Principal, Scope, holds_over, may, refuse_more_than_own
from domain.errors import GrantInvalid, StreamMoved, TokenNotFound
from domain.facts import SYSTEM, Append, Origin
from domain.handlers.house import RACES, House
from domain.ports import EventStore, TokenBook
from domain.token.decider import IssueToken, RevokeToken, RotateToken, TokenCommand, TokenSituation, decide, fold
from domain.token.events import TokenFact
from domain.views import RoleBindingView, TokenView

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
    """Makes a token that can do no more, and lives no longer, than its maker's own, where its maker manages tokens.

    Raises GrantExceedsOwn, and GrantInvalid for a reserved subject or a moment that is over.
    """
    if new.subject in RESERVED or new.subject.startswith(RESERVED_PREFIXES):
        raise GrantInvalid(f"the subject '{new.subject}' is reserved")
    refuse_more_than_own(by, new.grants, house.whereabouts, Scope.TOKENS_MANAGE)
    secret, token_id = house.tokens.new_secret(), house.ids.new()
    command = IssueToken(
        subject=new.subject,
        grants=new.grants,
        secret_sha256=digest_of(secret),
        issued_by=by.subject,
        description=new.description,
        expires_at=_expiry(house, new.expires_at, by),
        made_with=by.maker.token_id,
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
    """Gives a token another secret; the one before ends. Whoever asks could have made the token as it is, or holds it.

    Raises TokenNotFound, GrantExceedsOwn, GrantInvalid, and IllegalTransition.
    """
    view = found_token(house, token_id, by)
    refuse_more_than_own(by, view.grants, house.whereabouts)
    if by.expires_at is not None and (view.expires_at is None or view.expires_at > by.expires_at):
        raise GrantInvalid(f"it outlives the token that asks, which ends {by.expires_at.isoformat()}")
    secret = house.tokens.new_secret()
    _commit(house, token_id, RotateToken(secret_sha256=digest_of(secret), made_with=by.maker.token_id), origin)
    return Issued(token_id=token_id, secret=secret)


def revoke_token(house: House, token_id: UUID, by: Principal, origin: Origin) -> None:
    """Ends a token. Raises TokenNotFound."""
    found_token(house, token_id, by)
    _commit(house, token_id, RevokeToken(), origin)


def found_token(house: House, token_id: UUID, by: Principal) -> TokenView:
    """A token that the principal may manage. Raises TokenNotFound."""
    view = house.tokens.token(token_id)
    if view is None or not may_manage(house, view, view.grants, by):
        raise TokenNotFound(str(token_id))
    return view


def seen_by(principal: Principal) -> Maker | None:
    """Whose tokens and bindings the principal may manage: all (None), or those it made."""
    return None if may(principal, Scope.TOKENS_MANAGE) else principal.maker


def may_manage(house: House, made: TokenView | RoleBindingView, grants: Iterable[Grant], by: Principal) -> bool:
    """Any, or what it made itself and is about places where it manages tokens still."""
    maker = seen_by(by)
    if maker is None:
        return True
    return maker.made(made.made_with, made.created_by) and holds_over(
        by, Scope.TOKENS_MANAGE, grants, house.whereabouts
    )


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
