"""Views rebuilt from the log: equal to the live ones, in place without a pause, verified, and as of some position."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from threading import Event, Thread
from typing import get_args
from uuid import uuid4

import pytest
from msgspec.structs import replace

from adapters.event_log.recorder import LOG_LOCK
from adapters.event_log.store import PostgresEventStore
from adapters.leases import PostgresLeases
from adapters.postgres.database import Database
from adapters.views import rebuilding
from adapters.views.aside import Aside
from adapters.views.audit_trail import NAME as TRAIL
from adapters.views.audit_trail import audit_trail
from adapters.views.catalogue import FOLLOWED, VIEWS
from adapters.views.folding import OneByOne, View
from adapters.views.follower import Follower
from adapters.views.past import PostgresHistory
from adapters.views.reading import PostgresViews
from adapters.views.rebuilding import PostgresReplays
from domain.all_facts import AnyFact
from domain.errors import ProjectionBusy, ProjectionNotFound, Refusal
from domain.facts import Recorded
from domain.operation.events import OperationFailed, OperationRequested, OperationStarted
from domain.views import OperationFilter, TableFilter
from tests.adapters.conftest import registered, requested, write
from tests.adapters.views.random_history import RandomHistory
from tests.adapters.views.test_rebuilding import ASYNCHRONOUS, INLINE, Following, rows
from tests.adapters.views.test_telling import LIVES

ALL = tuple(view.name for view in VIEWS)


def unwatched(done: int, total: int) -> None:
    pass


@pytest.fixture
def followed(database_url: str, store: PostgresEventStore) -> Iterator[Following]:
    made = Following(database_url, store)
    yield made
    made.connection.close()


@pytest.fixture
def replays(database_url: str, database: Database, store: PostgresEventStore) -> PostgresReplays:
    return PostgresReplays(database_url, database, store, VIEWS, LOG_LOCK)


def indexes(database: Database) -> list[dict[str, str]]:
    return database.rows(
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2", {}
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_rebuilt_views_are_row_for_row_what_the_live_ones_were(
    database: Database,
    store: PostgresEventStore,
    followed: Following,
    replays: PostgresReplays,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    history = RandomHistory(store, seed)
    for _ in range(150):
        history.step()
    followed.to_the_end()
    monkeypatch.setattr(rebuilding, "BATCH", Random(seed).randint(7, 90))
    monkeypatch.setattr(rebuilding, "CLOSE", 5)
    live, shaped = rows(database, ASYNCHRONOUS + INLINE), indexes(database)
    assert all(live.values())
    for table in ASYNCHRONOUS + INLINE:
        followed.connection.execute(f"DELETE FROM {table}")
    rebuilt = replays.rebuild(ALL, "k", unwatched)
    assert rows(database, ASYNCHRONOUS + INLINE) == live
    assert indexes(database) == shaped
    assert rebuilt.position == len(store.read(0, 100_000))


LIVES_AT_ONCE = [(name, estimated_ms) for name in LIVES for estimated_ms in (None, 1_500)]


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_every_life_of_an_operation_is_folded_as_it_was_written(
    store: PostgresEventStore, replays: PostgresReplays, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(rebuilding, "BATCH", batch)
    lives = {uuid4(): [requested_with(estimated), *LIVES[name]] for name, estimated in LIVES_AT_ONCE}
    for version in range(max(map(len, lives.values()))):
        for operation, facts in lives.items():
            if version < len(facts):
                write(store, operation, version, facts[version])
    (verified,) = replays.verify(["operation_status"], unwatched)
    assert verified.discrepancy is None
    assert verified.rows == len(lives)
    assert verified.position == len(store.read(0, 1_000))


def requested_with(estimated_ms: int | None) -> OperationRequested:
    return replace(requested(), estimated_ms=estimated_ms, uncorrected_ms=estimated_ms, retries=uuid4())


def test_a_nul_in_a_text_is_rebuilt_as_it_was_written(store: PostgresEventStore, replays: PostgresReplays) -> None:
    operation = uuid4()
    write(store, operation, 0, requested(), OperationStarted(attempt=1, worker="w"))
    write(store, operation, 2, OperationFailed(code="c", message="a\x00b"))
    assert replays.verify(["operation_status"], unwatched)[0].discrepancy is None


DAMAGE = {
    "a value": ("UPDATE migrations_v4 SET status = 'failed' WHERE {first}", "status", ("failed", "succeeded")),
    "a missing row": ("DELETE FROM migrations_v4 WHERE {first}", "migration_id", (None, "{key}")),
    "NULL": ("UPDATE migrations_v4 SET created_by = '', description = NULL WHERE {first}", "description", None),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_first_difference_is_named(
    database: Database, store: PostgresEventStore, followed: Following, replays: PostgresReplays, damage: str
) -> None:
    history = RandomHistory(store, 5)
    for _ in range(40):
        history.step()
    followed.to_the_end()
    first = database.row("SELECT migration_id FROM migrations_v4 WHERE status = 'succeeded' ORDER BY 1 LIMIT 1", {})
    assert first is not None
    key = str(first["migration_id"])
    sql, column, values = DAMAGE[damage]
    followed.connection.execute(sql.format(first=f"migration_id = '{key}'"))
    damaged, sound = replays.verify(["migrations", "schema_versions"], unwatched)
    found = damaged.discrepancy
    assert found is not None
    assert (found.table, found.key, found.column) == ("migrations_v4", {"migration_id": key}, column)
    if values is not None:
        assert (found.live, found.rebuilt) == tuple(value and value.format(key=key) for value in values)
    assert sound.discrepancy is None
    replays.rebuild(["migrations"], "k", unwatched)
    assert replays.verify(["migrations"], unwatched)[0].discrepancy is None


def test_a_row_too_many_is_named(database: Database, replays: PostgresReplays, store: PostgresEventStore) -> None:
    write(store, uuid4(), 0, registered())
    database.write(
        lambda connection: connection.execute(
            "INSERT INTO dataset_tables_v1 SELECT gen_random_uuid(), position, 'x', name, description, engine, 'y', "
            "schema_version, schema, created_at, updated_at FROM dataset_tables_v1"
        )
    )
    found = replays.verify(["dataset_tables"], unwatched)[0].discrepancy
    assert found is not None
    assert found.rebuilt is None


def test_a_view_that_lags_is_compared_where_it_stands(
    store: PostgresEventStore, followed: Following, replays: PostgresReplays
) -> None:
    history = RandomHistory(store, 6)
    for _ in range(20):
        history.step()
    followed.to_the_end()
    stands = len(store.read(0, 10_000))
    for _ in range(20):
        history.step()
    found = replays.verify(ALL, unwatched)
    assert [verified.discrepancy for verified in found] == [None] * len(ALL)
    head = len(store.read(0, 10_000))
    assert {verified.view: verified.position for verified in found} == {
        view.name: stands if view.followed else head for view in VIEWS
    }


class Interrupted(Refusal):
    code = "interrupted"
    sentence = "for the test"
    retryable = True


def test_an_interrupted_rebuild_goes_on_and_leaves_nothing(
    database: Database,
    store: PostgresEventStore,
    followed: Following,
    replays: PostgresReplays,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history = RandomHistory(store, 7)
    for _ in range(60):
        history.step()
    followed.to_the_end()
    live = rows(database, ASYNCHRONOUS + INLINE)
    monkeypatch.setattr(rebuilding, "BATCH", 40)
    monkeypatch.setattr(rebuilding, "CLOSE", 5)
    seen = list[int]()

    def pull_the_plug(done: int, total: int) -> None:
        seen.append(done)
        if done >= 80:
            raise Interrupted

    with pytest.raises(Interrupted):
        replays.rebuild(ALL, "k", pull_the_plug)
    replays.rebuild(ALL, "k", lambda done, total: seen.append(done))
    assert seen[:3] == [40, 80, 120]
    assert rows(database, ASYNCHRONOUS + INLINE) == live
    assert asides(database) == []


def test_what_a_killed_rebuild_left_is_cleared_away_by_the_next(
    database: Database, database_url: str, store: PostgresEventStore, replays: PostgresReplays
) -> None:
    write(store, uuid4(), 0, registered())
    killed, working = (Aside(database_url, key, ["dataset_tables_v1"]) for key in ("killed", "working"))
    for aside in (killed, working):
        assert aside.hold()
        aside.make()
    killed.close(keep=True)
    assert len(asides(database)) == 2
    replays.rebuild(["dataset_tables"], "k", unwatched)
    assert asides(database) == [working.name]
    working.close()
    assert asides(database) == []


def test_two_at_a_time_under_one_key_are_refused(database_url: str, replays: PostgresReplays) -> None:
    other = Aside(database_url, "k", ())
    assert other.hold()
    with pytest.raises(ProjectionBusy):
        replays.rebuild(["migrations"], "k", unwatched)
    other.close()


def test_a_view_that_is_only_known_by_its_statements_is_folded_by_them(
    database_url: str, database: Database, store: PostgresEventStore, followed: Following
) -> None:
    history = RandomHistory(store, 11)
    for _ in range(10):
        history.step()
    followed.to_the_end()
    plain = View("trail", (TRAIL,), lambda: OneByOne(audit_trail, get_args(AnyFact)), TRAIL)
    (verified,) = PostgresReplays(database_url, database, store, [plain], LOG_LOCK).verify(["trail"], unwatched)
    assert verified.discrepancy is None
    assert verified.rows == len(store.read(0, 1_000))


class OvertakenStore:
    """Whoever reads from it finds that the view was rebuilt meanwhile, once."""

    def __init__(self, store: PostgresEventStore, rebuild: Callable[[], object]) -> None:
        self._store, self._rebuild = store, [rebuild]

    def read(self, after: int, limit: int) -> tuple[Recorded, ...]:
        events = self._store.read(after, limit)
        if self._rebuild:
            self._rebuild.pop()()
        return events


def test_a_follower_that_is_overtaken_by_a_rebuild_goes_on_from_there(
    database_url: str, store: PostgresEventStore, followed: Following, replays: PostgresReplays
) -> None:
    history = RandomHistory(store, 10)
    for _ in range(10):
        history.step()
    overtaken = OvertakenStore(store, lambda: replays.rebuild(["migrations"], "k", unwatched))
    follower = Follower(database_url, overtaken, FOLLOWED[0])  # type: ignore[arg-type]
    assert follower._advance(followed.connection)
    assert not follower._advance(followed.connection)
    assert replays.verify(["migrations"], unwatched)[0].discrepancy is None


def test_a_name_of_no_view_is_refused(replays: PostgresReplays) -> None:
    with pytest.raises(ProjectionNotFound, match="operation_status, dataset_tables"):
        replays.rebuild(["people"], "k", unwatched)


def asides(database: Database) -> list[str]:
    sql = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'schemaledger_')"
    return [row["nspname"] for row in database.rows(sql, {})]


@pytest.mark.parametrize("seed", [8])
def test_as_of_a_position_everything_is_as_it_was_then(
    database: Database, store: PostgresEventStore, followed: Following, replays: PostgresReplays, seed: int
) -> None:
    history, where = RandomHistory(store, seed), OperationFilter()
    for _ in range(40):
        history.step()
    followed.to_the_end()
    views, position = PostgresViews(database), len(store.read(0, 10_000))
    operations, tables = views.operations(where, 1_000), views.tables(TableFilter(), 1_000)
    versions = {table: views.schema_versions(table, 1_000) for table in history.tables}
    migrations = {table: views.migrations(table, 1_000) for table in history.tables}
    for _ in range(40):
        history.step()
    with replays.as_of(position, unwatched) as then:
        assert then.operations(where, 1_000) == operations != views.operations(where, 1_000)
        assert then.tables(TableFilter(), 1_000) == tables
        assert {table: then.schema_versions(table, 1_000) for table in versions} == versions
        assert {table: then.migrations(table, 1_000) for table in migrations} == migrations
    with replays.as_of(0, unwatched) as before:
        assert before.tables(TableFilter(), 10) == before.operations(where, 10) == []
    assert asides(database) == []


def test_nobody_holds_an_operation_of_the_past(
    store: PostgresEventStore, replays: PostgresReplays, leases: PostgresLeases
) -> None:
    operation = uuid4()
    write(store, operation, 0, requested(), OperationStarted(attempt=1, worker="w"))
    assert leases.claim("w", timedelta(minutes=1)) is not None
    with replays.as_of(2, unwatched) as then:
        found = then.operation(operation)
    assert found is not None
    assert (found.status, found.heartbeat_at) == ("running", None)


def test_a_moment_is_a_position(store: PostgresEventStore, replays: PostgresReplays) -> None:
    for name in ("a", "b", "c"):
        write(store, uuid4(), 0, registered(name))
    first, second, third = (event.recorded_at for event in store.read(0, 10))
    assert replays.position_at(first - timedelta(days=1)) == 0
    assert [replays.position_at(moment) for moment in (first, second, third)] == [1, 2, 3]
    assert replays.position_at(second - timedelta(microseconds=1)) == 1
    assert replays.position_at(third + timedelta(days=1)) == 3


def test_while_commands_keep_coming_no_read_fails_and_no_event_is_missed_or_doubled(
    database: Database, database_url: str, store: PostgresEventStore, replays: PostgresReplays
) -> None:
    history, stop, troubles, reads = RandomHistory(store, 9), Event(), list[BaseException](), [0]
    for _ in range(20):
        history.step()
    followers = [Follower(database_url, store, projection) for projection in FOLLOWED]
    views, past = PostgresViews(database), PostgresHistory(database)

    def write_on() -> None:
        while not stop.is_set():
            history.step()

    def read_on() -> None:
        table = history.tables[0]
        seen = len(views.operations(OperationFilter(), 10_000))
        while not stop.is_set():
            operations, versions = views.operations(OperationFilter(), 10_000), past.biography(table, "id")
            assert len(operations) >= seen
            assert versions
            seen, reads[0] = len(operations), reads[0] + 1

    def noting(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is what the test is about
            troubles.append(error)
            stop.set()

    threads = [Thread(target=noting, args=(work,)) for work in (write_on, read_on, read_on)]
    for one in (*followers, *threads):
        one.start()
    try:
        for number in range(3):
            before = reads[0]
            replays.rebuild(ALL, f"k{number}", unwatched)
            while reads[0] < before + 3 and not stop.is_set():
                stop.wait(0.01)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for follower in followers:
            follower.stop()
    assert troubles == []
    assert [verified.discrepancy for verified in replays.verify(ALL, unwatched)] == [None] * len(ALL)
