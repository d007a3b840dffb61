"""The log keeps its promises: append-only, one order without gaps, all or nothing, once."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from adapters.event_log.recorder import LOG_SQL, Recorder
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from adapters.postgres.statements import Connection
from adapters.system import RandomIds
from adapters.views.reading import PostgresViews
from domain.errors import LocationTaken, LogUnavailable, StreamMoved, TableNameTaken
from domain.facts import Append
from domain.operation.events import OperationFailed, OperationProgressed, OperationStarted
from domain.table.events import MigrationWithdrawn, TableUnregistered
from tests.adapters.conftest import ORIGIN, registered, requested, write


def progressed(percent: float) -> OperationProgressed:
    return OperationProgressed(percent=percent, message="m", units_done=1, units_total=2, rows_done=1, rows_total=2)


def test_what_was_written_is_read_with_all_its_circumstances(store: PostgresEventStore) -> None:
    stream = uuid4()
    position = write(store, stream, 0, registered())
    (event,) = store.load(stream)
    assert (event.position, event.stream, event.version) == (position, stream, 1)
    assert event.fact == registered()
    assert event.metadata.origin == ORIGIN
    assert event.recorded_at.tzinfo is not None


def test_several_streams_are_written_together_or_not_at_all(store: PostgresEventStore) -> None:
    taken, free = uuid4(), uuid4()
    write(store, taken, 0, registered())
    together = [
        Append(stream=free, expected_version=0, facts=(requested(),)),
        Append(stream=taken, expected_version=0, facts=(TableUnregistered(),)),
    ]
    with pytest.raises(StreamMoved):
        store.append(together, ORIGIN)
    assert store.load(free) == ()


def test_of_two_writers_of_one_stream_one_is_told_that_it_moved(store: PostgresEventStore) -> None:
    stream = uuid4()
    write(store, stream, 0, requested())
    barrier = threading.Barrier(2)

    def start(worker: str) -> str:
        barrier.wait()
        try:
            write(store, stream, 1, OperationStarted(attempt=1, worker=worker))
        except StreamMoved:
            return "moved"
        return "written"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(start, ["w1", "w2"])) == ["moved", "written"]


def test_positions_have_no_gaps_though_writers_race_and_fail(store: PostgresEventStore) -> None:
    contested = uuid4()

    def race(number: int) -> None:
        write(store, uuid4(), 0, requested())
        with contextlib.suppress(StreamMoved):
            write(store, contested, number % 3, requested())

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(race, range(40)))
    positions = [event.position for event in store.read(0, 1_000)]
    assert positions == list(range(1, len(positions) + 1))
    assert len(positions) >= 40


def test_the_recorded_moment_never_goes_back_though_the_databases_clock_is_set_back(
    database: Database, store: PostgresEventStore
) -> None:
    stream = uuid4()
    write(store, stream, 0, registered())
    with database.pool.connection() as connection:
        # As if the last event had been written an hour ahead of the clock that is right now.
        connection.execute("ALTER TABLE stored_events DISABLE TRIGGER ALL")
        connection.execute("UPDATE stored_events SET recorded_at = clock_timestamp() + interval '1 hour'")
    first = store.load(stream)[-1]
    with database.pool.connection() as connection:
        # Puts the triggers in force again.
        connection.execute(LOG_SQL.encode())
    write(store, uuid4(), 0, registered("later"))
    assert store.read(first.position, 1)[0].recorded_at == first.recorded_at


def test_the_recorded_moment_never_goes_back_whatever_the_applications_clock_does(database: Database) -> None:
    class SteppingBack:
        def __init__(self) -> None:
            self.hour = 23

        def now(self) -> datetime:
            self.hour -= 1
            return datetime(2026, 3, 3, self.hour, tzinfo=UTC)

    store = PostgresEventStore(database, SteppingBack(), RandomIds())
    for _ in range(5):
        write(store, uuid4(), 0, requested())
    events = store.read(0, 10)
    assert [e.recorded_at for e in events] == sorted(e.recorded_at for e in events)
    assert [e.metadata.moment for e in events] == sorted((e.metadata.moment for e in events), reverse=True)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE stored_events SET state = state",
        "DELETE FROM stored_events",
        "TRUNCATE stored_events",
    ],
)
def test_the_database_itself_refuses_to_change_the_log(store: PostgresEventStore, database: Database, sql: str) -> None:
    write(store, uuid4(), 0, requested())
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        database.write(lambda connection: connection.execute(sql.encode()))
    assert len(store.read(0, 10)) == 1


def test_two_tables_cannot_have_one_name_or_one_location(store: PostgresEventStore) -> None:
    write(store, uuid4(), 0, registered("people"))
    with pytest.raises(TableNameTaken):
        write(store, uuid4(), 0, registered("people", "/elsewhere"))
    with pytest.raises(LocationTaken):
        write(store, uuid4(), 0, registered("others", "/tables/people"))
    assert len(store.read(0, 10)) == 1


def test_the_name_of_an_unregistered_table_is_free_again(store: PostgresEventStore) -> None:
    first = uuid4()
    write(store, first, 0, registered("people"))
    write(store, first, 1, TableUnregistered())
    write(store, uuid4(), 0, registered("people"))


def test_a_connection_lost_after_the_commit_is_no_conflict(
    store: PostgresEventStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backend is really ended, right after the commit went through and before the answer is believed."""
    inner = Recorder.insert_together
    lost = list[int]()

    def commit_then_lose(recorder: Recorder, insertions: Any) -> Any:
        positions = inner(recorder, insertions)
        if not lost:
            lost.append(1)
            with psycopg.connect(database.url, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            database.pool.check()
            from eventsourcing.persistence import OperationalError

            raise OperationalError("server closed the connection unexpectedly")
        return positions

    monkeypatch.setattr(Recorder, "insert_together", commit_then_lose)
    stream = uuid4()
    position = write(store, stream, 0, requested())
    assert lost
    assert [event.position for event in store.load(stream)] == [position]


def test_backends_that_end_between_two_calls_are_not_noticed(store: PostgresEventStore, database: Database) -> None:
    stream = uuid4()
    write(store, stream, 0, requested())
    with psycopg.connect(database.url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert len(store.load(stream)) == 1
    write(store, stream, 1, OperationStarted(attempt=1, worker="w"))


def test_a_database_that_cannot_be_reached_is_said_to_be_away() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    store = PostgresEventStore(database, None, RandomIds())  # type: ignore[arg-type]
    with pytest.raises(LogUnavailable):
        store.load(uuid4())
    database.close()


def test_withdrawing_what_is_unknown_to_the_view_changes_nothing_there(store: PostgresEventStore) -> None:
    write(store, uuid4(), 0, MigrationWithdrawn(migration_id=uuid4()))


@pytest.mark.parametrize("expected", [2, 7])
def test_a_stream_that_stands_lower_than_expected_gets_no_hole(store: PostgresEventStore, expected: int) -> None:
    stream = uuid4()
    write(store, stream, 0, requested())
    with pytest.raises(StreamMoved):
        write(store, stream, expected, OperationStarted(attempt=1, worker="w"))
    assert [event.version for event in store.load(stream)] == [1]


def test_whoever_writes_past_the_store_waits_his_turn_too(store: PostgresEventStore, database: Database) -> None:
    insert = (
        b"INSERT INTO stored_events (originator_id, originator_version, topic, state) "
        b"VALUES (gen_random_uuid(), 1, 'foreign', '{}')"
    )

    def write_many(_: int) -> None:
        with psycopg.connect(database.url, autocommit=True) as connection:
            for _ in range(30):
                connection.execute(insert)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_many, range(4)))
    assert write(store, uuid4(), 0, requested()) == 121


def test_a_session_that_plays_a_replica_cannot_change_the_log_either(
    store: PostgresEventStore, database: Database
) -> None:
    write(store, uuid4(), 0, requested())
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            connection.execute("DELETE FROM stored_events")


def test_a_writer_that_hangs_does_not_hang_the_others_for_ever(store: PostgresEventStore, database: Database) -> None:
    with psycopg.connect(database.url) as hanging:
        hanging.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
            "VALUES (gen_random_uuid(), 1, 'foreign', '{}')"
        )
        with pytest.raises(LogUnavailable, match="lock timeout"):
            write(store, uuid4(), 0, requested())
        hanging.rollback()
    assert write(store, uuid4(), 0, requested()) == 1


def test_a_database_turned_read_only_is_away_for_writers_only(store: PostgresEventStore, database: Database) -> None:
    stream = uuid4()
    write(store, stream, 0, requested())

    def set_read_only(connection: Connection) -> None:
        connection.execute("SET default_transaction_read_only = on")

    with ThreadPoolExecutor(8) as pool:
        held = threading.Barrier(8)
        list(pool.map(lambda _: database.write(lambda c: (held.wait(), set_read_only(c))), range(8)))
    with pytest.raises(LogUnavailable, match="read-only"):
        write(store, stream, 1, OperationStarted(attempt=1, worker="w"))
    assert len(store.load(stream)) == 1


def test_a_nul_in_a_text_stays_in_the_log_and_is_marked_in_the_view(
    store: PostgresEventStore, views: PostgresViews
) -> None:
    """An engine may quote a value of the data, and a value may hold anything."""
    stream, failed = uuid4(), OperationFailed(code="cast_failed", message="cannot become int32: 'a\x00b'")
    write(store, stream, 0, requested(), failed)
    assert store.load(stream)[-1].fact == failed
    view = views.operation(stream)
    assert view is not None
    assert view.error_message == "cannot become int32: 'a\ufffdb'"


def test_an_append_may_touch_more_operations_than_a_notification_can_name(store: PostgresEventStore) -> None:
    many = [Append(stream=uuid4(), expected_version=0, facts=(requested(),)) for _ in range(300)]
    assert [event.position for event in store.append(many, ORIGIN)] == list(range(1, 301))


def test_the_facts_of_a_stream_are_those_of_its_events(store: PostgresEventStore) -> None:
    stream = uuid4()
    write(store, stream, 0, requested(), OperationStarted(attempt=1, worker="w"))
    for after in range(3):
        assert store.facts(stream, after) == tuple(event.fact for event in store.load(stream, after))


def test_a_stream_stands_where_its_last_event_does_without_reports_that_others_follow(
    store: PostgresEventStore,
) -> None:
    stream, asked, started = uuid4(), requested(), OperationStarted(attempt=1, worker="w")
    assert store.standing(stream) == ((), 0)
    write(store, stream, 0, asked, started, *map(progressed, (1, 2, 3)), started, progressed(4))
    facts, version = store.standing(stream)
    assert facts == (asked, started, progressed(3), started, progressed(4))
    assert version == store.load(stream)[-1].version == 7


def test_an_append_is_answered_with_the_events_as_they_stand_in_the_log(store: PostgresEventStore) -> None:
    one, other = uuid4(), uuid4()
    written = store.append(
        [
            Append(stream=one, expected_version=0, facts=(requested(), OperationStarted(attempt=1, worker="w"))),
            Append(stream=other, expected_version=0, facts=(requested(),)),
        ],
        ORIGIN,
    )
    assert written == (*store.load(one), *store.load(other)) == store.read(0, 10)


class Watch:
    """A machine's clock that can be set."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def test_a_clock_that_is_years_ahead_for_one_event_does_not_move_the_log(database: Database) -> None:
    """Of two clocks the earlier counts: to the database, whose clock is ahead, the writer's is years behind."""
    watch, stream = Watch(), uuid4()
    store = PostgresEventStore(database, watch, RandomIds(), host_clock=watch)
    watch.ahead = timedelta(days=-3650)
    write(store, stream, 0, requested())
    (first,) = store.load(stream)
    assert datetime.now(UTC) - first.recorded_at > timedelta(days=3649)
    # Minutes apart are usual, and PostgreSQL's clock counts; as it does when the writer's runs ahead.
    for version, ahead in enumerate((timedelta(minutes=-4), timedelta(days=3650), timedelta(days=-3650)), start=1):
        watch.ahead = ahead
        before = datetime.now(UTC)
        write(store, stream, version, progressed(1.0))
        recorded = store.load(stream)[-1].recorded_at
        if ahead < timedelta(days=-1):
            assert recorded == store.load(stream)[-2].recorded_at
        else:
            assert before - timedelta(seconds=5) < recorded < datetime.now(UTC) + timedelta(seconds=5)


def test_a_temporary_table_of_the_logs_name_is_not_taken_for_it(
    store: PostgresEventStore, database: Database, database_url: str
) -> None:
    stream = uuid4()
    write(store, stream, 0, requested())
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("CREATE TEMPORARY TABLE stored_events (LIKE public.stored_events)")
        other.execute(
            "INSERT INTO pg_temp.stored_events SELECT originator_id, 6, topic, state, 1000000, '2099-01-01Z' "
            "FROM public.stored_events"
        )
        beyond = "INSERT INTO public.stored_events SELECT originator_id, 7, topic, state FROM public.stored_events"
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            other.execute(beyond)
        other.execute(beyond.replace("7", "2"))
    first, second = store.load(stream)
    assert second.position == first.position + 1
    assert second.recorded_at.year == first.recorded_at.year


def test_every_function_of_ours_finds_its_names_whatever_the_session_says(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"
        ).fetchall()
    assert len(found) >= 4
    assert all(config == ["search_path=pg_catalog, public, pg_temp"] for _, config in found)
