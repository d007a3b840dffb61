"""Views that follow the log: elected, batch by batch, and back by themselves after an interruption."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from threading import Event
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest

from adapters.event_log.feed import Feed
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.statements import Statement, run
from adapters.views.catalogue import FOLLOWED
from adapters.views.event_streams import event_streams
from adapters.views.follower import ADVANCE, Follower, Projection
from adapters.views.freshness import FAR_BEHIND, Freshness
from adapters.views.reading import PostgresViews
from adapters.views.vitals import PostgresVitalSigns
from domain.examination import Bookkeeping, judge
from domain.facts import Recorded
from domain.migration.events import MigrationFailed, MigrationRequested, MigrationStarted, MigrationSucceeded
from domain.table.events import OutsideChangeAdopted, SchemaChanged, TableUnregistered
from tests.acceptance.conftest import wait_for
from tests.adapters.conftest import registered, write
from tests.domain.planning import people

WELL = Bookkeeping(missing_positions=0, unleased=0, idle_leases=0)


@pytest.fixture
def followed(database_url: str, store: PostgresEventStore) -> Iterator[list[Follower]]:
    """Two processes' worth of followers: only one of each is elected."""
    feed = Feed(database_url)
    feed.start()
    followers = [Follower(database_url, store, projection) for projection in (*FOLLOWED, *FOLLOWED)]
    for follower in followers:
        feed.on_append(follower.wake)
        follower.start()
    yield followers
    for follower in followers:
        follower.stop()
    feed.stop()


def migration(table: UUID) -> MigrationRequested:
    return MigrationRequested(
        table_id=table,
        dataset_id="d",
        operation_id=uuid4(),
        operations=msgspec.Raw(b'[ {"type": "drop_column", "params": {"name":"x"} } ]'),
        description="why",
        from_version=1,
        to_version=2,
        plan_hash="h",
    )


def succeeded() -> MigrationSucceeded:
    return MigrationSucceeded(
        before=people(), before_fingerprint="a", after=people(), after_fingerprint="b", engine_version="2"
    )


@pytest.mark.usefixtures("followed")
def test_a_migration_reads_back_exactly_as_it_was_sent(store: PostgresEventStore, views: PostgresViews) -> None:
    table, ids = uuid4(), [uuid4() for _ in range(3)]
    for migration_id in ids:
        write(store, migration_id, 0, migration(table))
    write(store, ids[0], 1, MigrationStarted(), succeeded())
    write(store, ids[1], 1, MigrationStarted(), MigrationFailed(code="c", message="m"))
    found = views.migrations(table, 10)
    assert [(view.migration_id, view.status) for view in found] == [
        (ids[2], "pending"),
        (ids[1], "failed"),
        (ids[0], "succeeded"),
    ]
    assert bytes(found[0].operations) == b'[ {"type": "drop_column", "params": {"name":"x"} } ]'
    assert found[0].created_by == "tester"
    assert views.migration(uuid4(), ids[0]) is None


@pytest.mark.usefixtures("followed")
def test_schema_versions_outlive_their_table(store: PostgresEventStore, views: PostgresViews) -> None:
    table = uuid4()
    changed = SchemaChanged(migration_id=uuid4(), version=2, schema=people().removed(4), fingerprint="g")
    write(store, table, 0, registered(), changed, TableUnregistered())
    assert [view.version for view in views.schema_versions(table, 10)] == [2, 1]
    assert [view.version for view in views.schema_versions(table, 10, after=2)] == [1]
    second = views.schema_version(table, 2)
    assert second is not None
    assert (second.schema, second.migration_id) == (people().removed(4), changed.migration_id)
    assert views.schema_version(table, 3) is None


@pytest.mark.usefixtures("followed")
@pytest.mark.parametrize("year", [1970, 2999])
def test_an_engines_clock_cannot_put_a_version_before_its_predecessor_or_after_its_record(
    store: PostgresEventStore, views: PostgresViews, year: int
) -> None:
    table, moment = uuid4(), datetime(year, 1, 1, tzinfo=UTC)
    adopted = OutsideChangeAdopted(
        migration_id=uuid4(), version=2, schema=people(), fingerprint="f", effective_at=moment
    )
    write(store, table, 0, registered())
    write(store, table, 1, adopted)
    second, first = views.schema_versions(table, 10)
    assert second.applied_at == (first.applied_at if year == 1970 else second.known_at)
    assert first.known_at < second.known_at
    current = views.table(table)
    assert current is not None
    assert (current.effective_at, current.updated_at) == (second.applied_at, second.known_at)
    assert current.schema_position == second.position


@pytest.mark.usefixtures("followed")
def test_a_follower_goes_on_after_its_connection_is_lost(
    store: PostgresEventStore, views: PostgresViews, database_url: str
) -> None:
    for number in range(3):
        table = uuid4()
        write(store, table, 0, registered(f"t{number}"))
        assert len(views.schema_versions(table, 10)) == 1
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        patient = PostgresViews(views._database, Freshness(views._database, seconds=iter(range(1000)).__next__))
        assert patient.schema_version(table, 1) is not None


def test_a_view_stops_right_before_an_event_it_cannot_take_says_so_and_goes_on_once_it_can(
    store: PostgresEventStore, database: Database, database_url: str
) -> None:
    """Everything before it is shown, however many are read at once; what stands in the way is known to the doctor."""
    good, bad, after = uuid4(), uuid4(), uuid4()
    for stream, name in ((good, "a"), (bad, "b"), (after, "c")):
        write(store, stream, 0, registered(name))
    cured = Event()

    def statements(event: Recorded) -> Iterable[Statement]:
        if event.stream == bad and not cured.is_set():
            raise ZeroDivisionError("the view has a fault")
        return event_streams(event)

    def known(stream: UUID) -> bool:
        rows = database.rows("SELECT FROM event_streams_v1 WHERE stream = %(stream)s", {"stream": stream})
        return bool(rows)

    signs = PostgresVitalSigns(database, ["event_streams_v1"])
    follower = Follower(database_url, store, Projection("event_streams_v1", statements))
    follower.start()
    try:
        wait_for(lambda: signs.read().stuck)
        stuck = signs.read().stuck["event_streams_v1"]
        assert (stuck.position, stuck.message) == (2, "ZeroDivisionError: the view has a fault")
        assert (known(good), known(bad), known(after)) == (True, False, False)
        findings = {finding.subject: finding for finding in judge(signs.read(), WELL)}
        assert "event_streams_v1 cannot get past position 2" in findings["view"].message
        cured.set()
        wait_for(lambda: known(after))
        wait_for(lambda: not signs.read().stuck)
        assert known(bad)
    finally:
        follower.stop()


def test_a_view_that_nobody_follows_is_answered_as_it_is(store: PostgresEventStore, views: PostgresViews) -> None:
    table = uuid4()
    write(store, table, 0, registered())
    ticks = iter(range(100))
    impatient = PostgresViews(
        views._database, Freshness(views._database, seconds=lambda: float(next(ticks)), sleep=lambda _: None)
    )
    assert impatient.schema_versions(table, 10) == []


def test_a_view_that_does_not_move_is_waited_for_once_and_not_by_every_reader(
    store: PostgresEventStore, views: PostgresViews, database: Database
) -> None:
    now, naps = [0.0], list[float]()

    def nap(seconds: float) -> None:
        naps.append(seconds)
        now[0] += 0.5

    table = uuid4()
    write(store, table, 0, registered())
    readers = PostgresViews(database, Freshness(database, seconds=lambda: now[0], sleep=nap))
    for _ in range(5):
        assert readers.schema_versions(table, 10) == []
    assert len(naps) == 4
    # It moves: it is worth waiting for again.
    write(store, uuid4(), 0, registered("other"))
    database.write(lambda one: run(one, Statement(ADVANCE, {"name": "schema_versions_v2", "position": 1})))
    for _ in range(5):
        readers.schema_versions(table, 10)
    assert len(naps) == 8
    database.write(lambda one: run(one, Statement(ADVANCE, {"name": "schema_versions_v2", "position": -FAR_BEHIND})))
    readers.schema_versions(table, 10)
    assert len(naps) == 8
