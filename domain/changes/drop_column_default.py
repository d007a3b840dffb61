"""``drop_column_default``: takes a column's default away: where later writers give no value, it is null or an error."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from domain.changes.change import Change, ColumnPath, Effect, Found, Params, Setting
from domain.changes.checks import missing
from domain.errors import NothingToChange
from domain.schema import Column, Schema
from domain.steps import DeclareField


class DropColumnDefaultParams(Params, frozen=True, kw_only=True):
    name: ColumnPath


class DropColumnDefault(Change, frozen=True, kw_only=True, tag="drop_column_default"):
    params: DropColumnDefaultParams
    paths = ("name",)

    @classmethod
    def trial(cls, column: Column, value: Any) -> "DropColumnDefault":  # noqa: ARG003
        return cls(params=DropColumnDefaultParams(name=column.name))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        name = self.params.name
        yield from missing(schema, "/params/name", name)
        column = schema.find(name)
        if column is not None and column.write_default is None:
            yield "/params/name", NothingToChange(f"Column '{name}' has no default")

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        column = schema.column(self.params.name)
        what = f"later rows of '{column.name}' have no default"
        return Effect(
            schema=schema.replaced(replace(column, write_default=None)),
            steps=(DeclareField(column_id=column.id, name=column.name, what=what),),
        )
