"""Verifying a bundle of evidence offline, beside SHA-256 of the same bytes alone."""

import tempfile
from hashlib import sha256
from pathlib import Path

from adapters.postgres.database import Database
from adapters.sealing.reading import PostgresSeal
from adapters.sealing.signing import verify_ed25519
from benchmarks.measure import Result, in_turns
from benchmarks.sealed_log import EVENTS, SealedLog, filled_log
from domain.audit.evidence import Scope, written
from domain.audit.verifying import verify_evidence

PIECE = 1 << 20


def measure() -> Result:
    with filled_log() as log, tempfile.TemporaryDirectory() as folder:
        sealer = log.sealer()
        while sealer.advance(log.connection):
            pass
        bundle = Path(folder) / "bundle.tar"
        _write(log, bundle)

        def ours() -> None:
            with bundle.open("rb") as file:
                assert verify_evidence(file, log.keys.known(), verify_ed25519).events == EVENTS

        def peer() -> None:
            digest = sha256()
            with bundle.open("rb") as file:
                while piece := file.read(PIECE):
                    digest.update(piece)

        seconds = in_turns(ours, peer)
        met = seconds[0] <= 10 * seconds[1]
        name = f"SHA-256 of the {bundle.stat().st_size / 1e6:,.0f} MB"
        return Result("verify", *seconds, name, "s", "at most 10 x", met)


def _write(log: SealedLog, bundle: Path) -> None:
    database = Database(log.url)
    try:
        seal = PostgresSeal(database, log.keys)
        last = seal.latest()
        first = seal.covering(1)
        assert last is not None
        assert first is not None
        events = ((each.event, each.path) for each in seal.evidence(Scope("period", f"1-{EVENTS}"), last))
        pieces = written(Scope("period", f"1-{EVENTS}"), seal.frame(first, last), events, "", seal.signer())
        with bundle.open("wb") as file:
            file.writelines(pieces)
    finally:
        database.close()
