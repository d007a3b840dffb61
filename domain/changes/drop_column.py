"""``drop_column``: takes a column away, and the indexes on it.

Its values stay in the table's earlier versions: ``restore_column`` brings them back while those exist.
"""

from collections.abc import Iterator
from typing import Any

from domain.changes.change import Change, ColumnPath, Effect, Found, Hazard, HazardKind, Params, Setting
from domain.changes.checks import missing
from domain.errors import ColumnInPrimaryKey, LastColumn
from domain.schema import Column, Schema
from domain.steps import DropField


class DropColumnParams(Params, frozen=True, kw_only=True):
    name: ColumnPath


class DropColumn(Change, frozen=True, kw_only=True, tag="drop_column"):
    params: DropColumnParams
    paths = ("name",)

    @classmethod
    def trial(cls, column: Column, value: Any) -> "DropColumn":  # noqa: ARG003
        return cls(params=DropColumnParams(name=column.name))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        name = self.params.name
        yield from missing(schema, "/params/name", name)
        if (column := schema.find(name)) is None:
            return
        if column.id in schema.primary_key:
            yield "/params/name", ColumnInPrimaryKey(name, "be dropped")
        if len(schema.columns) == 1:
            yield "/params/name", LastColumn(name)

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        column = schema.column(self.params.name)
        message = f"Column '{column.name}' and its values are no longer readable in the new version."
        return Effect(
            schema=schema.removed(column.id),
            steps=(DropField(column_id=column.id, name=column.name),),
            hazards=(Hazard(HazardKind.DATA_LOSS, message),),
        )
