"""An auditor at the command line: what happened, exported to files."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq

from tests.acceptance.conftest import Service


def test_the_trail_is_shown_and_exported(own_service: Service, tmp_path: Path) -> None:
    table = own_service.new_table("audited", {"id": "int64"})["tableId"]
    drop = {"type": "drop_column", "params": {"name": "nobody"}}
    assert own_service.http.post(f"/dataset-tables/{table}/migrations", json={"operations": [drop]}).status_code == 400
    shown = own_service.run("audit", "events", "--table", "d.audited").stdout.splitlines()
    assert [line.split("\t")[3] for line in shown] == ["table.registered", "trail.command_denied"]
    assert [line.split("\t")[5] for line in shown] == ["succeeded", "denied"]
    piped = own_service.run("audit", "events", "--table", table, "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line)["type"] for line in piped] == ["table.registered", "trail.command_denied"]
    for wanted in ("csv", "parquet"):
        place = tmp_path / f"trail.{wanted}"
        told = own_service.run("audit", "events", "--type", "trail.read", "--format", wanted, "-f", str(place))
        assert told.stdout == f"{place} is written.\n"
    with (tmp_path / "trail.csv").open(newline="") as file:
        reads = [json.loads(row["details"]) for row in csv.DictReader(file)]
    assert [(read["format"], read["filters"].get("tableId")) for read in reads] == [
        ("json", table),
        ("ndjson", table),
        ("csv", None),
    ]
    assert pq.read_table(tmp_path / "trail.parquet").num_rows == len(reads) + 1
    wrong = own_service.run("audit", "events", "--from", "yesterday")
    assert wrong.returncode == 1
    assert "is no moment" in wrong.stderr
