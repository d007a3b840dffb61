"""The last sealed events, taken away or changed by somebody with all rights, with others written in their place."""

import pytest

from adapters.event_log.store import PostgresEventStore
from adapters.postgres.statements import Connection
from adapters.sealing.reading import PostgresSeal
from adapters.sealing.sealer import Sealer
from tests.adapters.sealing.conftest import Tamper, events

REMOVED = "DELETE FROM stored_events WHERE notification_id > {}"
STATE = "UPDATE stored_events SET state = convert_to('{{}}', 'UTF8') WHERE notification_id = {}"


@pytest.fixture
def sealed(store: PostgresEventStore, sealer: Sealer, connection: Connection) -> None:
    """Ten events, all of them sealed."""
    for count in (4, 6):
        events(store, count)
        assert sealer.advance(connection)


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize(
    ("statements", "written", "position"),
    [
        ([REMOVED.format(7)], 3, 8),
        ([REMOVED.format(7)], 5, 8),
        ([REMOVED.format(7)], 1, 8),
        ([REMOVED.format(7)], 0, 8),
        ([REMOVED.format(0)], 12, 1),
        ([STATE.format(9)], 0, 9),
        ([STATE.format(2)], 3, 2),
        (["UPDATE stored_events SET recorded_at = now() WHERE notification_id = 10"], 1, 10),
        (["DELETE FROM stored_events WHERE notification_id = 6"], 1, 6),
        (["DELETE FROM stored_events"], 0, 1),
    ],
    ids=[
        *("as-many", "more", "fewer", "none", "all", "edited", "edited-before", "moment", "missing", "empty"),
    ],
)
def test_it_stops_and_says_where_the_log_is_not_what_was_sealed(
    store: PostgresEventStore,
    seal: PostgresSeal,
    sealer: Sealer,
    connection: Connection,
    tamper: Tamper,
    statements: list[str],
    written: int,
    position: int,
) -> None:
    for statement in statements:
        tamper(statement)
    if written:
        events(store, written)
    expected = f"the event that was sealed at position {position}:"
    # The doctor, whether or not the sealer came by; and then the sealer, also when nothing is new.
    assert expected in (sealer.problem(connection) or "")
    assert not sealer.advance(connection)
    assert expected in (seal.alarm() or "")
    assert [each.size for each in seal.checkpoints(10, None)] == [10, 4]
    # Not another alarm for the same thing, however the log grows on.
    told = list[str]()
    telling = Sealer(sealer.keys, sealer.outside, told.append)
    events(store, 2)
    telling.advance(connection)
    telling.advance(connection)
    assert len(told) <= 1


@pytest.mark.usefixtures("sealed")
def test_the_alarm_stays_while_nothing_is_new(
    seal: PostgresSeal, sealer: Sealer, connection: Connection, tamper: Tamper
) -> None:
    tamper(REMOVED.format(9))
    for _ in range(3):
        assert not sealer.advance(connection)
        assert seal.alarm() is not None


def test_events_too_large_to_be_compared_every_second_are_passed_over_but_for_the_last(
    store: PostgresEventStore,
    sealer: Sealer,
    connection: Connection,
    tamper: Tamper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.sealing.tail.MOST_BYTES", 1)
    events(store, 5)
    assert sealer.advance(connection)
    tamper(STATE.format(5))
    assert "position 5" in (sealer.problem(connection) or "")


def test_a_damaged_tile_is_said_to_be_one_and_no_event_is_blamed(
    store: PostgresEventStore, sealer: Sealer, connection: Connection, tamper: Tamper
) -> None:
    events(store, 300)
    assert sealer.advance(connection)
    assert sealer.problem(connection) is None
    tamper(
        "UPDATE seal_tiles SET hashes = set_byte(hashes, 8150, get_byte(hashes, 8150) # 1) WHERE (level, number) = (0, 0)"
    )
    assert sealer.problem(connection) == "tile 0 of level 0 is not the one that was sealed"
