"""The sealer over a real log: what it signs, what it refuses to go on from, and what it says then."""

from pathlib import Path
from threading import Event

import pytest

from adapters.event_log.store import PostgresEventStore
from adapters.postgres.elected import Elected
from adapters.postgres.statements import Connection
from adapters.sealing.copy import OutsideCopy
from adapters.sealing.ownership import Owner
from adapters.sealing.reading import PostgresSeal
from adapters.sealing.sealer import Sealer
from adapters.sealing.signing import KeyFiles, verify_ed25519
from domain.audit.notes import opened, parse_checkpoint
from domain.audit.tree import extends, includes, leaf_hash
from tests.adapters.sealing.conftest import Tamper, events


def test_the_log_is_sealed_and_every_event_proven(
    store: PostgresEventStore,
    seal: PostgresSeal,
    sealer: Sealer,
    connection: Connection,
    keys: KeyFiles,
    copy: OutsideCopy,
) -> None:
    assert not sealer.advance(connection)
    assert seal.latest() is None
    for count in (1, 2, 300):
        events(store, count)
        assert sealer.advance(connection)
        assert not sealer.advance(connection)
    sizes = [each.size for each in seal.checkpoints(10, None)]
    assert sizes == [303, 3, 1]
    assert [each.size for each in seal.checkpoints(10, 303)] == [3, 1]
    last = seal.latest()
    assert last is not None
    text, by = opened(last.note, keys.known(), verify_ed25519)
    assert parse_checkpoint(text).root == last.root
    assert [key.name for key in by] == [keys.load().vkey.name]
    for position in (1, 2, 256, 257, 303):
        found = seal.inclusion(position, last)
        leaf = leaf_hash(found.event.entry.encoded())
        assert includes(position - 1, 303, leaf, found.path, last.root)
    for earlier in seal.checkpoints(10, 303):
        assert extends(earlier.size, 303, earlier.root, last.root, seal.consistency(earlier.size, last))
    assert list(copy.notes()) == [each.note for each in reversed(seal.checkpoints(10, None))]
    covering = seal.covering(2)
    assert covering is not None
    assert covering.size == 3
    assert seal.alarm() is None


def test_more_than_a_batch_is_sealed_in_several(
    store: PostgresEventStore,
    seal: PostgresSeal,
    sealer: Sealer,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.sealing.sealer.BATCH", 3)
    events(store, 7)
    while sealer.advance(connection):
        pass
    assert [each.size for each in seal.checkpoints(10, None)] == [7, 6, 3]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM stored_events WHERE notification_id = 4", "positions are missing from the log after 3"),
        ("UPDATE seal_tiles SET hashes = set_byte(hashes, 40, 255) WHERE level = 0", "the tree is no longer"),
        ("DELETE FROM seal_tiles", "missing or too short"),
        ("DELETE FROM seal_checkpoints WHERE size = 3", "the outside copy ends with a checkpoint of 3 events"),
        (
            "UPDATE seal_checkpoints SET note = replace(note, E'\\n3\\n', E'\\n2\\n')",
            "was not signed with a key",
        ),
    ],
)
def test_it_signs_nothing_that_does_not_go_on_from_before(
    store: PostgresEventStore,
    seal: PostgresSeal,
    sealer: Sealer,
    connection: Connection,
    tamper: Tamper,
    copy: OutsideCopy,
    statement: str,
    says: str,
) -> None:
    events(store, 1)
    assert sealer.advance(connection)
    events(store, 2)
    assert sealer.advance(connection)
    before = list(copy.notes())
    events(store, 3)
    tamper(statement)
    assert not sealer.advance(connection)
    alarm = seal.alarm()
    assert alarm is not None
    assert says in alarm
    assert list(copy.notes()) == before


def test_a_tree_recomputed_with_the_key_is_refused_by_the_outside_copy(
    store: PostgresEventStore,
    seal: PostgresSeal,
    sealer: Sealer,
    connection: Connection,
    tamper: Tamper,
    keys: KeyFiles,
    tmp_path: Path,
) -> None:
    events(store, 3)
    assert sealer.advance(connection)
    tamper("UPDATE stored_events SET state = 'other' WHERE notification_id = 2")
    tamper("TRUNCATE seal_tiles, seal_checkpoints, seal_copies")
    assert Sealer(keys, OutsideCopy(tmp_path / "another")).advance(connection)
    events(store, 1)
    assert not sealer.advance(connection)
    alarm = seal.alarm()
    assert alarm is not None
    assert "the outside copy has another root for 3 events" in alarm


def test_the_alarm_ends_when_all_is_well_again(
    store: PostgresEventStore, seal: PostgresSeal, sealer: Sealer, connection: Connection, copy: OutsideCopy
) -> None:
    events(store, 1)
    assert sealer.advance(connection)
    away = copy.path.rename(copy.path.with_name("away"))
    copy.path.mkdir()
    events(store, 1)
    assert not sealer.advance(connection)
    assert seal.alarm() is not None
    copy.path.rmdir()
    away.rename(copy.path)
    assert sealer.advance(connection)
    assert seal.alarm() is None
    assert sizes_of(copy) == [1, 2]


def test_a_checkpoint_that_could_not_be_copied_is_copied_before_the_next(
    store: PostgresEventStore,
    seal: PostgresSeal,
    sealer: Sealer,
    connection: Connection,
    copy: OutsideCopy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(self: OutsideCopy, note: str) -> None:
        raise OSError(28, "No space left on device")

    events(store, 1)
    with monkeypatch.context() as patched:
        patched.setattr(OutsideCopy, "add", full)
        for _ in range(3):
            assert not sealer.advance(connection)
        events(store, 1)
        assert not sealer.advance(connection)
    assert [each.size for each in seal.checkpoints(10, None)] == [1]
    alarm = seal.alarm()
    assert alarm is not None
    assert "No space left" in alarm
    assert sealer.advance(connection)
    assert sizes_of(copy) == [1, 2]
    assert seal.alarm() is None


def sizes_of(copy: OutsideCopy) -> list[int]:
    return [int(note.split("\n")[1]) for note in copy.notes()]


def test_a_note_that_a_crash_cut_off_is_written_again(
    store: PostgresEventStore, seal: PostgresSeal, sealer: Sealer, connection: Connection, copy: OutsideCopy
) -> None:
    events(store, 1)
    assert sealer.advance(connection)
    whole = copy.path.read_bytes()
    copy.path.write_bytes(whole + whole[: len(whole) // 2])
    events(store, 1)
    assert sealer.advance(connection)
    assert sizes_of(copy) == [1, 2]
    assert seal.alarm() is None


def test_a_rotated_key_goes_on_sealing_and_both_keys_verify(
    store: PostgresEventStore, seal: PostgresSeal, sealer: Sealer, connection: Connection, keys: KeyFiles
) -> None:
    old = keys.load().vkey
    events(store, 1)
    assert sealer.advance(connection)
    new = keys.rotate().vkey
    assert keys.known() == [old, new]
    assert keys.private.stat().st_mode & 0o777 == 0o600
    events(store, 1)
    assert sealer.advance(connection)
    first, last = seal.checkpoint(1), seal.latest()
    assert first is not None
    assert last is not None
    assert opened(first.note, [old], verify_ed25519)
    assert opened(last.note, [new], verify_ed25519)


def test_a_key_is_never_made_over_another_nor_in_place_of_one_that_was_lost(keys: KeyFiles) -> None:
    with pytest.raises(FileExistsError):
        keys.make()
    known = keys.known()
    keys.private.unlink()
    with pytest.raises(FileExistsError):
        keys.make()
    assert keys.known() == known
    assert keys.are_expected


def test_who_has_keys_of_another_log_does_not_stand_for_election(
    store: PostgresEventStore, sealer: Sealer, connection: Connection, tmp_path: Path
) -> None:
    others = KeyFiles(tmp_path / "other" / "key")
    others.make()
    assert Owner(others).stands(connection)
    events(store, 1)
    assert sealer.advance(connection)
    assert not Owner(others).stands(connection)
    sealer.keys.rotate()
    assert Owner(sealer.keys).stands(connection)


def test_who_does_not_stand_is_not_elected(database_url: str) -> None:
    asked, elected, stands = Event(), Event(), Event()

    def standing(_: Connection) -> bool:
        asked.set()
        return stands.is_set()

    def advance(_: Connection) -> bool:
        elected.set()
        return False

    one = Elected(database_url, "seal", advance, standing)
    one.start()
    try:
        assert asked.wait(60)
        assert not elected.is_set()
        stands.set()
        assert elected.wait(60)
    finally:
        one.stop()


def test_a_rotation_that_is_cut_off_leaves_one_whole_key(keys: KeyFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    old = keys.load().vkey

    def crash(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            keys.rotate()
    assert keys.load().vkey == old
    new = keys.rotate().vkey
    assert keys.load().vkey == new
    assert {str(old), str(new)} <= set(map(str, keys.known()))


def test_a_key_that_was_cut_off_in_the_making_is_finished_by_the_next(tmp_path: Path) -> None:
    keys = KeyFiles(tmp_path / "key")
    made = keys.make().vkey
    keys.public.unlink()
    with pytest.raises(FileExistsError):
        keys.make()
    assert keys.known() == [made]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "key.pub"]


def test_without_its_key_it_says_so(
    store: PostgresEventStore, seal: PostgresSeal, sealer: Sealer, connection: Connection, keys: KeyFiles
) -> None:
    keys.private.unlink()
    events(store, 1)
    assert not sealer.advance(connection)
    alarm = seal.alarm()
    assert alarm is not None
    assert str(keys.private) in alarm


def test_whoever_is_to_know_is_told_of_each_alarm_before_it_is_noted(
    store: PostgresEventStore, seal: PostgresSeal, connection: Connection, keys: KeyFiles, copy: OutsideCopy
) -> None:
    told, noted = list[str](), list[str | None]()

    def tell(message: str) -> None:
        noted.append(seal.alarm())
        told.append(message)
        if len(told) == 1:
            raise RuntimeError("killed right after")

    telling = Sealer(keys, copy, tell)
    events(store, 1)
    assert telling.advance(connection)
    copy.path.unlink()
    copy.path.mkdir()
    events(store, 1)
    with pytest.raises(RuntimeError):
        telling.advance(connection)
    for _ in range(3):
        assert not telling.advance(connection)
    # Again after it could not be noted, and not once it is.
    assert len(told) == 2
    assert noted == [None, None]
    assert seal.alarm() == told[0] == told[1]
