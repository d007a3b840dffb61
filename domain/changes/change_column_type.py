"""``change_column_type``: takes every value of a column to another type.

Each value is looked at while it is written, unless the cast cannot fail; one that does not fit refuses the migration as
a whole, or becomes null where that was asked for. docs/reference/casts.md says what goes to what.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from domain.casts import Cast, CastClass, classify
from domain.changes.change import Change, ColumnPath, Effect, Found, Hazard, HazardKind, Params, Setting
from domain.changes.checks import can_hold, default_not_valid, missing, parsed, type_refused
from domain.column_types import DataType, Field, FixedSizeListOf, Integer, ListOf, MapOf, StructOf
from domain.errors import (
    CastRefused,
    ColumnInPrimaryKey,
    ColumnStillIndexed,
    NullsNotAllowed,
    OldTypeMismatch,
    TypeUnchanged,
)
from domain.literals import check_literal
from domain.schema import Column, Schema
from domain.steps import CastField, CastPolicy
from domain.type_text import parse_type

TRIED = ("int64", "float64", "utf8", "large_utf8", "large_binary", "timestamp[us]", "time64[ns]", "duration[ns]")
"""What is tried of every type, in this order; of nested types one that holds the same values, or more."""


class ChangeColumnTypeParams(Params, frozen=True, kw_only=True):
    name: ColumnPath
    old_type: Annotated[str, Meta(description="The Arrow type it has.")]
    new_type: Annotated[str, Meta(description="The Arrow type it is to have.")]
    on_cast_failure: Annotated[
        CastPolicy,
        Meta(description="A value that does not fit fails the operation (`fail`) or becomes null (`null`)."),
    ] = CastPolicy.FAIL


class ChangeColumnType(Change, frozen=True, kw_only=True, tag="change_column_type"):
    params: ChangeColumnTypeParams
    paths = ("name",)

    @classmethod
    def trial(cls, column: Column, value: Any) -> "ChangeColumnType":  # noqa: ARG003
        """To the first of some types that it can be cast to; to itself, which is refused, when there is none."""
        new_type = _reachable(column.type)
        return cls(params=ChangeColumnTypeParams(name=column.name, old_type=column.data_type, new_type=str(new_type)))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        p = self.params
        yield from missing(schema, "/params/name", p.name)
        yield from type_refused(setting, "/params/newType", p.new_type)
        column = schema.find(p.name)
        if column is not None:
            yield from self._old_type_refused(column)
            if parsed(p.new_type) is not None:
                yield from self._cast_refused(schema, setting, column)

    def _old_type_refused(self, column: Column) -> Iterator[Found]:
        if parsed(self.params.old_type) != column.type:
            yield "/params/oldType", OldTypeMismatch(column.name, self.params.old_type, column.data_type)

    def _cast_refused(self, schema: Schema, setting: Setting, column: Column) -> Iterator[Found]:
        to_type, cast = str(parse_type(self.params.new_type)), self._cast(column)
        if to_type == column.data_type:
            yield "/params/newType", TypeUnchanged(column.name, to_type)
        if cast.cast_class is CastClass.REFUSED:
            yield "/params/newType", CastRefused(column.name, column.data_type, to_type, cast.reason)
        if column.id in schema.primary_key and cast.cast_class is not CastClass.LOSSLESS:
            yield "/params/newType", ColumnInPrimaryKey(column.name, f"go to {to_type}, which is not lossless")
        if self.params.on_cast_failure is CastPolicy.NULL and not column.nullable:
            yield "/params/onCastFailure", NullsNotAllowed(column.name)
        after = schema.replaced(column.with_type(parse_type(to_type)))
        for index in after.indexes_on(column.id):
            held = after.type_under(index)
            if held is None or not can_hold(setting.profile, index, held):
                path = schema.indexed(index)[0]
                yield "/params/newType", ColumnStillIndexed(path, index.name, to_type if held is None else str(held))
        if reason := check_literal(column.write_default, parse_type(to_type)):
            refusal = default_not_valid(column.name, column.write_default, parse_type(to_type), reason)
            yield "/params/newType", refusal

    def _cast(self, column: Column) -> Cast:
        return classify(column.type, parse_type(self.params.new_type))

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        column = schema.column(self.params.name)
        cast, to_type = self._cast(column), parse_type(self.params.new_type)
        # Every stored row is rewritten in the new type, so a first default it cannot hold has no reader left.
        keeps_default = check_literal(column.initial_default, to_type) is None
        after = replace(
            column,
            data_type=str(to_type),
            initial_default=column.initial_default if keeps_default else None,
            metadata=self._metadata_after(column, setting),
        )
        step = CastField(
            column_id=column.id,
            name=column.name,
            from_type=column.data_type,
            to_type=after.data_type,
            checked=cast.cast_class is CastClass.CHECKED,
            on_failure=self.params.on_cast_failure,
        )
        gone = sorted(column.metadata.keys() - after.metadata.keys())
        return Effect(schema=schema.replaced(after), steps=(step,), hazards=tuple(self._hazards(column, cast, gone)))

    def _metadata_after(self, column: Column, setting: Setting) -> dict[str, str]:
        """Without what it says of the old type."""
        belongs = setting.profile.type_metadata
        return {key: value for key, value in column.metadata.items() if not key.startswith(belongs)}

    def _hazards(self, column: Column, cast: Cast, gone: Sequence[str]) -> Iterator[Hazard]:
        said = f" Its metadata {', '.join(gone)} belongs to the old type and goes with it." if gone else ""
        yield Hazard(HazardKind.REWRITE, f"Every value of column '{column.name}' is read and written again.{said}")
        if cast.destructive:
            yield Hazard(HazardKind.DATA_LOSS, f"A nested field of column '{column.name}' is dropped.")
        if self.params.on_cast_failure is CastPolicy.NULL and cast.cast_class is CastClass.CHECKED:
            message = f"Values of column '{column.name}' that fail the cast become null."
            yield Hazard(HazardKind.DATA_LOSS, message)


def _reachable(data_type: DataType) -> DataType:
    """Another type that values of ``data_type`` can go to, or ``data_type`` where there is none."""
    match data_type:
        case ListOf():
            return replace(data_type, large=not data_type.large)
        case FixedSizeListOf():
            return ListOf(data_type.item, data_type.item_nullable)
        case StructOf():
            return StructOf((*data_type.fields, Field("more", Integer(8, signed=True))))
        case MapOf():
            return replace(data_type, value=_reachable(data_type.value))
        case _:
            possible = (to for to in map(parse_type, TRIED) if to != data_type)
            return next((to for to in possible if _meaningful(data_type, to)), data_type)


def _meaningful(source: DataType, target: DataType) -> bool:
    return classify(source, target).cast_class is not CastClass.REFUSED
