"""The copy of the checkpoints outside the database: what was there and is there no more is an alarm, not a beginning."""

import shutil
from collections.abc import Callable

import pytest

from adapters.event_log.store import PostgresEventStore
from adapters.postgres.statements import Connection
from adapters.sealing.copy import OutsideCopy, size_of
from adapters.sealing.reading import PostgresSeal
from adapters.sealing.sealer import Sealer
from adapters.sealing.signing import KeyFiles
from tests.adapters.sealing.conftest import Tamper, events

Harm = Callable[[OutsideCopy], object]


@pytest.fixture
def sealed(store: PostgresEventStore, sealer: Sealer, connection: Connection) -> None:
    """Three checkpoints, of two events more each."""
    for _ in range(3):
        events(store, 2)
        assert sealer.advance(connection)


def notes(copy: OutsideCopy) -> list[str]:
    return copy.path.read_text().split("\x1e")[1:]


def written(copy: OutsideCopy, kept: list[str]) -> None:
    copy.path.write_text("".join(f"\x1e{note}" for note in kept))


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda copy: copy.path.unlink(), "is not there"),
        (lambda copy: shutil.rmtree(copy.path.parent), "is not there"),
        (lambda copy: written(copy, []), "lacks the checkpoint of"),
        (lambda copy: written(copy, notes(copy)[:2]), "lacks the checkpoint of 6 events"),
        (lambda copy: written(copy, notes(copy)[:1]), "lacks the checkpoint of 4 events"),
        (lambda copy: written(copy, notes(copy)[1:]), "is shorter than it was"),
        (lambda copy: written(copy, [notes(copy)[0], notes(copy)[2]]), "is shorter than it was"),
        (lambda copy: written(copy, [*notes(copy)[1:], notes(copy)[2]]), "lacks the checkpoint of 2 events"),
        (lambda copy: copy.path.write_bytes(copy.path.read_bytes()[40:]), "is shorter than it was"),
        (lambda copy: copy.path.write_bytes(copy.path.read_bytes()[:-40]), "lacks the checkpoint of 6 events"),
    ],
    ids=["gone", "unmounted", "empty", "tail", "tails", "head", "middle", "padded", "head-bytes", "tail-bytes"],
)
def test_what_it_lost_stops_the_seal_and_nothing_is_made_anew(
    store: PostgresEventStore,
    seal: PostgresSeal,
    sealer: Sealer,
    connection: Connection,
    copy: OutsideCopy,
    harm: Harm,
    says: str,
) -> None:
    harm(copy)
    there = copy.path.read_bytes() if copy.path.exists() else None
    assert says in (sealer.problem(connection) or "")
    # While nothing is new, and when something is.
    assert not sealer.advance(connection)
    assert says in (seal.alarm() or "")
    events(store, 1)
    assert not sealer.advance(connection)
    assert [each.size for each in seal.checkpoints(10, None)] == [6, 4, 2]
    assert (copy.path.read_bytes() if copy.path.exists() else None) == there
    if there is None:
        assert not copy.path.exists()


def test_the_folder_is_made_at_the_first_start(sealer: Sealer, connection: Connection, copy: OutsideCopy) -> None:
    assert not copy.path.parent.exists()
    assert not sealer.advance(connection)
    assert copy.path.read_bytes() == b""
    shutil.rmtree(copy.path.parent)
    assert not sealer.advance(connection)
    assert not copy.path.parent.exists()


def test_a_process_killed_before_its_first_checkpoint_is_copied_goes_on(
    store: PostgresEventStore,
    seal: PostgresSeal,
    sealer: Sealer,
    connection: Connection,
    copy: OutsideCopy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(self: OutsideCopy, note: str) -> None:
        raise KeyboardInterrupt

    events(store, 1)
    with monkeypatch.context() as patched:
        patched.setattr(OutsideCopy, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            sealer.advance(connection)
    assert sealer.problem(connection) is None
    events(store, 1)
    assert sealer.advance(connection)
    assert [size_of(note) for note in copy.notes()] == [1, 2]
    assert seal.alarm() is None


@pytest.mark.usefixtures("sealed")
def test_an_installation_that_never_noted_what_it_copied_goes_on_if_nothing_is_missing(
    store: PostgresEventStore, sealer: Sealer, connection: Connection, copy: OutsideCopy, tamper: Tamper
) -> None:
    tamper("DELETE FROM seal_copies")
    whole = notes(copy)
    written(copy, whole[:1])
    assert "lacks the checkpoint of 4 events" in (sealer.problem(connection) or "")
    # A crash between the checkpoint and its copy.
    written(copy, whole[:2])
    events(store, 1)
    assert sealer.advance(connection)
    assert [size_of(note) for note in copy.notes()] == [2, 4, 6, 7]


@pytest.mark.usefixtures("sealed")
def test_a_copy_written_anew_on_purpose_goes_on_and_keeps_the_one_before(
    store: PostgresEventStore, seal: PostgresSeal, sealer: Sealer, connection: Connection, copy: OutsideCopy
) -> None:
    written(copy, notes(copy)[1:])
    assert not sealer.advance(connection)
    before = sealer.write_copy_anew(connection)
    assert before is not None
    assert len(notes(OutsideCopy(before))) == 2
    assert [size_of(note) for note in copy.notes()] == [2, 4, 6]
    assert not sealer.advance(connection)
    assert seal.alarm() is None
    events(store, 1)
    assert sealer.advance(connection)


@pytest.mark.usefixtures("sealed")
def test_a_lost_key_is_said_at_once(seal: PostgresSeal, sealer: Sealer, connection: Connection, keys: KeyFiles) -> None:
    away = keys.private.rename(keys.private.with_name("away"))
    assert f"the signing key {keys.private} is not there" in (sealer.problem(connection) or "")
    assert not sealer.advance(connection)
    assert f"the signing key {keys.private} is not there" in (seal.alarm() or "")
    away.rename(keys.private)
    sealer.advance(connection)
    assert seal.alarm() is None
