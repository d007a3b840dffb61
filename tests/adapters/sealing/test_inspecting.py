"""Whoever changes the log straight in PostgreSQL, with all rights over it, is found by looking through it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.event_log.store import PostgresEventStore
from adapters.postgres.statements import Connection
from adapters.sealing.copy import OutsideCopy
from adapters.sealing.inspecting import Inspection
from adapters.sealing.sealer import Sealer
from adapters.sealing.signing import KeyFiles
from tests.adapters.sealing.conftest import Tamper, events

Look = Callable[[], list[str]]
SWAP = """
UPDATE stored_events SET notification_id = CASE notification_id WHEN 3 THEN -4 ELSE -3 END
WHERE notification_id IN (3, 4);
UPDATE stored_events SET notification_id = -notification_id WHERE notification_id < 0
"""
EDIT = "UPDATE stored_events SET state = convert_to('{}', 'UTF8') WHERE notification_id = 4"
TRUNCATE = """
DELETE FROM stored_events WHERE notification_id > 3;
DELETE FROM seal_checkpoints WHERE size > 3;
UPDATE seal_tiles SET hashes = substring(hashes FOR 96) WHERE level = 0
"""
TILE = "UPDATE seal_tiles SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) WHERE level = 0"


@pytest.fixture
def look(store: PostgresEventStore, sealer: Sealer, connection: Connection, keys: KeyFiles, copy: OutsideCopy) -> Look:
    """Six events are sealed by two checkpoints, and one is not."""
    for count in (3, 3):
        events(store, count)
        assert sealer.advance(connection)
    events(store, 1)

    def problems() -> list[str]:
        found = Inspection(connection, keys, copy)
        told = list(found.problems(lambda done, total: None))
        if not told:
            assert (found.events, found.sealed, found.checkpoints) == (7, 6, 4)
        return told

    return problems


def test_a_log_that_nobody_touched_holds(look: Look) -> None:
    assert look() == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (EDIT, ["the event of position 4 is not the one that was sealed"]),
        ("UPDATE stored_events SET topic = 'other' WHERE notification_id = 2", ["position 2 is not the one"]),
        ("UPDATE stored_events SET recorded_at = now() WHERE notification_id = 2", ["position 2 is not the one"]),
        ("UPDATE stored_events SET originator_version = 2 WHERE notification_id = 2", ["position 2 is not the one"]),
        (
            "DELETE FROM stored_events WHERE notification_id = 4",
            ["position 4 is missing from the log", "position 4 is not the one"],
        ),
        (SWAP, ["position 3 is not the one", "position 4 is not the one"]),
        (TILE, ["the stored tree is damaged: it has another hash for position 2", "the stored tree is not that of"]),
        (
            "UPDATE seal_checkpoints SET note = replace(note, E'\\n6\\n', E'\\n5\\n') WHERE size = 6",
            ["the checkpoint of 6 events in the database is not one of ours: the signature of .* is not good"],
        ),
        (
            TRUNCATE,
            ["the checkpoint of 6 events in the outside copy covers more than the log holds, .* position 3"],
        ),
    ],
    ids=["state", "topic", "moment", "version", "delete", "swap", "tile", "checkpoint", "truncate"],
)
def test_each_way_of_changing_it_is_found_and_named(
    look: Look, tamper: Tamper, statement: str, found: list[str]
) -> None:
    for part in statement.split(";"):
        tamper(part)
    problems = look()
    assert problems
    for expected in found:
        assert any(re.search(expected, problem) for problem in problems), problems


def test_a_tree_computed_anew_without_the_key_is_found(
    look: Look, tamper: Tamper, connection: Connection, tmp_path: Path
) -> None:
    """Events, tree and checkpoints fit each other; the thief only has another key."""
    thief = KeyFiles(tmp_path / "thief" / "key")
    thief.make()
    tamper(EDIT)
    tamper("TRUNCATE seal_tiles, seal_checkpoints, seal_copies")
    assert Sealer(thief, OutsideCopy(tmp_path / "thief" / "copy")).advance(connection)
    problems = look()
    assert any("in the database is not one of ours: nobody whose key is known" in problem for problem in problems)
    assert any("of 6 events in the outside copy was signed for another log" in problem for problem in problems)


def test_a_log_made_anew_with_the_stolen_key_is_found_by_the_outside_copy(
    look: Look, tamper: Tamper, connection: Connection, keys: KeyFiles, tmp_path: Path
) -> None:
    tamper(EDIT)
    tamper("TRUNCATE seal_tiles, seal_checkpoints, seal_copies")
    assert Sealer(keys, OutsideCopy(tmp_path / "another")).advance(connection)
    assert [problem for problem in look() if "outside copy" in problem] == [
        "the checkpoint of 6 events in the outside copy was signed for another log: events were changed, "
        "and the tree with them",
        "the outside copy lacks the checkpoint of 7 events, which the database has",
    ]


def test_a_checkpoint_that_was_cut_out_of_the_outside_copy_is_found(look: Look, copy: OutsideCopy) -> None:
    first, second = copy.path.read_text().split("\x1e")[1:]
    copy.path.write_text(f"\x1e{second}")
    assert look() == ["the outside copy lacks the checkpoint of 3 events, which the database has"]
    copy.path.write_text(f"\x1e{first}")
    assert look() == ["the outside copy lacks the checkpoint of 6 events, which the database has"]
    copy.path.unlink()
    assert len(look()) == 2
