"""``alter_column_nullability``: says whether a column may hold null; nulls that are there are filled, or refuse it."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from domain.changes.change import Change, ColumnPath, Effect, Found, Hazard, HazardKind, Params, Setting
from domain.changes.checks import missing, value_refused
from domain.errors import ColumnInPrimaryKey, FillNotWanted, NullabilityUnchanged
from domain.schema import Column, Schema
from domain.steps import CheckNoNulls, FillNulls, SetNullability, Step


class AlterColumnNullabilityParams(Params, frozen=True, kw_only=True):
    name: ColumnPath
    nullable: Annotated[bool, Meta(description="Whether it may hold null afterwards.")]
    fill_nulls_with: Annotated[
        Any,
        Meta(description="A JSON value of its type to take the place of nulls; without it a null fails the operation."),
    ] = None


class AlterColumnNullability(Change, frozen=True, kw_only=True, tag="alter_column_nullability"):
    params: AlterColumnNullabilityParams
    paths = ("name",)

    @classmethod
    def trial(cls, column: Column, value: Any) -> "AlterColumnNullability":
        return cls(params=AlterColumnNullabilityParams(name=column.name, nullable=False, fill_nulls_with=value))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        p = self.params
        yield from missing(schema, "/params/name", p.name)
        if (column := schema.find(p.name)) is None:
            return
        if column.nullable == p.nullable:
            state = "nullable" if p.nullable else "not nullable"
            yield "/params/nullable", NullabilityUnchanged(p.name, state)
        if p.nullable and column.id in schema.primary_key:
            yield "/params/nullable", ColumnInPrimaryKey(p.name, "become nullable")
        if p.nullable and setting.profile.key_metadata in column.metadata:
            yield (
                "/params/nullable",
                ColumnInPrimaryKey(p.name, f"become nullable: {setting.profile.key_metadata} is set"),
            )
        if p.nullable and p.fill_nulls_with is not None:
            yield "/params/fillNullsWith", FillNotWanted(p.name)
        yield from value_refused("/params/fillNullsWith", p.name, p.fill_nulls_with, column.type)

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        column = schema.column(self.params.name)
        after = schema.replaced(replace(column, nullable=self.params.nullable))
        return Effect(schema=after, steps=tuple(self._steps(column)), hazards=tuple(self._hazards(column)))

    def _steps(self, column: Column) -> Iterator[Step]:
        fill = self.params.fill_nulls_with
        if fill is not None:
            yield FillNulls(column_id=column.id, name=column.name, value=fill, data_type=column.data_type)
        elif not self.params.nullable:
            yield CheckNoNulls(column_id=column.id, name=column.name)
        yield SetNullability(column_id=column.id, name=column.name, nullable=self.params.nullable)

    def _hazards(self, column: Column) -> Iterator[Hazard]:
        if self.params.fill_nulls_with is not None:
            message = f"Which rows of column '{column.name}' held null can no longer be told in the new version."
            yield Hazard(HazardKind.IRREVERSIBLE, message)
