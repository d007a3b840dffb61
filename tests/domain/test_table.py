"""The rules of a dataset table: versions, and migrations that queue behind each other."""

from uuid import UUID

import pytest

from domain.errors import (
    IllegalTransition,
    SchemaVersionMismatch,
    TableBusy,
    TableNotFound,
    TooManyQueued,
)
from domain.schema import Schema, fingerprint
from domain.table.decider import (
    MAX_QUEUED,
    Managed,
    QueueMigration,
    RegisterTable,
    SettleMigration,
    TableSituation,
    Unknown,
    UnregisterTable,
    WithdrawMigration,
    decide,
    evolve,
)
from domain.table.events import MigrationQueued, SchemaChanged
from tests.domain.planning import people

ID = UUID(int=7)
WIDER = people().removed(4)

REGISTER = RegisterTable(
    dataset_id="d", name="people", description=None, engine="lance", location="/t", created=True, schema=people()
)


def queue(number: int, from_version: int, schema: Schema = WIDER) -> QueueMigration:
    return QueueMigration(
        migration_id=UUID(int=number), operation_id=UUID(int=100 + number), from_version=from_version, schema=schema
    )


def after(*commands: object) -> Managed:
    state: TableSituation = Unknown()
    for command in commands:
        for fact in decide(command, state, ID):  # type: ignore[arg-type]
            state = evolve(state, fact, ID)
    assert isinstance(state, Managed)
    return state


def test_a_registered_table_begins_with_version_one() -> None:
    table = after(REGISTER)
    assert (table.version, table.schema, table.head_version) == (1, people(), 1)
    with pytest.raises(IllegalTransition):
        decide(REGISTER, table, ID)


def test_nothing_can_be_asked_of_a_table_nobody_registered() -> None:
    for command in (queue(1, 1), SettleMigration(migration_id=UUID(int=1)), UnregisterTable()):
        with pytest.raises(TableNotFound):
            decide(command, Unknown(), ID)


def test_a_migration_is_planned_against_what_those_before_it_lead_to() -> None:
    table = after(REGISTER, queue(1, 1))
    assert (table.version, table.head_version, table.head_schema) == (1, 2, WIDER)
    (queued,) = decide(queue(2, 2), table, ID)
    assert isinstance(queued, MigrationQueued)
    assert queued.to_version == 3


def test_a_migration_for_another_version_is_refused() -> None:
    with pytest.raises(SchemaVersionMismatch):
        decide(queue(2, 1), after(REGISTER, queue(1, 1)), ID)


def test_a_settled_migration_is_the_next_version() -> None:
    table = after(REGISTER, queue(1, 1))
    (changed,) = decide(SettleMigration(migration_id=UUID(int=1)), table, ID)
    assert changed == SchemaChanged(migration_id=UUID(int=1), version=2, schema=WIDER, fingerprint=fingerprint(WIDER))
    settled = after(REGISTER, queue(1, 1), SettleMigration(migration_id=UUID(int=1)))
    assert (settled.version, settled.schema, settled.queue) == (2, WIDER, ())


def test_settling_twice_is_settling_once() -> None:
    settled = after(REGISTER, queue(1, 1), SettleMigration(migration_id=UUID(int=1)))
    assert decide(SettleMigration(migration_id=UUID(int=1)), settled, ID) == ()


def test_a_withdrawn_migration_leaves_the_version_as_it_was() -> None:
    table = after(REGISTER, queue(1, 1), WithdrawMigration(migration_id=UUID(int=1)))
    assert (table.version, table.queue) == (1, ())


def test_a_table_with_work_to_do_cannot_be_unregistered() -> None:
    with pytest.raises(TableBusy):
        decide(UnregisterTable(), after(REGISTER, queue(1, 1)), ID)


def test_the_queue_of_a_table_is_bounded() -> None:
    table = after(REGISTER, *(queue(number, number) for number in range(1, MAX_QUEUED + 1)))
    with pytest.raises(TooManyQueued):
        decide(queue(999, table.head_version), table, ID)
