"""Who may do what to what, decided without asking anybody."""

from uuid import UUID

import pytest

from domain.access import (
    EVERYTHING,
    ROLES,
    WHOLE_SERVICE,
    Grant,
    Principal,
    Reach,
    Resource,
    Scope,
    authorize,
    grant_of,
    may,
    reach,
    refuse_more_than_own,
)
from domain.errors import GrantExceedsOwn, GrantInvalid, ScopeMissing, TableNotFound

ORDERS, CUSTOMERS, STOCK = UUID(int=1), UUID(int=2), UUID(int=3)
HOMES = {ORDERS: "shop", CUSTOMERS: "shop", STOCK: "store"}


class Known:
    def dataset_of(self, table_id: UUID) -> str | None:
        return HOMES.get(table_id)

    def table_of(self, operation_id: UUID) -> UUID | None:
        return None


def table(table_id: UUID) -> Resource:
    return Resource(table_id=table_id, dataset_id=HOMES.get(table_id), hidden=TableNotFound(str(table_id)))


def who(*grants: Grant) -> Principal:
    return Principal(subject="ana", grants=grants)


EDITOR = who(grant_of((), ["editor"], datasets=["shop"]), grant_of(["tables:read"], tables=[STOCK]))


def test_the_admin_may_do_everything_everywhere() -> None:
    for scope in Scope:
        authorize(who(*EVERYTHING), scope)
        authorize(who(*EVERYTHING), scope, table(STOCK))


def test_a_scope_holds_where_it_is_granted_and_nowhere_else() -> None:
    authorize(EDITOR, Scope.MIGRATIONS_WRITE, table(ORDERS))
    authorize(EDITOR, Scope.TABLES_READ, table(STOCK))
    with pytest.raises(ScopeMissing, match="migrations:write"):
        authorize(EDITOR, Scope.MIGRATIONS_WRITE, table(STOCK))
    with pytest.raises(ScopeMissing, match="everywhere"):
        authorize(EDITOR, Scope.TABLES_READ, WHOLE_SERVICE)


def test_what_the_caller_has_nothing_to_do_with_is_not_there() -> None:
    elsewhere = who(grant_of((), ["admin"], datasets=["other"]))
    for unknown in (table(ORDERS), table(UUID(int=99))):
        with pytest.raises(TableNotFound):
            authorize(elsewhere, Scope.TABLES_READ, unknown)


def test_a_scope_held_nowhere_is_missing_whether_the_table_is_there_or_not() -> None:
    elsewhere = who(grant_of(["tables:read"], datasets=["other"]))
    for resource in (table(ORDERS), table(UUID(int=99))):
        with pytest.raises(ScopeMissing):
            authorize(elsewhere, Scope.MIGRATIONS_WRITE, resource)


def test_a_list_looks_where_the_scope_is_held() -> None:
    assert reach(EDITOR, Scope.TABLES_READ) == Reach(datasets=("shop",), tables=(STOCK,))
    assert reach(EDITOR, Scope.MIGRATIONS_WRITE) == Reach(datasets=("shop",), tables=())
    assert reach(EDITOR, Scope.TOKENS_MANAGE) == Reach(datasets=(), tables=())
    assert reach(who(*EVERYTHING), Scope.TABLES_READ) is None


@pytest.mark.parametrize(
    ("grant", "exceeds"),
    [
        (grant_of(["tables:read"], datasets=["shop"]), False),
        (grant_of(["migrations:write"], tables=[ORDERS]), False),
        (grant_of(["tables:read"], tables=[STOCK]), False),
        (grant_of(["schema:read"], tables=[STOCK]), True),
        (grant_of(["tables:write"], datasets=["shop"]), True),
        (grant_of(["tables:read"], datasets=["store"]), True),
        (grant_of(["tables:read"]), True),
    ],
)
def test_nobody_gives_more_than_he_has(grant: Grant, exceeds: bool) -> None:
    if exceeds:
        with pytest.raises(GrantExceedsOwn):
            refuse_more_than_own(EDITOR, [grant], Known())
    else:
        refuse_more_than_own(EDITOR, [grant], Known())


def test_every_scope_is_in_a_role_and_wrong_names_are_told() -> None:
    assert set().union(*ROLES.values()) == set(Scope)
    for scopes, roles in ((["tables:eat"], []), ([], ["king"]), ([], [])):
        with pytest.raises(GrantInvalid):
            grant_of(scopes, roles)


def test_an_approver_writes_nothing() -> None:
    approver = who(grant_of((), ["approver"]))
    assert may(approver, Scope.MIGRATIONS_APPROVE)
    assert not may(approver, Scope.MIGRATIONS_WRITE)
