"""``reorder_column``: moves a column to another place; the others keep their order."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta

from domain.changes.change import Change, ColumnPath, Effect, Found, Params, Setting
from domain.changes.checks import missing
from domain.errors import NothingToChange, PositionOutOfRange
from domain.schema import Column, Schema
from domain.steps import MoveField


class ReorderColumnParams(Params, frozen=True, kw_only=True):
    name: ColumnPath
    position: Annotated[int, Meta(description="Where it stands afterwards; 0 is first.")]


class ReorderColumn(Change, frozen=True, kw_only=True, tag="reorder_column"):
    params: ReorderColumnParams
    paths = ("name",)

    @classmethod
    def trial(cls, column: Column, value: Any) -> "ReorderColumn":  # noqa: ARG003
        return cls(params=ReorderColumnParams(name=column.name, position=0))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        name, position = self.params.name, self.params.position
        yield from missing(schema, "/params/name", name)
        last = len(schema.columns) - 1
        if not 0 <= position <= last:
            yield "/params/position", PositionOutOfRange(position, last)
        elif schema.names.index(name) == position if name in schema.names else False:
            yield "/params/position", NothingToChange(f"Column '{name}' stands at position {position}")

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        column, position = schema.column(self.params.name), self.params.position
        step = MoveField(column_id=column.id, name=column.name, position=position)
        return Effect(schema=schema.moved(column.id, position), steps=(step,))
