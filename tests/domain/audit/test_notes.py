"""Notes, keys, checkpoints and proofs: the examples of the C2SP specifications, and every damage of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sealing.signing import SigningKey, verify_ed25519
from domain.audit.notes import (
    Checkpoint,
    NoteDamaged,
    Proof,
    opened,
    parse_checkpoint,
    parse_key,
    parse_proof,
    signed,
)

# The example of c2sp.org/signed-note.
KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
TEXT = "This is an example message.\n"
NOTE = (
    f"{TEXT}\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# The example of c2sp.org/tlog-checkpoint.
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
# The hashes of the example of c2sp.org/tlog-proof.
PATH = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\nB95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"

OURS = SigningKey("ours", bytes(32))
THEIRS = SigningKey("theirs", bytes(31) + b"\x01")


def test_the_example_of_the_specification_opens() -> None:
    key = parse_key(KEY)
    assert str(key) == KEY
    assert opened(NOTE, [key], verify_ed25519) == (TEXT, (key,))


@pytest.mark.parametrize("at", range(len(NOTE.encode())))
def test_no_byte_of_a_note_can_change(at: int) -> None:
    damaged = bytearray(NOTE.encode())
    damaged[at] ^= 1
    with pytest.raises((NoteDamaged, UnicodeDecodeError)):
        opened(damaged.decode(), [parse_key(KEY)], verify_ed25519)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_what_is_signed_opens(text: str) -> None:
    note = signed(f"{text}\n", OURS, THEIRS)
    assert opened(note, [OURS.vkey], verify_ed25519) == (f"{text}\n", (OURS.vkey,))
    assert opened(note, [THEIRS.vkey, OURS.vkey], verify_ed25519)[1] == (OURS.vkey, THEIRS.vkey)


def test_signatures_of_others_are_passed_over_but_do_not_suffice() -> None:
    note = signed("text\n", THEIRS)
    with pytest.raises(NoteDamaged, match="nobody whose key is known"):
        opened(note, [OURS.vkey], verify_ed25519)


def test_a_bad_signature_of_a_known_key_is_refused_beside_a_good_one() -> None:
    good, bad = signed("text\n", OURS), signed("other\n", THEIRS)
    note = good + bad.rpartition("\n\n")[2]
    assert opened(note, [OURS.vkey], verify_ed25519)
    with pytest.raises(NoteDamaged, match="theirs"):
        opened(note, [OURS.vkey, THEIRS.vkey], verify_ed25519)


@pytest.mark.parametrize(
    "note", ["", "\n", "text\n", "text\n\n", "text\n\nno signature\n", NOTE[:-1], "a\x00b\n\n— x eA==\n", NOTE + "\n"]
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(NoteDamaged):
        opened(note, [parse_key(KEY)], verify_ed25519)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "x",
        KEY[:-4],
        KEY.replace("530d903a", "530d903b"),
        KEY.replace("foo", "bar"),
        f"a b{KEY[15:]}",
        "x+00000000+AQ==",
    ],
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(NoteDamaged):
        parse_key(key)


def test_the_checkpoint_of_the_specification() -> None:
    checkpoint = parse_checkpoint(CHECKPOINT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text() == CHECKPOINT
    assert parse_checkpoint(f"{CHECKPOINT}an extension\n") == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        CHECKPOINT[:-1],
        CHECKPOINT.replace("20852163", "020852163"),
        CHECKPOINT.replace("20852163", "-1"),
        CHECKPOINT.replace("q2I=", "q2J="),
        CHECKPOINT.replace("CsUYap", ""),
        f"\n{CHECKPOINT}",
        f"{CHECKPOINT}\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteDamaged):
        parse_checkpoint(text)


def test_a_proof_reads_as_it_is_written() -> None:
    text = f"c2sp.org/tlog-proof@v1\nindex 73894\n{PATH}\n{NOTE}"
    proof = parse_proof(text)
    assert (proof.index, len(proof.path), proof.checkpoint) == (73894, 2, NOTE)
    assert proof.text() == text
    assert parse_proof(text.replace("\nindex", "\nextra YWdl\nindex")) == proof
    alone = Proof(0, (), NOTE)
    assert parse_proof(alone.text()) == alone


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 1\n\nx",
        "c2sp.org/tlog-proof@v1\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 01\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nx",
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(NoteDamaged):
        parse_proof(text)


def test_a_checkpoint_goes_through_a_note() -> None:
    checkpoint = Checkpoint("ours", 5, bytes(32))
    text, _ = opened(signed(checkpoint.text(), OURS), [OURS.vkey], verify_ed25519)
    assert parse_checkpoint(text) == checkpoint
