"""``add_scalar_index``: builds an index that finds rows by a column's values; readers and writers need not wait."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta, field
from msgspec.structs import replace

from domain.changes.change import Change, Effect, Found, IndexedPath, Params, Setting
from domain.changes.checks import can_hold, default_index_name, index_name_taken, settings_refused
from domain.column_types import ListOf
from domain.errors import ColumnNotFound, IndexTypeRefused, IndexTypeUnknown
from domain.fields import split
from domain.schema import Column, FieldFound, Index, IndexSetting, Schema
from domain.steps import BuildIndex


class AddScalarIndexParams(Params, frozen=True, kw_only=True):
    column: IndexedPath
    index_type: Annotated[str, Meta(description="`btree`, `bitmap` or another the engine offers.")]
    name: Annotated[str | None, Meta(description="Of the index; `<column>_idx` when left out.")] = None
    settings: Annotated[
        dict[str, IndexSetting],
        Meta(description="In the engine's own words, such as `base_tokenizer`. What is left out the engine chooses."),
    ] = field(default_factory=dict)

    @property
    def index_name(self) -> str:
        return self.name if self.name is not None else default_index_name(self.column)


class AddScalarIndex(Change, frozen=True, kw_only=True, tag="add_scalar_index"):
    params: AddScalarIndexParams

    @classmethod
    def trial(cls, column: Column, value: Any) -> "AddScalarIndex":  # noqa: ARG003
        return cls(params=AddScalarIndexParams(column=column.name, index_type="btree"))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        p, offered = self.params, setting.profile.scalar_indexes
        found = schema.numbered_at(p.column).find_field(p.column)
        if found is None:
            yield "/params/column", ColumnNotFound(p.column)
        yield from index_name_taken(schema, "/params/name", p.index_name)
        if p.index_type not in offered:
            known = ", ".join(offered) or "none"
            yield "/params/indexType", IndexTypeUnknown(setting.profile.name, "scalar", p.index_type, known)
            return
        yield from settings_refused(setting, "/params/settings", p.index_type, p.settings)
        if found is not None and not self._can_be_on(found, setting):
            yield "/params/indexType", IndexTypeRefused(p.index_type, p.column, str(found[2]))

    def _can_be_on(self, found: FieldFound, setting: Setting) -> bool:
        _, list_path, data_type = found
        if list_path is not None and self.params.index_type not in setting.profile.list_indexes:
            return False
        return can_hold(setting.profile, self._index(found, setting), data_type)

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        numbered = schema.numbered_at(self.params.column)
        found = numbered.find_field(self.params.column)
        assert found is not None
        index = self._index(found, setting)
        after = replace(numbered, indexes=(*schema.indexes, index))
        return Effect(schema=after, steps=(BuildIndex(index=index, names=(self.params.column,)),))

    def _index(self, found: FieldFound, setting: Setting) -> Index:
        own_id, list_path, data_type = found
        looks_inside = self.params.index_type in setting.profile.list_indexes and isinstance(data_type, ListOf)
        return Index(
            name=self.params.index_name,
            column_ids=(own_id,),
            index_type=self.params.index_type,
            settings={**setting.profile.index_defaults.get(self.params.index_type, {}), **self.params.settings},
            list_path="" if list_path is None and looks_inside else list_path,
        )

    def touches(self) -> tuple[str, ...]:
        return (self.params.column, split(self.params.column)[0])
