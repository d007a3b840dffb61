"""Two verifiers that share nothing but a page of documentation come to the same verdict."""

import pytest

from domain.audit.evidence import PART, Scope
from domain.audit.files import EvidenceRefused
from domain.audit.rotations import rotation
from domain.audit.tar import END, member
from tests.domain.audit import stranger
from tests.domain.audit.bundles import KEY, MIGRATION, OTHER, TABLE, Log, verified
from tests.domain.audit.test_evidence import FLIPPED, LOG, NEW, OF_TABLE, PERIOD, files, of_table, packed

TRUSTED = str(KEY.vkey)


def both_refuse(bundle: bytes) -> None:
    with pytest.raises(EvidenceRefused):
        verified(bundle)
    with pytest.raises(stranger.Wrong):
        stranger.verify(bundle, TRUSTED)


@pytest.mark.parametrize(
    ("bundle", "scope"),
    [
        (of_table(), OF_TABLE),
        (LOG.bundle(PERIOD, LOG.events[1:6]), PERIOD),
        (LOG.bundle(Scope("migration", str(MIGRATION)), LOG.of(MIGRATION)), Scope("migration", str(MIGRATION))),
        (Log([TABLE] * (PART + 1)).bundle(OF_TABLE), OF_TABLE),
    ],
)
def test_a_stranger_finds_that_it_holds(bundle: bytes, scope: Scope) -> None:
    assert verified(bundle).scope == stranger.verify(bundle, TRUSTED) == str(scope)


def test_a_stranger_follows_rotations_both_ways() -> None:
    after = Log(LOG.streams, key=NEW)
    bundle = after.bundle(OF_TABLE, after.of(TABLE, MIGRATION), after.frame([rotation(KEY, NEW)]))
    assert stranger.verify(bundle, TRUSTED) == stranger.verify(bundle, str(NEW.vkey)) == str(OF_TABLE)
    before = LOG.bundle(OF_TABLE, LOG.of(TABLE, MIGRATION), LOG.frame([rotation(KEY, NEW)]))
    assert stranger.verify(before, str(NEW.vkey)) == str(OF_TABLE)


def test_a_stranger_sees_flipped_bytes() -> None:
    """Some of them, all over the file: ours looks at each one (test_evidence.py)."""
    for at in range(0, len(FLIPPED), 17):
        damaged = bytearray(FLIPPED)
        damaged[at] ^= 1 << at // 17 % 8
        with pytest.raises(stranger.Wrong):
            stranger.verify(bytes(damaged), TRUSTED)


def test_both_refuse_an_empty_file_of_less_than_no_bytes() -> None:
    bundle = bytearray(Log([TABLE]).bundle(OF_TABLE))
    at = bundle.index(b"consistency\0")
    size, checksum = slice(at + 124, at + 135), slice(at + 148, at + 156)
    assert bundle[size] == b"00000000000"
    bundle[size], bundle[checksum] = b"-0000000010", b" " * 8
    bundle[checksum] = b"%06o\0 " % sum(bundle[at : at + 512])
    both_refuse(bytes(bundle))


def test_both_refuse_a_second_proof_of_the_same_event() -> None:
    contents = list(files(of_table()).items())
    at, name = next((at, name) for at, (name, _) in enumerate(contents) if name.startswith("proofs/"))
    for proof in (b"anything", dict(contents)[name]):
        twice = [*contents[:at], (name, proof), *contents[at:]]
        both_refuse(b"".join(member(*each) for each in twice) + END)


def test_both_miss_what_is_not_there_and_see_what_was_put_in() -> None:
    both_refuse(FLIPPED[:-512])
    both_refuse(FLIPPED + bytes(512))
    both_refuse(LOG.bundle(OF_TABLE, [event for event in LOG.of(TABLE, MIGRATION) if event.entry.position != 3]))
    both_refuse(LOG.bundle(PERIOD, LOG.events[1:5]))
    both_refuse(LOG.bundle(OF_TABLE, LOG.of(OTHER)))
    contents, others = files(of_table()), files(LOG.bundle(Scope("table", str(OTHER)), LOG.of(OTHER)))
    for name in contents:
        both_refuse(packed({other: content for other, content in contents.items() if other != name}))
        if name in others and others[name] != contents[name]:
            both_refuse(packed({**contents, name: others[name]}))
    lines = contents["events/000001.ndjson"].splitlines(keepends=True)
    both_refuse(packed({**contents, "events/000001.ndjson": b"".join((lines[1], lines[0], *lines[2:]))}))
