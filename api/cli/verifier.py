"""``audit verify`` on evidence: runs with the standard library and ``cryptography`` alone, far from any service.

Nothing else may be imported here, so that ``pip install --no-deps`` and ``cryptography`` are enough for auditors.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from adapters.sealing.signing import verify_ed25519
from domain.audit.files import EvidenceRefused
from domain.audit.notes import NoteDamaged, VerifierKey, parse_key
from domain.audit.verifying import Verified, verify_evidence

HOLDS, REFUSED, WRONG_CALL = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="schemaledger audit verify",
        description="Verify a file of evidence, without any service. Exit codes: 0 holds, 1 does not, 2 wrong call.",
        epilog="With --full instead of a file: look through the whole log of the service here.",
    )
    parser.add_argument("bundle", type=Path, help="The file of evidence")
    parser.add_argument(
        "--key", action="append", required=True, help="A verifier key you trust, or a file of such keys"
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="How to answer")
    asked = parser.parse_args(arguments)
    return verify_bundle(asked.bundle, asked.key, as_json=asked.output == "json")


def verify_bundle(bundle: Path, keys: Sequence[str], *, as_json: bool) -> int:
    """The exit code. Says on standard output what was found."""
    try:
        trusted = [key for text in keys for key in _keys(text)]
        with bundle.open("rb") as file:
            found = verify_evidence(file, trusted, verify_ed25519)
    except NoteDamaged as damage:
        sys.stderr.write(f"Error: --key: {damage}\n")
        return WRONG_CALL
    except OSError as error:
        sys.stderr.write(f"Error: {error}\n")
        return WRONG_CALL
    except EvidenceRefused as refusal:
        _say(json.dumps({"holds": False, "problem": str(refusal)}) if as_json else f"DOES NOT HOLD: {refusal}.")
        return REFUSED
    _say(json.dumps(_told(found), indent=2) if as_json else _said(found))
    return HOLDS


def _keys(text: str) -> Iterator[VerifierKey]:
    """Raises NoteDamaged, OSError."""
    if "+" in text:
        yield parse_key(text)
        return
    for line in Path(text).read_text().splitlines():
        if line.strip():
            yield parse_key(line)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _told(found: Verified) -> dict[str, object]:
    return {
        "holds": True,
        "scope": found.scope,
        "events": found.events,
        "log": found.origin,
        "treeSize": found.size,
        "rootHash": found.root.hex(),
        "signedBy": [str(key) for key in found.signed_by],
    }


def _said(found: Verified) -> str:
    signers = ", ".join(f"{key.name}+{key.key_id.hex()}" for key in found.signed_by)
    return (
        f"It holds: {found.events:,} events of {found.scope}.\n"
        f"Log {found.origin}, as it was when it had {found.size:,} events (root {found.root.hex()}), "
        f"signed with {signers}."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
