"""What a table should look like after each change, kept in plain dicts and lists: nothing here is the service's own."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

Params = dict[str, Any]
Value = Callable[[dict[str, Any]], Any]
"""A value made from a row."""

Shape = dict[str, Any]
"""Columns in order, each as (fieldId, name, dataType, nullable, writeDefault in JSON), and the names of the key."""

SAME_VALUES = {("int32", "int64"), ("list<int32>", "list<int64>")}
"""The changes of type the model knows: those after which Python shows the same values."""


class ModelledTable:
    """Columns, key, indexes by name as (column, indexType), and rows. It has a method for each type of operation, named like it."""

    def __init__(self, fields: list[dict[str, Any]], key: list[str]) -> None:
        self.columns: list[dict[str, Any]] = []
        self.key = list(key)
        self.indexes: dict[str, tuple[str, str]] = {}
        self.rows: list[dict[str, Any]] = []
        self._last_id = 0
        for field in fields:
            self.add_column({**field, "dataType": field["arrowType"]})

    @property
    def names(self) -> list[str]:
        return [column["name"] for column in self.columns]

    def shape(self) -> Shape:
        columns = [(*column.values(),) for column in self.columns]
        return {"columns": [(*rest, json.dumps(default)) for *rest, default in columns], "primaryKey": list(self.key)}

    def apply(self, operation: dict[str, Any]) -> None:
        """Carries out one operation as it stands on the wire."""
        getattr(self, operation["type"])(operation["params"])

    def fill(self, name: str, value: Value) -> None:
        """Gives a column a value in every row, made from the row."""
        for row in self.rows:
            row[name] = value(row)

    def update(self, name: str, value: Value, which: str | None) -> None:
        """Gives a column a value in the rows whose column ``which`` is true. They go behind those that stay."""
        changed = [row for row in self.rows if which is None or row[which]]
        self.rows = [row for row in self.rows if row not in changed] + [{**row, name: value(row)} for row in changed]

    def add_column(self, params: Params) -> None:
        name, default = params["name"], params.get("defaultValue")
        assert name not in self.names
        self._last_id += 1
        column = {
            "id": self._last_id,
            "name": name,
            "type": params["dataType"],
            "nullable": params["nullable"],
            "default": default,
        }
        self.columns.insert(params.get("position", len(self.columns)), column)
        self.fill(name, lambda row: deepcopy(default))

    def drop_column(self, params: Params) -> None:
        name = params["name"]
        assert name not in self.key
        self.columns.remove(self._find(name))
        self.indexes = {index: made for index, made in self.indexes.items() if made[0] != name}
        for row in self.rows:
            del row[name]

    def rename_column(self, params: Params) -> None:
        old, new = params["oldName"], params["newName"]
        assert new not in self.names
        self._find(old)["name"] = new
        self.key = [new if name == old else name for name in self.key]
        self.indexes = {index: (new if name == old else name, kind) for index, (name, kind) in self.indexes.items()}
        for row in self.rows:
            row[new] = row.pop(old)

    def change_column_type(self, params: Params) -> None:
        column = self._find(params["name"])
        assert column["type"] == params["oldType"]
        assert (params["oldType"], params["newType"]) in SAME_VALUES
        column["type"] = params["newType"]

    def alter_column_nullability(self, params: Params) -> None:
        name, value = params["name"], params.get("fillNullsWith")
        assert self._find(name)["nullable"] is not params["nullable"]
        self._find(name)["nullable"] = params["nullable"]
        if value is not None:
            self.fill(name, lambda row: value if row[name] is None else row[name])
        assert params["nullable"] or all(row[name] is not None for row in self.rows)

    def reorder_column(self, params: Params) -> None:
        column = self._find(params["name"])
        self.columns.remove(column)
        self.columns.insert(params["position"], column)

    def set_primary_key(self, params: Params) -> None:
        assert not any(self._find(name)["nullable"] for name in params["columns"])
        self.key = list(params["columns"])

    def set_column_default(self, params: Params) -> None:
        self._find(params["name"])["default"] = params["defaultValue"]

    def drop_column_default(self, params: Params) -> None:
        assert self._find(params["name"])["default"] is not None
        self._find(params["name"])["default"] = None

    def add_scalar_index(self, params: Params) -> None:
        assert params["column"] in self.names
        assert params["name"] not in self.indexes
        self.indexes[params["name"]] = (params["column"], params["indexType"])

    def drop_scalar_index(self, params: Params) -> None:
        del self.indexes[params["name"]]

    def _find(self, name: str) -> dict[str, Any]:
        return next(column for column in self.columns if column["name"] == name)
