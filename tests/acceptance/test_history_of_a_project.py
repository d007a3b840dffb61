"""Ten years of schema migrations of a real project, replayed over HTTP on tables with rows in them."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa

from tests.acceptance.conftest import Service
from tests.acceptance.modelled_table import ModelledTable, Shape, Value

HISTORY = json.loads((Path(__file__).parent / "histories" / "mastodon.json").read_text())

ROWS_AT_FIRST = 300
ROWS_LATER = 3
WRITES_AFTER_EVERY = 4
"""Another writer begins each table with rows, and appends a few after every so many of its migrations."""

ARROW = {
    "bool": pa.bool_(),
    "float64": pa.float64(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "list<int64>": pa.list_(pa.int64()),
    "list<utf8>": pa.list_(pa.utf8()),
    "timestamp[us]": pa.timestamp("us"),
    "utf8": pa.utf8(),
}

BACKFILLS: dict[tuple[str, str], tuple[str, str | None, Value]] = {
    ("notifications", "from_account_id"): ("account_id", None, lambda row: row["account_id"]),
    ("statuses", "reply"): ("in_reply_to_id IS NOT NULL", None, lambda row: row["in_reply_to_id"] is not None),
    ("media_attachments", "shortcode"): ("CAST(id AS STRING)", None, lambda row: str(row["id"])),
    ("reports", "action_taken_at"): ("updated_at", "action_taken", lambda row: row["updated_at"]),
}
"""What another writer puts into new columns, as the project did: the value in SQL, which rows, the value in Python."""


def modelled(name: str) -> ModelledTable:
    """The table as it began."""
    begun = HISTORY["tables"][name]
    return ModelledTable(begun["fields"], begun.get("primaryKeyColumns", []))


def begun_by(version: str) -> set[str]:
    """The tables that were there at that time."""
    return {name for name, begun in HISTORY["tables"].items() if begun["version"] <= version}


def never_null() -> set[tuple[str, str]]:
    """(table, column) of those that become not nullable without a value for the nulls that are there."""
    return {
        (migration["table"], operation["params"]["name"])
        for migration in HISTORY["migrations"]
        for operation in migration["operations"]
        if operation["type"] == "alter_column_nullability" and "fillNullsWith" not in operation["params"]
    }


NEVER_NULL = never_null()


def value_of(table: str, column: dict[str, Any], number: int) -> Any:
    """What row ``number`` holds in a column: told apart by row and column, and null in every fifth row."""
    name, length = column["name"], len(column["name"])
    if column["nullable"] and number % 5 == 0 and (table, name) not in NEVER_NULL:
        return None
    match column["type"]:
        case "bool":
            return (number + length) % 2 == 0
        case "float64":
            return number / 4
        case "timestamp[us]":
            return datetime(2016, 2, 20) + timedelta(minutes=number, microseconds=length)
        case "utf8":
            return f"{name} {number}"
        case "list<utf8>":
            return [f"{name} {item}" for item in range(number % 3)]
        case "list<int32>" | "list<int64>":
            return list(range(number % 4))
        case _:
            return number if name == "id" else number + length


class ReplayedTable:
    """A table under management, beside the model of it."""

    def __init__(self, service: Service, name: str) -> None:
        self.http, self.name, self.expected = service.http, name, modelled(name)
        begun = HISTORY["tables"][name]
        body = {"datasetId": HISTORY["project"], "tableName": name, "fields": begun["fields"]}
        answer = self.http.post(
            "/dataset-tables", json={**body, "primaryKeyColumns": begun.get("primaryKeyColumns", [])}
        )
        assert answer.status_code == 201, answer.text
        self.id, self.location = answer.json()["tableId"], answer.json()["location"]
        self.versions: list[Shape] = [self.expected.shape()]
        self.migrations: list[str] = []
        self.write(ROWS_AT_FIRST)

    def write(self, count: int) -> None:
        """Appends rows beside the service, as another writer would."""
        first = len(self.expected.rows)
        rows = [
            {column["name"]: value_of(self.name, column, first + number) for column in self.expected.columns}
            for number in range(count)
        ]
        schema = lance.dataset(self.location).schema
        lance.write_dataset(pa.Table.from_pylist(rows, schema=schema), self.location, mode="append")
        self.expected.rows += rows

    def backfill(self, migration: dict[str, Any]) -> None:
        """Updates rows as another writer would, where the project did so after a column was added."""
        for operation in migration["operations"]:
            name = operation["params"].get("name")
            if operation["type"] == "add_column" and (self.name, name) in BACKFILLS:
                sql, which, value = BACKFILLS[self.name, name]
                lance.dataset(self.location).update({name: sql}, where=which)
                self.expected.update(name, value, which)

    def migrate(self, service: Service, migration: dict[str, Any]) -> None:
        """Posts the migration, waits for its end, and compares what has become of schema and rows."""
        title = f"{migration['version']} {migration['name']}"
        body = {"operations": migration["operations"], "description": title}
        answer = self.http.post(f"/dataset-tables/{self.id}/migrations", json=body)
        assert answer.status_code == 202, f"{title}: {answer.text}"
        done = service.finished(answer.json()["operationId"])
        assert done["status"] == "completed", f"{title}: {done}"
        for operation in migration["operations"]:
            self.expected.apply(operation)
        self.versions.append(self.expected.shape())
        self.migrations.append(title)
        self.compare_schema(title)
        self.compare_rows(title)
        self.compare_indexes(title)

    def compare_schema(self, title: str) -> None:
        """The schema now, asked for by its number and without."""
        number = len(self.versions)
        assert self.seen("schema") == (number, self.versions[-1]), title
        assert self.seen("schema", version=number) == (number, self.versions[-1]), title

    def compare_rows(self, title: str) -> None:
        """No row is lost, and every value of every row is what it should be."""
        rows = lance.dataset(self.location).to_table().to_pylist()
        assert len(rows) == len(self.expected.rows), title
        pairs = zip(rows, self.expected.rows, strict=True)
        assert next(((found, expected) for found, expected in pairs if found != expected), None) is None, title

    def compare_indexes(self, title: str) -> None:
        """Lance has the indexes, and finds by them what is there: rows of the beginning and rows appended since."""
        table = lance.dataset(self.location)
        found = {index.name: (*index.field_names, index.index_type.lower()) for index in table.describe_indices()}
        wanted = self.expected.indexes.items()
        assert found == {name: (column, kind.replace("_", "")) for name, (column, kind) in wanted}, title
        for column, _ in self.expected.indexes.values():
            for sought in (self.expected.rows[1][column], self.expected.rows[-1][column]):
                if isinstance(sought, int | str):
                    rows = [row for row in self.expected.rows if row[column] == sought]
                    assert table.to_table(filter=f"{column} = {sought!r}").to_pylist() == rows, (title, column)

    def compare_past(self) -> None:
        """Every version there ever was reads back as it was recorded, and every migration is remembered."""
        for number, recorded in enumerate(self.versions, start=1):
            assert self.seen(f"schema/versions/{number}") == (number, recorded)
        listed = self.http.get(f"/dataset-tables/{self.id}/migrations", params={"pageSize": 100}).json()["migrations"]
        assert [migration["description"] for migration in reversed(listed)] == self.migrations
        assert {migration["status"] for migration in listed} <= {"succeeded"}

    def compare_lance(self) -> None:
        """The schema a reader of the table finds, without the service."""
        columns = self.expected.columns
        fields = [pa.field(column["name"], ARROW[column["type"]], column["nullable"]) for column in columns]
        assert lance.dataset(self.location).schema.remove_metadata().equals(pa.schema(fields))

    def seen(self, path: str, **query: int) -> tuple[int, Shape]:
        """Version number and shape of a schema as the service answers it."""
        answer = self.http.get(f"/dataset-tables/{self.id}/{path}", params=query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        columns = [
            (
                field["fieldId"],
                field["name"],
                field["dataType"],
                field["nullable"],
                json.dumps(field.get("writeDefault")),
            )
            for field in body["fields"]
        ]
        return body["versionNumber"], {"columns": columns, "primaryKey": body["primaryKeyColumns"]}


def test_the_history_is_in_order_and_ends_where_the_project_stands() -> None:
    tables = {name: modelled(name) for name in HISTORY["tables"]}
    versions = [migration["version"] for migration in HISTORY["migrations"]]
    assert versions == sorted(versions)
    for migration in HISTORY["migrations"]:
        assert migration["version"].startswith(migration["at"].replace("-", ""))
        assert migration["version"] >= HISTORY["tables"][migration["table"]]["version"]
        for operation in migration["operations"]:
            tables[migration["table"]].apply(operation)
    assert {name: in_words(table) for name, table in tables.items()} == HISTORY["ends"]


def in_words(table: ModelledTable) -> dict[str, Any]:
    """As the history describes where the project stands: the order of columns is not part of it."""
    columns = {}
    for column in table.columns:
        optional = "" if column["nullable"] else " not null"
        default = "" if column["default"] is None else f" default {json.dumps(column['default'])}"
        columns[column["name"]] = column["type"] + optional + default
    return {"primaryKeyColumns": table.key, "columns": columns}


def test_every_schema_on_the_way_through_a_projects_history_is_as_expected(service: Service) -> None:
    tables: dict[str, ReplayedTable] = {}
    for migration in HISTORY["migrations"]:
        for name in begun_by(migration["version"]) - set(tables):
            tables[name] = ReplayedTable(service, name)
        table = tables[migration["table"]]
        table.migrate(service, migration)
        table.backfill(migration)
        if len(table.migrations) % WRITES_AFTER_EVERY == 0:
            table.write(ROWS_LATER)
    assert set(tables) == set(HISTORY["tables"])
    for table in tables.values():
        table.compare_past()
        table.compare_rows("at the end")
        table.compare_indexes("at the end")
        table.compare_lance()
