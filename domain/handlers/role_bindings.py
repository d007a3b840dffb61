"""Binding roles to whom an identity provider vouches for: its subjects, and the groups that it names."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from domain.access import Grant, Principal, Scope, refuse_more_than_own
from domain.errors import GrantInvalid, RoleBindingNotFound, StreamMoved
from domain.facts import Append, Origin
from domain.handlers.house import RACES, House
from domain.handlers.tokens import may_manage
from domain.role_binding.decider import fold, unbind
from domain.role_binding.events import HolderKind, RoleBindingFact, RoleBound
from domain.views import RoleBindingView

OIDC = "oidc:"
"""What the subjects of the identity provider begin with, here and in every event that they cause."""


class NewBinding(Struct, frozen=True, kw_only=True):
    kind: HolderKind
    holder: str
    grant: Grant
    roles: tuple[str, ...] = ()
    expires_at: datetime | None = None


def bind_role(house: House, new: NewBinding, by: Principal, origin: Origin) -> UUID:
    """Gives a holder what the caller has himself, for no longer than he has it.

    Raises GrantExceedsOwn, and GrantInvalid for a subject that is not the identity provider's or a moment that is over.
    """
    if new.kind == "subject" and not new.holder.startswith(OIDC):
        raise GrantInvalid(f"the subject '{new.holder}' does not begin with '{OIDC}'; others are given tokens")
    refuse_more_than_own(by, (new.grant,), house.whereabouts, Scope.TOKENS_MANAGE)
    made = RoleBound(
        kind=new.kind,
        holder=new.holder,
        grant=new.grant,
        bound_by=by.subject,
        roles=new.roles,
        expires_at=_expiry(house, new.expires_at, by),
        made_with=by.maker.token_id,
    )
    binding_id = house.ids.new()
    house.store.append([Append(stream=binding_id, expected_version=0, facts=(made,))], origin)
    house.role_book.forget()
    return binding_id


def unbind_role(house: House, binding_id: UUID, by: Principal, origin: Origin) -> None:
    """Ends a binding. Raises RoleBindingNotFound."""
    found_binding(house, binding_id, by)
    for _ in range(RACES):
        events = house.store.load(binding_id)
        known = tuple(event.fact for event in events if isinstance(event.fact, RoleBindingFact))
        if facts := unbind(fold(known), str(binding_id)):
            try:
                house.store.append([Append(stream=binding_id, expected_version=len(events), facts=facts)], origin)
            except StreamMoved:
                continue
        house.role_book.forget()
        return
    raise StreamMoved(f"role binding {binding_id}")


def found_binding(house: House, binding_id: UUID, by: Principal) -> RoleBindingView:
    """A binding that the principal may manage. Raises RoleBindingNotFound."""
    view = house.role_book.binding(binding_id)
    if view is None or not may_manage(house, view, (view.grant,), by):
        raise RoleBindingNotFound(str(binding_id))
    return view


def _expiry(house: House, asked: datetime | None, by: Principal) -> datetime | None:
    """A binding does not outlive the right to give it: that of a token ends with the token."""
    if asked is not None and asked <= house.clock.now():
        raise GrantInvalid(f"expiresAt {asked.isoformat()} is over")
    limit = by.bound_until if by.token_id is None else by.expires_at
    if limit is None:
        return asked
    if asked is not None and asked > limit:
        raise GrantInvalid(f"it would outlive what its maker may do, which ends {limit.isoformat()}")
    return asked or limit
