"""``set_column_default``: says what rows written later hold where their writer gives no value; stored rows stay."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from domain.changes.change import Change, ColumnPath, Effect, Found, Hazard, Params, Setting
from domain.changes.checks import default_not_valid, missing, value_refused, writers_fill
from domain.errors import NothingToChange
from domain.literals import same_value
from domain.schema import Column, Schema
from domain.steps import DeclareField


class SetColumnDefaultParams(Params, frozen=True, kw_only=True):
    name: ColumnPath
    default_value: Annotated[Any, Meta(description="A JSON value of the column's type.")]


class SetColumnDefault(Change, frozen=True, kw_only=True, tag="set_column_default"):
    params: SetColumnDefaultParams
    paths = ("name",)

    @classmethod
    def trial(cls, column: Column, value: Any) -> "SetColumnDefault":
        return cls(params=SetColumnDefaultParams(name=column.name, default_value=value))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        name, value = self.params.name, self.params.default_value
        yield from missing(schema, "/params/name", name)
        if (column := schema.find(name)) is None:
            return
        if value is None:
            reason = "null is no default; drop_column_default takes one away"
            yield "/params/defaultValue", default_not_valid(name, value, column.type, reason)
        yield from value_refused("/params/defaultValue", name, value, column.type)
        if value is not None and same_value(value, column.write_default):
            yield "/params/defaultValue", NothingToChange(f"The default of column '{name}' is {value!r}")

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        column, value = schema.column(self.params.name), self.params.default_value
        what = f"later rows of '{column.name}' read {value!r} where nothing is written"
        return Effect(
            schema=schema.replaced(replace(column, write_default=value)),
            steps=(DeclareField(column_id=column.id, name=column.name, what=what),),
            hazards=tuple[Hazard, ...](writers_fill(setting, column.name)),
        )
