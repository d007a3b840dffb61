"""Reads of the past of a table with 10,000 schema versions, beside the same reads of a table with 10 in the same log.

The versions are written to the log as migrations would write them, and the views follow; then each read is made at
random places of each table's past. What is measured ends at the ports: HTTP would add the same to both.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from random import Random
from typing import NamedTuple
from uuid import UUID, uuid4

import msgspec
import psycopg
from msgspec.structs import replace
from psycopg.rows import dict_row

from adapters.event_log.recorder import LOG_SQL
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.preparing import prepare_database
from adapters.system import RandomIds, SystemClock
from adapters.views.catalogue import FOLLOWED, INLINE
from adapters.views.follower import Follower
from adapters.views.past import PostgresHistory
from adapters.views.reading import PostgresViews
from benchmarks.measure import Result, in_turns
from benchmarks.services import postgres
from domain.diff import diff
from domain.facts import Append, Origin
from domain.history import Moment
from domain.migration.events import MigrationRequested, MigrationSucceeded
from domain.schema import Column, Schema, fingerprint, schema_of
from domain.table.events import SchemaChanged, TableRegistered
from domain.views import SchemaVersionView

LONG, SHORT, READS, CHANGES = 10_000, 10, 50, 5
TOGETHER = 250
"""Versions of one append."""
ORIGIN = Origin(actor="bench")


def measure() -> list[Result]:
    with postgres() as url:
        database = Database(url)
        try:
            prepare_database(url, LOG_SQL)
            store = PostgresEventStore(database, SystemClock(), RandomIds(), inline=INLINE)
            tables = {versions: _table(store, versions) for versions in (LONG, SHORT)}
            _follow(url, store)
            return list(_measured(database, tables))
        finally:
            database.close()


class Subject(NamedTuple):
    """A table with the number of its versions, the first and the last of them."""

    table: UUID
    versions: int
    first: SchemaVersionView
    last: SchemaVersionView


def _measured(database: Database, tables: dict[int, UUID]) -> Iterator[Result]:
    views, past, chance = PostgresViews(database), PostgresHistory(database), Random(7)

    def subject(versions: int) -> Subject:
        first, last = past.two_versions(tables[versions], 1, versions)
        return Subject(tables[versions], versions, first, last)

    def moment(of: Subject) -> datetime:
        return of.first.applied_at + chance.random() * (of.last.applied_at - of.first.applied_at)

    def current(of: Subject) -> None:
        view = views.table(of.table)
        assert view is not None
        assert view.schema_version == of.versions

    def as_of(of: Subject) -> None:
        assert past.schema_at(of.table, Moment(at=moment(of), known_at=moment(of))) is not None

    def at_position(of: Subject) -> None:
        place = chance.randint(of.first.position or 0, of.last.position or 0)
        assert past.schema_at(of.table, Moment(position=place)) is not None

    def differences(of: Subject) -> None:
        one, two = past.two_versions(of.table, *chance.sample(range(1, of.versions + 1), 2))
        diff(one.schema, two.schema)

    def biography(of: Subject) -> None:
        assert len(past.biography(of.table, "rare")) == 1 + CHANGES

    reads = {"current": current, "moment": as_of, "position": at_position, "diff": differences, "column": biography}
    long, short = subject(LONG), subject(SHORT)
    for name, read in reads.items():
        seconds = in_turns(partial(_often, read, long), partial(_often, read, short))
        ours, peer = (1_000 * taken / READS for taken in seconds)
        yield Result(name, ours, peer, f"{SHORT} versions, not {LONG}", "ms", "at most 2 x", ours <= 2 * peer)


def _often(read: Callable[[Subject], None], of: Subject) -> None:
    for _ in range(READS):
        read(of)


def _table(store: PostgresEventStore, versions: int) -> UUID:
    """A table whose column ``rare`` changes five times, spread over the versions, and ``often`` in all others."""
    table, schema = uuid4(), _columns()
    registered = TableRegistered(
        dataset_id="d",
        name=f"t{versions}",
        engine="lance",
        location=f"/tables/{table}",
        created=True,
        schema=schema,
        fingerprint=fingerprint(schema),
    )
    store.append([Append(stream=table, expected_version=0, facts=(registered,))], ORIGIN)
    rare = {2 + number * (versions - 2) // (CHANGES - 1) for number in range(CHANGES)}
    for begin in range(2, versions + 1, TOGETHER):
        changes, migrations = [], []
        for number in range(begin, min(begin + TOGETHER, versions + 1)):
            before, migration = schema, uuid4()
            column = before.column("rare" if number in rare else "often")
            schema = before.replaced(replace(column, comment=f"as of {number}"))
            changed, facts = _facts(table, migration, number, before, schema)
            changes.append(changed)
            migrations.append(Append(stream=migration, expected_version=0, facts=facts))
        store.append([Append(stream=table, expected_version=begin - 1, facts=tuple(changes)), *migrations], ORIGIN)
    return table


def _facts(
    table: UUID, migration: UUID, number: int, before: Schema, after: Schema
) -> tuple[SchemaChanged, tuple[MigrationRequested, MigrationSucceeded]]:
    prints = fingerprint(before), fingerprint(after)
    changed = SchemaChanged(migration_id=migration, version=number, schema=after, fingerprint=prints[1])
    asked = MigrationRequested(
        table_id=table,
        dataset_id="d",
        operation_id=uuid4(),
        operations=msgspec.Raw(b"[]"),
        from_version=number - 1,
        to_version=number,
        plan_hash="h",
    )
    done = MigrationSucceeded(
        before=before,
        before_fingerprint=prints[0],
        after=after,
        after_fingerprint=prints[1],
        engine_version=str(number),
    )
    return changed, (asked, done)


def _columns() -> Schema:
    names = ("id", "rare", "often", *(f"c{number}" for number in range(17)))
    return schema_of(tuple(Column(id=0, name=name, data_type="int64") for name in names), ("id",))


def _follow(url: str, store: PostgresEventStore) -> None:
    """Lets every asynchronous view reach the log's end, and the database know what its tables hold."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        for projection in FOLLOWED:
            follower = Follower(url, store, projection)
            while follower._advance(connection):
                pass
        connection.execute("ANALYZE")
