"""Runs a worked example through the real application and a real worker, and keeps what a page shows of it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
from msgspec import Struct

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.event_log.recorder import LOG_SQL
from adapters.postgres.preparing import prepare_database
from tests.api.conftest import Api, at_work, serving
from tests.docs.examples import Example

STABLE = ("steps", "diff", "hazards", "undo", "indexImpacts", "requiresRewrite")
"""The members of a plan that are the same whenever and wherever it is made."""


class Seen(Struct, frozen=True, kw_only=True):
    """A table as a reader finds it: its columns and keys from the service, its rows from Lance."""

    schema: dict[str, Any]
    indexes: list[dict[str, Any]]
    rows: list[dict[str, Any]]


class Run(Struct, frozen=True, kw_only=True):
    """``body`` is what was sent, ``plan`` what was answered beforehand, ``variants`` the plans of other uses."""

    before: Seen
    body: dict[str, Any]
    plan: dict[str, Any]
    after: Seen
    variants: tuple[dict[str, Any], ...]


@contextmanager
def service() -> Iterator[Api]:
    """The application, a worker and a database that end with the block."""
    folder = Path(tempfile.mkdtemp(prefix="schemaledger-docs-"))
    server = EmbeddedPostgres(folder / "postgres")
    try:
        url = server.start()
        prepare_database(url, LOG_SQL)
        with serving(url, folder) as api, at_work(url, folder):
            yield api
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(api: Api, name: str, example: Example) -> Run:
    """On a new table called ``name``."""
    new = {"datasetId": "docs", "tableName": name, "fields": list(example.fields)}
    answer = api.post("/dataset-tables", {**new, "primaryKeyColumns": list(example.key)})
    assert answer.status_code == 201, answer.text
    table, location = answer.json()["tableId"], answer.json()["location"]
    _write(location, example.rows)
    for operation in example.before:
        _migrate(api, table, operation)
    _write(location, example.later)
    body, before = {"operations": [example.operation]}, _seen(api, table, location)
    plan, *variants = (_plan(api, table, operation) for operation in (example.operation, *example.variants))
    _migrate(api, table, example.operation)
    return Run(before=before, body=body, plan=plan, after=_seen(api, table, location), variants=tuple(variants))


def _write(location: str, rows: tuple[dict[str, Any], ...]) -> None:
    if rows:
        arrow = lance.dataset(location).schema
        lance.write_dataset(pa.Table.from_pylist(list(rows), schema=arrow), location, mode="append")


def _plan(api: Api, table: str, operation: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(f"/dataset-tables/{table}/migrations/plan", {"operations": [operation]})
    assert answer.status_code == 200, answer.text
    return {member: answer.json()[member] for member in STABLE if member in answer.json()}


def _migrate(api: Api, table: str, operation: dict[str, Any]) -> None:
    answer = api.migrate(table, operation)
    assert answer.status_code == 202, answer.text
    ended = api.finished(answer.json()["operationId"])
    assert ended["status"] == "completed", ended


def _seen(api: Api, table: str, location: str) -> Seen:
    return Seen(
        schema=api.get(f"/dataset-tables/{table}/schema").json(),
        indexes=api.get(f"/dataset-tables/{table}/indexes").json()["indexes"],
        rows=lance.dataset(location).to_table().to_pylist(),
    )
