"""Writers who come while another writes share the next transaction, and each is answered for himself."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import OperationalError, PersistenceError, StoredEvent
from psycopg_pool import PoolTimeout

from adapters.event_log.recorder import Datastore, Insertion, Place, Recorder
from adapters.event_log.sharing import MOST_TOGETHER, SharedCommits
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database
from domain.errors import StreamMoved
from domain.facts import Append, Origin
from domain.operation.events import OperationStarted
from tests.adapters.event_log.test_store import requested


class Gate:
    """Writes for real, and lets a test hold up the first write until others have come."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.together = list[int]()
        self.begun, self.opened = Event(), Event()
        self.failing: Exception | None = None

    def write(self, insertions: Sequence[Insertion]) -> Sequence[Sequence[Place]]:
        self.together.append(len(insertions))
        if len(self.together) == 1:
            self.begun.set()
            assert self.opened.wait(30)
        elif self.failing is not None:
            raise self.failing
        return self._recorder.insert_together(insertions)


@pytest.fixture
def gate(database: Database) -> Gate:
    return Gate(Recorder(Datastore(database)))


def event(stream: UUID, version: int = 1) -> StoredEvent:
    return StoredEvent(stream, version, "test.happened", b"{}")


def came_during_the_first(
    gate: Gate, shared: SharedCommits, insertions: Sequence[Insertion]
) -> list[Future[Sequence[Place]]]:
    """What became of a first insertion, and of those that came while it was written."""
    pool = ThreadPoolExecutor(len(insertions) + 1)
    first = pool.submit(shared.insert, Insertion([event(uuid4())]))
    assert gate.begun.wait(30)
    others = [pool.submit(shared.insert, insertion) for insertion in insertions]
    while len(shared._queue) < len(insertions):
        pass
    gate.opened.set()
    pool.shutdown(wait=True)
    return [first, *others]


def test_whoever_comes_while_another_writes_shares_the_next_transaction(gate: Gate) -> None:
    streams = [uuid4() for _ in range(5)]
    ended = came_during_the_first(
        gate, SharedCommits(gate.write), [Insertion([event(stream), event(stream, 2)]) for stream in streams]
    )
    assert gate.together == [1, 5]
    assert sorted(place.position for future in ended for place in future.result()) == list(range(1, 12))
    for future in ended[1:]:
        first, second = future.result()
        assert second.position == first.position + 1


def test_no_transaction_is_shared_by_too_many(gate: Gate) -> None:
    many = MOST_TOGETHER + 3
    came_during_the_first(gate, SharedCommits(gate.write), [Insertion([event(uuid4())]) for _ in range(many)])
    assert gate.together == [1, MOST_TOGETHER, 3]


def test_one_that_is_refused_spoils_nobody_elses(gate: Gate, database: Database) -> None:
    taken, free = uuid4(), [uuid4() for _ in range(3)]
    Recorder(Datastore(database)).insert_events([event(taken)])
    insertions = [Insertion([event(stream)]) for stream in (free[0], taken, *free[1:])]
    ended = came_during_the_first(gate, SharedCommits(gate.write), insertions)
    refused = [future for future in ended if future.exception() is not None]
    assert refused == [ended[2]]
    assert isinstance(refused[0].exception().__cause__, psycopg.errors.UniqueViolation)  # type: ignore[union-attr]
    rows = database.rows("SELECT originator_id, notification_id FROM stored_events", {})
    positions = {row["originator_id"]: row["notification_id"] for row in rows}
    assert sorted(positions.values()) == [1, 2, 3, 4, 5]
    for future, stream in zip((ended[1], *ended[3:]), free, strict=True):
        assert future.result()[0].position == positions[stream]


def test_a_lost_connection_is_told_to_everybody_who_shared_it(gate: Gate) -> None:
    """Tried alone, each would wait for a database that is away; and it may be written all the same."""
    gate.failing = OperationalError("gone")
    gate.failing.__cause__ = psycopg.OperationalError("server closed the connection unexpectedly")
    ended = came_during_the_first(gate, SharedCommits(gate.write), [Insertion([event(uuid4())]) for _ in range(4)])
    assert [future.exception() for future in ended] == [None, *[gate.failing] * 4]
    assert gate.together == [1, 4]


def test_an_interrupted_writer_leaves_nobody_waiting(gate: Gate) -> None:
    def interrupted(insertions: Sequence[Insertion]) -> Sequence[Sequence[Place]]:
        if len(insertions) > 1:
            raise KeyboardInterrupt
        return gate.write(insertions)

    ended = came_during_the_first(gate, SharedCommits(interrupted), [Insertion([event(uuid4())]) for _ in range(3)])
    kinds = [type(future.exception()).__name__ for future in ended]
    assert kinds[0] == "NoneType"
    assert sorted(kinds[1:]) == ["KeyboardInterrupt", "PersistenceError", "PersistenceError"]


def test_writers_of_one_stream_are_still_told_who_was_first(store: PostgresEventStore) -> None:
    stream = uuid4()
    store.append([Append(stream=stream, expected_version=0, facts=(requested(),))], Origin())
    started = Append(stream=stream, expected_version=1, facts=(OperationStarted(attempt=1, worker="w"),))

    def start(_: int) -> bool:
        try:
            store.append([started], Origin())
        except StreamMoved:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(start, range(8))) == 1
    assert [found.version for found in store.load(stream)] == [1, 2]


def test_nobody_waits_for_ever_for_others_to_write(gate: Gate) -> None:
    """Who was not taken along yet is certainly not written; who is being written cannot know."""
    shared = SharedCommits(gate.write, seconds=0.2)
    left, stays = uuid4(), uuid4()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(shared.insert, Insertion([event(uuid4())]))
        assert gate.begun.wait(30)
        with pytest.raises(PersistenceError, match="nobody has written") as told:
            shared.insert(Insertion([event(left)]))
        assert isinstance(told.value.__cause__, PoolTimeout)
        gate.opened.set()
        assert len(first.result()) == 1
    assert len(shared.insert(Insertion([event(stays)]))) == 1
    assert gate.together == [1, 1]
