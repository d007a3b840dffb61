"""``seal``: entries that are in memory hashed into the tree. Beside it SHA-256 of the same entries alone.

``seal_log`` is the whole of it beside the same: read from PostgreSQL, hashed into the tree, tiles stored, checkpoints
signed and copied outside. Both end with the same root.
"""

from hashlib import sha256

from adapters.sealing.events import NEXT, events
from benchmarks.measure import Result, in_turns
from benchmarks.sealed_log import EVENTS, SealedLog, filled_log
from domain.audit.tree import Growing, leaf_hash


def measure() -> list[Result]:
    with filled_log() as log:
        entries = [event.entry.encoded() for event in events(log.connection, NEXT, after=0, limit=EVENTS)]
        assert len(entries) == EVENTS
        return [_of_log(log, entries), _of_tree(entries)]


def _of_log(log: SealedLog, entries: list[bytes]) -> Result:
    def ours() -> None:
        log.forget()
        sealer = log.sealer()
        while sealer.advance(log.connection):
            pass

    result = _compared("seal_log", ours, entries)
    row = log.connection.execute("SELECT size, root FROM seal_checkpoints ORDER BY size DESC LIMIT 1").fetchone()
    assert row is not None
    assert (row["size"], bytes(row["root"])) == (EVENTS, _grown(entries))
    return result


def _of_tree(entries: list[bytes]) -> Result:
    return _compared("seal", lambda: _grown(entries), entries)


def _grown(entries: list[bytes]) -> bytes:
    growing = Growing()
    for entry in entries:
        growing.add(leaf_hash(entry))
    return growing.root()


def _compared(name, ours, entries: list[bytes]) -> Result:  # type: ignore[no-untyped-def]
    def peer() -> None:
        for entry in entries:
            sha256(entry).digest()

    seconds = in_turns(ours, peer)
    met = seconds[0] <= 5 * seconds[1]
    micro = [1e6 * each / EVENTS for each in seconds]
    return Result(name, micro[0], micro[1], "SHA-256 of the entries", "us/event", "at most 5 x", met)
