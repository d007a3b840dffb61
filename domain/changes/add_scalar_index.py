"""``add_scalar_index``: builds an index that finds rows by a column's values; readers and writers need not wait."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from domain.changes.change import Change, ColumnName, Effect, Found, Params, Setting
from domain.changes.checks import can_hold, index_name_taken, missing
from domain.errors import IndexTypeRefused, IndexTypeUnknown
from domain.schema import Column, Index, Schema
from domain.steps import BuildIndex


class AddScalarIndexParams(Params, frozen=True, kw_only=True):
    column: ColumnName
    index_type: Annotated[str, Meta(description="`btree`, `bitmap` or another the engine offers.")]
    name: Annotated[str | None, Meta(description="Of the index; `<column>_idx` when left out.")] = None

    @property
    def index_name(self) -> str:
        return self.name if self.name is not None else f"{self.column}_idx"


class AddScalarIndex(Change, frozen=True, kw_only=True, tag="add_scalar_index"):
    params: AddScalarIndexParams

    @classmethod
    def trial(cls, column: Column, value: Any) -> "AddScalarIndex":  # noqa: ARG003
        return cls(params=AddScalarIndexParams(column=column.name, index_type="btree"))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        p, offered = self.params, setting.profile.scalar_indexes
        yield from missing(schema, "/params/column", p.column)
        yield from index_name_taken(schema, "/params/name", p.index_name)
        if p.index_type not in offered:
            known = ", ".join(offered) or "none"
            yield "/params/indexType", IndexTypeUnknown(setting.profile.name, "scalar", p.index_type, known)
        elif (column := schema.find(p.column)) and not can_hold(setting.profile, self._index(column), column.type):
            yield "/params/indexType", IndexTypeRefused(p.index_type, p.column, column.data_type)

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        index = self._index(schema.column(self.params.column))
        after = replace(schema, indexes=(*schema.indexes, index))
        return Effect(schema=after, steps=(BuildIndex(index=index, names=(self.params.column,)),))

    def _index(self, column: Column) -> Index:
        return Index(name=self.params.index_name, column_ids=(column.id,), index_type=self.params.index_type)

    def touches(self) -> tuple[str, ...]:
        return (self.params.column,)
