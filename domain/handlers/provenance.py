"""Where somebody's access comes from: who gave it, through whose hands it went, and since when it stands in the log.

Subjects are texts that whoever makes a token chooses, so access is followed from token to token.
"""

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from msgspec import Struct

from domain.access import Grant, Principal, Resource, Scope, covers
from domain.facts import Origin, Recorded
from domain.handlers.house import House
from domain.role_binding.events import RoleBound
from domain.token.events import TokenIssued, TokenRotated

MOST_TOKENS = 1_000
"""Of one chain of tokens that were made with each other; nobody has as many."""


class Access(Struct, frozen=True, kw_only=True):
    """``given_by`` gave it; ``hands`` are all who could have used its secret or that of a token it was made with.

    ``position`` is where its last secret, or the binding, stands in the log.
    """

    given_by: str
    hands: frozenset[str]
    position: int


def people_of(origin: Origin) -> set[str]:
    """Whoever asked, and whoever it was asked for."""
    return {who for who in (origin.actor, origin.on_behalf_of) if who is not None}


def access_to(house: House, principal: Principal, scope: Scope, resource: Resource) -> Iterator[Access]:
    """Everything that lets the principal do this, each by itself. Raises LogUnavailable."""
    if principal.token_id is not None:
        yield _of_token(house, UUID(principal.token_id))
        return
    now = house.clock.now()
    for binding in house.role_book.held_by(principal.subject, principal.groups):
        is_good = binding.expires_at is None or binding.expires_at > now
        if is_good and _lets(binding.grant, scope, resource):
            yield _of_binding(house, house.store.load(binding.binding_id), binding.created_by)


def _lets(grant: Grant, scope: Scope, resource: Resource) -> bool:
    return scope in grant.scopes and covers(grant, resource)


def _of_token(house: House, token_id: UUID) -> Access:
    events = house.store.load(token_id)
    issued = _issued(events)
    hands, tokens = set[str](), [token_id, *_tokens(events)]
    for number, token in enumerate(tokens):
        made = events if number == 0 else house.store.load(token)
        hands |= _hands(made)
        if len(tokens) < MOST_TOKENS:
            tokens += [each for each in _tokens(made) if each not in tokens]
    # The first token of an old installation is not in the log.
    given_by, position = ("system", 0) if issued is None else (issued.issued_by, events[-1].position)
    return Access(given_by=given_by, hands=frozenset(hands), position=position)


def _of_binding(house: House, events: Sequence[Recorded], given_by: str) -> Access:
    hands = _hands(events)
    for token in _tokens(events):
        hands |= _of_token(house, token).hands
    return Access(given_by=given_by, hands=frozenset(hands), position=events[0].position)


def _issued(events: Iterable[Recorded]) -> TokenIssued | None:
    return next((event.fact for event in events if isinstance(event.fact, TokenIssued)), None)


def _hands(events: Iterable[Recorded]) -> set[str]:
    """Who made the access, or took another secret of it."""
    given = (event for event in events if isinstance(event.fact, TokenIssued | TokenRotated | RoleBound))
    return {who for event in given for who in people_of(event.metadata.origin)}


def _tokens(events: Iterable[Recorded]) -> list[UUID]:
    """Those that it was done with."""
    with_tokens = [getattr(event.fact, "made_with", None) for event in events]
    return [token for token in with_tokens if token is not None]
