"""Who may do what: principals, what they are granted, and the one question that everything asks.

A grant is a set of scopes over places: everywhere, or some datasets and tables. A principal holds what the sum of its
grants says. Whoever has nothing to do with a place is not told that there is anything.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from domain.errors import GrantExceedsOwn, GrantInvalid, Refusal, ScopeMissing


class Scope(StrEnum):
    """One thing that may be done. Names are stored with tokens, so none changes its meaning."""

    TABLES_READ = "tables:read"
    TABLES_WRITE = "tables:write"
    SCHEMA_READ = "schema:read"
    MIGRATIONS_READ = "migrations:read"
    MIGRATIONS_PLAN = "migrations:plan"
    MIGRATIONS_WRITE = "migrations:write"
    MIGRATIONS_DESTRUCTIVE = "migrations:destructive"
    MIGRATIONS_APPROVE = "migrations:approve"
    MIGRATIONS_EMERGENCY = "migrations:emergency"
    OPERATIONS_READ = "operations:read"
    OPERATIONS_CANCEL = "operations:cancel"
    POLICIES_READ = "policies:read"
    POLICIES_WRITE = "policies:write"
    PROJECTIONS_REBUILD = "projections:rebuild"
    AUDIT_READ = "audit:read"
    AUDIT_EXPORT = "audit:export"
    AUDIT_ERASE = "audit:erase"
    TOKENS_MANAGE = "tokens:manage"
    WEBHOOKS_MANAGE = "webhooks:manage"
    SUBJECTS_REPRESENT = "subjects:represent"


ALL_SCOPES = frozenset(Scope)

READER = frozenset(
    {
        Scope.TABLES_READ,
        Scope.SCHEMA_READ,
        Scope.MIGRATIONS_READ,
        Scope.MIGRATIONS_PLAN,
        Scope.OPERATIONS_READ,
        Scope.POLICIES_READ,
    }
)
EDITOR = READER | {Scope.MIGRATIONS_WRITE, Scope.OPERATIONS_CANCEL}

ROLES: dict[str, frozenset[Scope]] = {
    "reader": READER,
    "editor": EDITOR,
    "owner": EDITOR | {Scope.TABLES_WRITE, Scope.MIGRATIONS_DESTRUCTIVE},
    "approver": READER | {Scope.MIGRATIONS_APPROVE},
    "auditor": READER | {Scope.AUDIT_READ, Scope.AUDIT_EXPORT},
    "admin": ALL_SCOPES,
}
"""Sets of scopes with a name; a token keeps the scopes that the role had when it was made."""


class Grant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Scopes over some datasets and tables; over everything when neither is named. Sorted, so that equals are equal."""

    scopes: tuple[Scope, ...]
    datasets: tuple[str, ...] = ()
    tables: tuple[UUID, ...] = ()

    @property
    def is_everywhere(self) -> bool:
        return not self.datasets and not self.tables


MAKER = "\x1f"
"""Between a subject and the token it was given with, where callers are told apart: no subject has it."""
EVERYTHING = (Grant(scopes=tuple(sorted(ALL_SCOPES))),)


class Principal(Struct, frozen=True, kw_only=True):
    """Who a bearer token speaks for. ``subject`` is an opaque id, ``authentication`` how it was proved.

    ``token_id`` is None for a token that is not one of ours, ``made_with`` is the token that it was made with. The
    principal is good until ``expires_at``. Whoever an identity provider vouches for is in ``groups`` and has what is
    bound to it, the first of which ends ``bound_until``.
    """

    subject: str
    token_id: str | None = None
    grants: tuple[Grant, ...] = EVERYTHING
    expires_at: datetime | None = None
    authentication: str = "token"
    groups: tuple[str, ...] = ()
    bound_until: datetime | None = None
    made_with: UUID | None = None

    @property
    def caller(self) -> str:
        """One for all tokens of a subject that one maker gave it; a subject alone is a text that others may choose."""
        return self.subject if self.made_with is None else f"{self.subject}{MAKER}{self.made_with}"

    @property
    def maker(self) -> "Maker":
        """As whom it makes something: the token, or whom the identity provider vouches for."""
        if self.token_id is None:
            return Maker(subject=self.subject)
        return Maker(token_id=UUID(self.token_id))


class Maker(Struct, frozen=True, kw_only=True):
    """Who made something, by the token it was made with; by the subject only where that is not ours to give."""

    token_id: UUID | None = None
    subject: str | None = None

    def made(self, made_with: UUID | None, created_by: str) -> bool:
        if self.token_id is not None:
            return made_with == self.token_id
        return made_with is None and created_by == self.subject


SERVICE = Principal(subject="system", authentication="system")
"""The service itself, which may do everything."""


class Resource(Struct, frozen=True, kw_only=True):
    """What is acted on: a table, a dataset, or (neither given) the whole service.

    ``hidden`` is what is said to whoever may not know of it: the same as of a thing that is not there.
    """

    dataset_id: str | None = None
    table_id: UUID | None = None
    hidden: Refusal | None = None


WHOLE_SERVICE = Resource()


class Reach(Struct, frozen=True, kw_only=True):
    """Where a list may look: what lies in one of these datasets or is one of these tables."""

    datasets: tuple[str, ...]
    tables: tuple[UUID, ...]


class Whereabouts(Protocol):
    """Where things belong. It never changes, so it is asked once and remembered. Both may raise LogUnavailable."""

    def dataset_of(self, table_id: UUID) -> str | None:
        """The dataset of a table, also of one that is no longer under management; None: there never was one."""

    def table_of(self, operation_id: UUID) -> UUID | None:
        """The table that an operation is about; None: there is no such operation."""


def authorize(principal: Principal, scope: Scope, resource: Resource = WHOLE_SERVICE) -> None:
    """Returns when the principal may do this to that.

    Raises what ``resource.hidden`` says when the principal has nothing to do with the place, else ScopeMissing. A scope
    that the principal has nowhere is missing whatever the place, which tells nothing of it.
    """
    if _holds(principal, scope, resource):
        return
    sees = any(covers(grant, resource) for grant in principal.grants)
    if resource.hidden is not None and not sees and holds_somewhere(principal, scope):
        raise resource.hidden
    raise ScopeMissing(scope.value, _named(resource))


def may(principal: Principal, scope: Scope, resource: Resource = WHOLE_SERVICE) -> bool:
    return _holds(principal, scope, resource)


def holds_somewhere(principal: Principal, scope: Scope) -> bool:
    return any(scope in grant.scopes for grant in principal.grants)


def reach(principal: Principal, scope: Scope) -> Reach | None:
    """Where the principal holds the scope; None: everywhere."""
    holding = [grant for grant in principal.grants if scope in grant.scopes]
    if any(grant.is_everywhere for grant in holding):
        return None
    return Reach(
        datasets=tuple(sorted({dataset for grant in holding for dataset in grant.datasets})),
        tables=tuple(sorted({table for grant in holding for table in grant.tables})),
    )


def grant_of(
    scopes: Iterable[str], roles: Iterable[str] = (), datasets: Iterable[str] = (), tables: Iterable[UUID] = ()
) -> Grant:
    """A grant by the names of scopes and roles. Raises GrantInvalid for a name that there is not, or for none."""
    found = set[Scope]()
    for role in roles:
        if role not in ROLES:
            raise GrantInvalid(f"there is no role '{role}'; there are {', '.join(ROLES)}")
        found |= ROLES[role]
    for scope in scopes:
        try:
            found.add(Scope(scope))
        except ValueError:
            raise GrantInvalid(f"there is no scope '{scope}'; there are {', '.join(Scope)}") from None
    if not found:
        raise GrantInvalid("it names neither a scope nor a role")
    return Grant(scopes=tuple(sorted(found)), datasets=tuple(sorted(set(datasets))), tables=tuple(sorted(set(tables))))


def holds_over(principal: Principal, scope: Scope, grants: Iterable[Grant], whereabouts: Whereabouts) -> bool:
    """Whether the principal holds the scope in every place that the grants are about."""
    return all(_holds(principal, scope, place) for grant in grants for place in _places(grant, whereabouts))


def refuse_more_than_own(principal: Principal, grants: Sequence[Grant], whereabouts: Whereabouts, *also: Scope) -> None:
    """Raises GrantExceedsOwn when the principal lacks a scope, somewhere, that a grant gives, or one of ``also``."""
    for grant in grants:
        for place in _places(grant, whereabouts):
            for scope in (*grant.scopes, *also):
                if not _holds(principal, scope, place):
                    raise GrantExceedsOwn(scope.value, _named(place))


def _places(grant: Grant, whereabouts: Whereabouts) -> Iterable[Resource]:
    if grant.is_everywhere:
        yield WHOLE_SERVICE
    for dataset in grant.datasets:
        yield Resource(dataset_id=dataset)
    for table in grant.tables:
        yield Resource(table_id=table, dataset_id=whereabouts.dataset_of(table))


def _holds(principal: Principal, scope: Scope, resource: Resource) -> bool:
    return any(scope in grant.scopes and covers(grant, resource) for grant in principal.grants)


def covers(grant: Grant, resource: Resource) -> bool:
    """Whether the grant is about the place."""
    return grant.is_everywhere or resource.dataset_id in grant.datasets or resource.table_id in grant.tables


def _named(resource: Resource) -> str:
    if resource.table_id is not None:
        return f"table {resource.table_id}"
    return "everywhere" if resource.dataset_id is None else f"dataset '{resource.dataset_id}'"
