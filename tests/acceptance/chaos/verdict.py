"""What must hold once everything has ended, whatever happened on the way."""

from collections import Counter
from typing import Any
from uuid import UUID

import lance
from lance.dataset import LanceOperation

from adapters.engines.lance_tables.marker import KEY
from domain.facts import Recorded
from domain.migration.events import MigrationRequested
from domain.operation.events import (
    OperationCancelled,
    OperationCompleted,
    OperationFailed,
    OperationRequested,
    OperationStarted,
)


def check_rows(location: str, written: int) -> None:
    """No row is lost, none is there twice, and none has another's value."""
    rows = lance.dataset(location).to_table(columns=["id", "v"])
    ids = sorted(rows["id"].to_pylist())
    assert ids == list(range(written)), f"{len(ids)} rows instead of {written}"
    assert all(row["v"] == 10 * row["id"] for row in rows.to_pylist())


def check_one_at_a_time(events: tuple[Recorded, ...]) -> None:
    """Between an operation's last start and its end, no other one starts on its table."""
    tables: dict[UUID, UUID] = {}
    at_work: dict[UUID, UUID] = {}
    for event in events:
        match event.fact:
            case OperationRequested():
                tables[event.stream] = event.fact.table_id
            case OperationStarted():
                table = tables[event.stream]
                holder = at_work.setdefault(table, event.stream)
                assert holder == event.stream, f"{holder} and {event.stream} ran at once on table {table}"
            case OperationCompleted() | OperationFailed() | OperationCancelled():
                at_work.pop(tables[event.stream], None) if at_work.get(tables[event.stream]) == event.stream else None
            case _:
                pass


def check_ends(events: tuple[Recorded, ...], accepted: list[str]) -> Counter[str]:
    """Every operation that was accepted has ended exactly once. Returns how many ended how."""
    ends = [
        (str(event.stream), _how(event.fact))
        for event in events
        if isinstance(event.fact, OperationCompleted | OperationFailed | OperationCancelled)
    ]
    counted = Counter(operation for operation, _ in ends)
    assert all(counted[operation] == 1 for operation in set(accepted)), counted
    return Counter(how for _, how in ends)


def _how(fact: OperationCompleted | OperationFailed | OperationCancelled) -> str:
    return f"{fact.topic}: {fact.code}" if isinstance(fact, OperationFailed) else fact.topic


def check_done_once(location: str, migrations: dict[str, str]) -> None:
    """Each migration that succeeded made one version of the table (and one more for its indexes), no other made any."""
    table = lance.dataset(location)
    data, indexes = Counter[str](), Counter[str]()
    for version in range(1, table.version + 1):
        try:
            transaction = table.read_transaction(version)
        except TypeError:
            # A compaction that rewrote indexes: pylance 14 cannot read its own. It belongs to no migration.
            continue
        owner = (transaction.transaction_properties or {}).get(KEY) if transaction else None
        if owner is not None:
            kind = indexes if isinstance(transaction.operation, LanceOperation.CreateIndex) else data
            kind[owner] += 1
    for migration, status in migrations.items():
        made = data[migration], indexes[migration]
        allowed = {(1, 0), (0, 1), (1, 1)} if status == "succeeded" else {(0, 0)}
        assert made in allowed, f"migration {migration} {status} and made {made} versions"


def migrations_of(events: tuple[Recorded, ...], table_id: str) -> dict[str, str]:
    """How each migration of the table ended, by its id."""
    of_table = {
        event.stream
        for event in events
        if isinstance(event.fact, MigrationRequested) and str(event.fact.table_id) == table_id
    }
    last = {
        str(event.stream): event.fact.topic.removeprefix("migration.") for event in events if event.stream in of_table
    }
    assert all(status in ("succeeded", "failed", "cancelled") for status in last.values()), last
    return last


def check_no_drift(answer: dict[str, Any]) -> None:
    assert not answer["drifted"], answer
