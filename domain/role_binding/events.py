"""What can become true of a role binding. Written for ever: a tag never changes its meaning."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.access import Grant
from domain.facts import Fact

HolderKind = Literal["subject", "group"]


class RoleBound(Fact, frozen=True, kw_only=True, tag="role_binding.made"):
    """Whom an identity provider names so, a subject or all of a group, may do what the grant says until ``expires_at``.

    ``roles`` are the names that were asked for; the grant holds the scopes that they stood for then. ``made_with`` is
    the token that ``bound_by`` did so with, where it was one of ours.
    """

    kind: HolderKind
    holder: str
    grant: Grant
    bound_by: str
    roles: tuple[str, ...] = ()
    expires_at: datetime | None = None
    made_with: UUID | None = None


class RoleUnbound(Fact, frozen=True, kw_only=True, tag="role_binding.removed"):
    """The binding gives nothing more, for ever."""


RoleBindingFact = RoleBound | RoleUnbound
