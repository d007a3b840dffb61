"""Evidence holds as it was written, and nothing of it can be changed without being found and named."""

import io
import json
import re
from hashlib import sha256

import pytest

from adapters.sealing.signing import SigningKey
from domain.audit.entry import Sealed
from domain.audit.evidence import PART, Scope
from domain.audit.files import EvidenceRefused
from domain.audit.rotations import rotation
from domain.audit.tar import END, member, members
from tests.domain.audit.bundles import KEY, MIGRATION, OTHER, TABLE, Log, verified

LOG = Log([TABLE, OTHER, MIGRATION, MIGRATION, TABLE, OTHER, OTHER])
OF_TABLE = Scope("table", str(TABLE))
PERIOD = Scope("period", "2-6")
FLIPPED = Log([TABLE, OTHER, TABLE]).bundle(OF_TABLE, Log([TABLE, OTHER, TABLE]).of(TABLE))
NEW = SigningKey(KEY.vkey.name, bytes(31) + b"\x01")
NAMES_THE_PLACE = re.compile(r"'[^']+'|byte \d+|event \d+|position \d+")


def of_table() -> bytes:
    return LOG.bundle(OF_TABLE, LOG.of(TABLE, MIGRATION))


def files(bundle: bytes) -> dict[str, bytes]:
    return dict(members(io.BytesIO(bundle)))


def packed(contents: dict[str, bytes]) -> bytes:
    return b"".join(member(name, content) for name, content in contents.items()) + END


def test_what_was_written_holds() -> None:
    found = verified(of_table())
    assert (found.scope, found.events, found.size) == (str(OF_TABLE), 4, 7)
    assert found.root == LOG.tree(7).root()
    assert found.signed_by == (KEY.vkey,)
    assert verified(LOG.bundle(PERIOD, LOG.events[1:6])).events == 5
    assert verified(LOG.bundle(Scope("migration", str(MIGRATION)), LOG.of(MIGRATION))).events == 2


def test_people_can_read_the_events() -> None:
    lines = files(of_table())["events/000001.ndjson"].decode().splitlines()
    first = json.loads(lines[0])
    assert first["stream"] == str(TABLE)
    assert first["event"] == {"type": "happened", "position": 1, "why": "größer ✓"}


def test_stored_bytes_that_are_no_json_are_proven_all_the_same() -> None:
    log = Log([TABLE])
    state = b"\x00\xff compressed\n"
    log.events[0] = Sealed(log.events[0].entry._replace(digest=sha256(state).digest()), state)
    log.__dict__["_leaves"] = [sha256(b"\x00" + log.events[0].entry.encoded()).digest()]
    bundle = log.bundle(OF_TABLE)
    assert b'"event":null' in bundle
    assert verified(bundle).events == 1


def test_many_parts_hold() -> None:
    log = Log([TABLE] * (PART + 1))
    bundle = log.bundle(OF_TABLE)
    assert [name for name in files(bundle) if name.startswith("events/")] == [
        f"events/{number:06}.ndjson" for number in (1, 2)
    ]
    assert verified(bundle).events == PART + 1


@pytest.mark.parametrize("part", range(8))
def test_no_byte_can_be_flipped(part: int) -> None:
    assert verified(FLIPPED).events == 2
    for at in range(part, len(FLIPPED), 8):
        damaged = bytearray(FLIPPED)
        damaged[at] ^= 1 << at // 8 % 8
        with pytest.raises(EvidenceRefused) as refused:
            verified(bytes(damaged))
        assert NAMES_THE_PLACE.search(str(refused.value)), str(refused.value)


def test_it_can_be_cut_off_nowhere() -> None:
    for length in range(0, len(FLIPPED), 97):
        with pytest.raises(EvidenceRefused):
            verified(FLIPPED[:length])
    with pytest.raises(EvidenceRefused, match="after its end"):
        verified(FLIPPED + b"\0")


@pytest.mark.parametrize("missing", range(4))
def test_an_event_that_is_taken_out_is_missed(missing: int) -> None:
    contents = files(of_table())
    lines = contents["events/000001.ndjson"].splitlines(keepends=True)
    taken = json.loads(lines.pop(missing))
    contents["events/000001.ndjson"] = b"".join(lines)
    with pytest.raises(EvidenceRefused, match="is the proof of no event"):
        verified(packed(contents))
    del contents[f"proofs/{taken['position']:019}.tlog-proof"]
    with pytest.raises(EvidenceRefused) as refused:
        verified(packed(contents))
    last_of_its_stream = missing in (2, 3)
    named = "events/000001.ndjson" if last_of_its_stream else f"event 1 of stream {taken['stream']} is missing"
    assert named in str(refused.value)


def test_what_whoever_signs_left_out_is_missed_too() -> None:
    """The list of contents is in order here: it is the events that tell."""
    with pytest.raises(EvidenceRefused, match=f"event 1 of stream {MIGRATION} is missing before position 4"):
        verified(LOG.bundle(OF_TABLE, [event for event in LOG.of(TABLE, MIGRATION) if event.entry.position != 3]))
    with pytest.raises(EvidenceRefused, match="position 4 of the period"):
        verified(LOG.bundle(PERIOD, [event for event in LOG.events[1:6] if event.entry.position != 4]))
    with pytest.raises(EvidenceRefused, match="position 6 of the period"):
        verified(LOG.bundle(PERIOD, LOG.events[1:5]))
    with pytest.raises(EvidenceRefused, match="position 2 of the period"):
        verified(LOG.bundle(PERIOD, LOG.events[2:6]))
    with pytest.raises(EvidenceRefused, match="no event of table"):
        verified(LOG.bundle(OF_TABLE, LOG.of(OTHER)))


def test_events_that_change_places_are_found() -> None:
    contents = files(of_table())
    first, *rest = contents["events/000001.ndjson"].splitlines(keepends=True)
    contents["events/000001.ndjson"] = b"".join((rest[0], first, *rest[1:]))
    with pytest.raises(EvidenceRefused, match=r"event 2 \(position 1\) is out of order"):
        verified(packed(contents))


def test_an_event_that_was_never_sealed_is_found() -> None:
    forged = Log([TABLE, OTHER, MIGRATION, MIGRATION, TABLE, OTHER, OTHER], key=SigningKey(KEY.vkey.name, bytes(32)))
    state = forged.events[4].state.replace(b"happened", b"was done")
    forged.events[4] = Sealed(forged.events[4].entry._replace(digest=sha256(state).digest()), state)
    with pytest.raises(EvidenceRefused, match=r"event 4 \(position 5\) is not in the sealed log"):
        verified(forged.bundle(OF_TABLE, forged.of(TABLE, MIGRATION)))


def test_an_event_whose_stored_bytes_were_altered_is_found() -> None:
    altered = Log(LOG.streams)
    altered.events[2] = Sealed(altered.events[2].entry, b'{"type":"happened","position":99}')
    with pytest.raises(EvidenceRefused, match=r"event 2 \(position 3\) was altered"):
        verified(altered.bundle(OF_TABLE, altered.of(TABLE, MIGRATION)))


def test_the_proof_of_another_event_or_table_proves_nothing() -> None:
    contents, others = files(of_table()), files(LOG.bundle(Scope("table", str(OTHER)), LOG.of(OTHER)))
    contents["proofs/0000000000000000005.tlog-proof"] = others["proofs/0000000000000000006.tlog-proof"]
    with pytest.raises(EvidenceRefused, match=r"event 4 \(position 5\) is not in the sealed log"):
        verified(packed(contents))
    contents["events/000001.ndjson"] = others["events/000001.ndjson"]
    with pytest.raises(EvidenceRefused, match=r"event 1 \(position 2\) has no proof"):
        verified(packed(contents))


def test_another_files_list_of_contents_is_refused() -> None:
    contents, others = files(of_table()), files(LOG.bundle(PERIOD, LOG.events[1:6]))
    contents["manifest"] = others["manifest"]
    with pytest.raises(EvidenceRefused, match="position 2 of the period"):
        verified(packed(contents))


def test_files_cannot_be_added_moved_or_left_out() -> None:
    contents = files(of_table())
    for name in contents:
        rest = {other: content for other, content in contents.items() if other != name}
        with pytest.raises(EvidenceRefused):
            verified(packed(rest))
        with pytest.raises(EvidenceRefused):
            verified(packed({**rest, name: contents[name], "more": b""}))
        if name != "manifest":
            with pytest.raises(EvidenceRefused):
                verified(packed({**rest, name: contents[name]}))


def test_somebody_elses_key_verifies_nothing() -> None:
    stranger = SigningKey(KEY.vkey.name, bytes(31) + b"\x02")
    with pytest.raises(EvidenceRefused, match=r"'checkpoint-first': nobody whose key is known has signed it"):
        verified(of_table(), stranger.vkey)


def test_a_rotation_leads_from_the_old_key_to_the_new_and_back() -> None:
    log = Log(LOG.streams, key=NEW)
    bundle = log.bundle(OF_TABLE, log.of(TABLE, MIGRATION), log.frame([rotation(KEY, NEW)]))
    assert verified(bundle, KEY.vkey).signed_by == (NEW.vkey,)
    older = LOG.bundle(OF_TABLE, LOG.of(TABLE, MIGRATION), LOG.frame([rotation(KEY, NEW)]))
    assert verified(older, NEW.vkey).signed_by == (KEY.vkey,)


def test_a_rotation_that_one_key_alone_has_signed_leads_nowhere() -> None:
    thief = SigningKey(KEY.vkey.name, bytes(31) + b"\x03")
    log = Log(LOG.streams, key=thief)
    halves = rotation(KEY, thief).split("\n")
    alone = "\n".join((*halves[:4], halves[5], ""))
    bundle = log.bundle(OF_TABLE, log.of(TABLE, MIGRATION), log.frame([alone]))
    with pytest.raises(EvidenceRefused, match="one of its keys has not signed it"):
        verified(bundle)
