"""Durable appends of one-event commands by 8 writers, beside ``pgbench`` inserting the same bytes as single rows.

pgbench has 8 connections of its own and writes into a table with the log's two indexes, and neither view nor lease nor
order. It is no part of this project's environment: without it on the PATH there is nothing to measure beside.
"""

import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

import psycopg

from benchmarks.append import EVENTS, WRITERS, appending
from benchmarks.measure import ROUNDS, Result, rate_of
from benchmarks.services import postgres

TABLE = """
CREATE TABLE bare_events (
    originator_id uuid NOT NULL, originator_version bigint NOT NULL, topic text NOT NULL, state bytea NOT NULL,
    notification_id bigserial UNIQUE, recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (originator_id, originator_version))
"""
INSERT = """INSERT INTO bare_events (originator_id, originator_version, topic, state)
VALUES (gen_random_uuid(), 1, 'operation.requested', decode(repeat('00', 300), 'hex'));
"""


def measure() -> list[Result]:
    pgbench = shutil.which("pgbench")
    if pgbench is None:
        print("append_limit: there is no pgbench on the PATH; it comes with PostgreSQL's client programs")
        return []
    with postgres() as url, tempfile.TemporaryDirectory() as folder, appending(url) as append:
        with psycopg.connect(url) as connection:
            connection.execute(TABLE)
        script = Path(folder) / "insert.sql"
        script.write_text(INSERT)
        ours, peer = list[float](), list[float]()
        for round_ in range(ROUNDS + 1):
            rates = rate_of(append, EVENTS), _inserted(pgbench, script, url)
            if round_:
                ours.append(rates[0])
                peer.append(rates[1])
    one, other = statistics.median(ours), statistics.median(peer)
    return [Result("append_limit", one, other, "pgbench, 8 clients", "appends/s", "at least 0.5 x", one >= 0.5 * other)]


def _inserted(pgbench: str, script: Path, url: str) -> float:
    """Rows per second, as pgbench says, its connecting not included."""
    count = f"--transactions={EVENTS // WRITERS * 5}"
    command = [
        pgbench,
        "--no-vacuum",
        f"--client={WRITERS}",
        "--jobs=2",
        count,
        f"--file={script}",
        "-M",
        "prepared",
        url,
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([0-9.]+) \(without initial connection time\)", said)
    assert found is not None, said
    return float(found[1])
