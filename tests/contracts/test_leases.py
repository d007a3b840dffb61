"""Who runs what: at most one operation on a table at a time, each table's in order, and nobody for ever."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from adapters.event_log.store import PostgresEventStore
from adapters.leases import PostgresLeases
from adapters.postgres.database import Database
from adapters.system import RandomIds, SystemClock
from adapters.views.catalogue import INLINE
from domain.operation.events import OperationCancelled, OperationCompleted, OperationStarted
from tests.adapters.conftest import requested, write

TERM = timedelta(minutes=10)
OVER = timedelta(seconds=-1)
"""A term that has run out the moment it is given."""


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def store(database: Database) -> PostgresEventStore:
    return PostgresEventStore(database, SystemClock(), RandomIds(), inline=INLINE)


@pytest.fixture
def leases(database: Database) -> PostgresLeases:
    return PostgresLeases(database)


def ask(store: PostgresEventStore, table: UUID) -> UUID:
    operation = uuid4()
    write(store, operation, 0, requested(table))
    return operation


def test_there_is_nothing_to_claim_where_nothing_was_asked(leases: PostgresLeases) -> None:
    assert leases.claim("w1", TERM) is None


def test_the_oldest_operation_comes_first(store: PostgresEventStore, leases: PostgresLeases) -> None:
    first, second = ask(store, uuid4()), ask(store, uuid4())
    claimed = [leases.claim("w1", TERM), leases.claim("w2", TERM)]
    assert [lease.operation_id for lease in claimed if lease] == [first, second]


def test_a_tables_operations_run_one_after_the_other(store: PostgresEventStore, leases: PostgresLeases) -> None:
    table = uuid4()
    first, second = ask(store, table), ask(store, table)
    lease = leases.claim("w1", TERM)
    assert lease is not None
    assert lease.operation_id == first
    assert leases.claim("w2", TERM) is None
    write(store, first, 1, OperationStarted(attempt=1, worker="w1"), OperationCompleted(message="done"))
    following = leases.claim("w2", TERM)
    assert following is not None
    assert following.operation_id == second


def test_tables_take_turns_however_long_the_queue_of_one_is(store: PostgresEventStore, leases: PostgresLeases) -> None:
    crowded, other = uuid4(), uuid4()
    first, second, third = (ask(store, crowded) for _ in range(3))
    late = ask(store, other)
    order = []
    while (lease := leases.claim("w1", TERM)) is not None:
        order.append(lease.operation_id)
        write(
            store, lease.operation_id, 1, OperationStarted(attempt=1, worker="w1"), OperationCompleted(message="done")
        )
    assert order == [first, late, second, third]


def test_the_next_of_a_table_has_its_turn_when_one_in_the_middle_is_cancelled(
    store: PostgresEventStore, leases: PostgresLeases
) -> None:
    table = uuid4()
    first, second, third = (ask(store, table) for _ in range(3))
    write(store, second, 1, OperationCancelled(reason="no longer wanted"))
    assert claimed(leases) == first
    assert claimed(leases) is None
    write(store, first, 1, OperationCompleted(message="done"))
    assert claimed(leases) == third


def claimed(leases: PostgresLeases) -> UUID | None:
    lease = leases.claim("w1", TERM)
    return lease and lease.operation_id


def test_of_many_workers_each_gets_another_operation(store: PostgresEventStore, leases: PostgresLeases) -> None:
    asked = {ask(store, uuid4()) for _ in range(8)}
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda number: leases.claim(f"w{number}", TERM), range(8)))
    got = [lease.operation_id for lease in claimed if lease]
    assert len(got) == len(set(got))
    assert set(got) <= asked


def test_a_lease_that_ran_out_goes_to_the_next_worker_and_counts_as_a_failure(
    store: PostgresEventStore, leases: PostgresLeases
) -> None:
    operation = ask(store, uuid4())
    vanished = leases.claim("w1", OVER)
    assert vanished is not None
    taken = leases.claim("w2", TERM)
    assert taken is not None
    assert (taken.operation_id, taken.attempt, taken.failures) == (operation, 2, 1)
    assert not leases.renew(vanished, TERM)
    assert leases.renew(taken, TERM)


def test_a_released_operation_can_be_taken_at_once_and_is_no_failure(
    store: PostgresEventStore, leases: PostgresLeases
) -> None:
    ask(store, uuid4())
    lease = leases.claim("w1", TERM)
    assert lease is not None
    leases.release(lease)
    again = leases.claim("w2", TERM)
    assert again is not None
    assert (again.attempt, again.failures) == (2, 0)


def test_a_failed_attempt_waits_before_the_next(store: PostgresEventStore, leases: PostgresLeases) -> None:
    ask(store, uuid4())
    lease = leases.claim("w1", TERM)
    assert lease is not None
    leases.release(lease, timedelta(minutes=5), failed=True)
    assert leases.claim("w2", TERM) is None


def test_the_attempt_is_never_counted_lower_than_the_log_knows(
    store: PostgresEventStore, leases: PostgresLeases
) -> None:
    operation = ask(store, uuid4())
    write(store, operation, 1, OperationStarted(attempt=7, worker="w0"))
    lease = leases.claim("w1", TERM)
    assert lease is not None
    assert lease.attempt == 8


def test_nobody_releases_what_another_holds(store: PostgresEventStore, leases: PostgresLeases) -> None:
    ask(store, uuid4())
    vanished = leases.claim("w1", OVER)
    taken = leases.claim("w2", TERM)
    assert vanished is not None
    assert taken is not None
    leases.release(vanished)
    assert leases.renew(taken, TERM)


AHEAD = "clock_timestamp() + interval '1 hour'"
"""What was written before the database's clock was set back by an hour."""


def set_ahead(database: Database, *columns: str) -> None:
    moved = ", ".join(f"{column} = {AHEAD}" for column in columns)
    database.write(lambda connection: connection.execute(f"UPDATE operation_leases SET {moved}".encode()))


def test_nobody_waits_for_an_hour_again_when_the_databases_clock_is_set_back(
    database: Database, store: PostgresEventStore, leases: PostgresLeases
) -> None:
    ask(store, uuid4())
    first = leases.claim("dead", TERM)
    assert first is not None
    set_ahead(database, "expires_at", "renewed_at")
    second = leases.claim("alive", TERM)
    assert second is not None
    assert (second.operation_id, second.attempt) == (first.operation_id, 2)
    assert not leases.renew(first, TERM)
    leases.release(second, timedelta(minutes=1))
    assert leases.claim("alive", TERM) is None
    set_ahead(database, "not_before")
    assert leases.claim("alive", TERM) is not None


def test_a_worker_that_renews_after_the_clock_was_set_back_keeps_its_lease(
    database: Database, store: PostgresEventStore, leases: PostgresLeases
) -> None:
    ask(store, uuid4())
    lease = leases.claim("alive", TERM)
    assert lease is not None
    set_ahead(database, "expires_at", "renewed_at")
    assert leases.renew(lease, TERM)
    assert leases.claim("other", TERM) is None


def test_a_lease_says_whether_the_worker_before_ended_without_a_word(
    store: PostgresEventStore, leases: PostgresLeases
) -> None:
    ask(store, uuid4())
    first = leases.claim("w1", OVER)
    after_silence = leases.claim("w2", TERM)
    assert first is not None
    assert after_silence is not None
    leases.release(after_silence)
    after_a_word = leases.claim("w3", TERM)
    assert after_a_word is not None
    assert [lease.silent for lease in (first, after_silence, after_a_word)] == [False, True, False]


def test_what_is_set_aside_comes_after_all_that_waits(store: PostgresEventStore, leases: PostgresLeases) -> None:
    poison, second, third = (ask(store, uuid4()) for _ in range(3))
    lease = leases.claim("w1", TERM)
    assert lease is not None
    leases.release(lease, last=True)
    assert [claimed(leases) for _ in range(4)] == [second, third, poison, None]
