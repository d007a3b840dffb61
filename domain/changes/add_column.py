"""``add_column``: adds a column, where it is asked for, with a default for the rows that are there.

Without a default stored rows read null and nothing is written. A column that may not hold null needs one as soon as the
table has rows.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta

from domain.changes.change import Change, Effect, Found, Params, Setting
from domain.changes.checks import comment_refused, name_taken, parsed, type_refused, value_refused, writers_fill
from domain.column_types import Null
from domain.errors import DefaultRequired, PositionOutOfRange, TypeNotSupported
from domain.schema import Column, Schema
from domain.steps import AddField
from domain.type_text import parse_type


class AddColumnParams(Params, frozen=True, kw_only=True):
    name: Annotated[str, Meta(description="The new column, or the dotted path of a new field inside struct columns.")]
    data_type: Annotated[str, Meta(description="Its Arrow type, as in `decimal128(12, 2)` or `list<utf8>`.")]
    nullable: Annotated[bool, Meta(description="Whether it may hold null.")]
    position: Annotated[int | None, Meta(description="Where it comes to stand; 0 is first. Last when left out.")] = None
    default_value: Annotated[
        Any, Meta(description="A JSON value of the type: what stored rows read, and the default of later rows.")
    ] = None
    comment: Annotated[str | None, Meta(description="What people should know of it.")] = None


class AddColumn(Change, frozen=True, kw_only=True, tag="add_column"):
    params: AddColumnParams
    paths = ("name",)

    @classmethod
    def trial(cls, column: Column, value: Any) -> "AddColumn":
        return cls(params=AddColumnParams(name="added", data_type=column.data_type, nullable=True, default_value=value))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        p = self.params
        yield from name_taken(schema, setting, "/params/name", p.name)
        yield from type_refused(setting, "/params/dataType", p.data_type)
        yield from value_refused("/params/defaultValue", p.name, p.default_value, parsed(p.data_type))
        yield from comment_refused("/params/comment", p.name, p.comment)
        if not p.nullable and parsed(p.data_type) == Null():
            yield (
                "/params/nullable",
                TypeNotSupported(setting.profile.name, "null", "its columns hold null and nothing else"),
            )
        if p.position is not None and not 0 <= p.position <= len(schema.columns):
            yield "/params/position", PositionOutOfRange(p.position, len(schema.columns))
        if not p.nullable and p.default_value is None and setting.statistics.rows > 0:
            yield "/params/defaultValue", DefaultRequired(p.name, setting.statistics.rows)

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        p = self.params
        asked = Column(
            id=0,
            name=p.name,
            data_type=str(parse_type(p.data_type)),
            nullable=p.nullable,
            initial_default=p.default_value,
            write_default=p.default_value,
            comment=p.comment,
        )
        after = schema.inserted(asked, p.position)
        column = after.column(p.name)
        hazards = () if p.default_value is None else tuple(writers_fill(setting, p.name))
        step = AddField(column=column, position=after.columns.index(column))
        return Effect(schema=after, steps=(step,), hazards=hazards)
