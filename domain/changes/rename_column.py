"""``rename_column``: gives a column another name; its id, values, indexes and part in the primary key stay."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from domain.changes.change import Change, ColumnPath, Effect, Found, Params, Setting
from domain.changes.checks import missing, name_taken
from domain.schema import Column, Schema
from domain.steps import RenameField


class RenameColumnParams(Params, frozen=True, kw_only=True):
    old_name: ColumnPath
    new_name: Annotated[
        str,
        Meta(description="What it is called afterwards: for a field inside a struct, the same path with another end."),
    ]


class RenameColumn(Change, frozen=True, kw_only=True, tag="rename_column"):
    params: RenameColumnParams
    paths = ("old_name", "new_name")

    @classmethod
    def trial(cls, column: Column, value: Any) -> "RenameColumn":  # noqa: ARG003
        return cls(params=RenameColumnParams(old_name=column.name, new_name=f"{column.name}_renamed"))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        yield from missing(schema, "/params/oldName", self.params.old_name)
        besides = self.params.old_name if self.params.old_name != self.params.new_name else None
        yield from name_taken(schema, setting, "/params/newName", self.params.new_name, besides)

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        column = schema.column(self.params.old_name)
        step = RenameField(column_id=column.id, old_name=column.name, new_name=self.params.new_name)
        return Effect(schema=schema.replaced(replace(column, name=self.params.new_name)), steps=(step,))
