"""``set_column_comment``: keeps with a column what people should know of it."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from domain.changes.change import Change, ColumnPath, Effect, Found, Params, Setting
from domain.changes.checks import missing
from domain.errors import NothingToChange
from domain.schema import Column, Schema
from domain.steps import DeclareField


class SetColumnCommentParams(Params, frozen=True, kw_only=True):
    name: ColumnPath
    comment: Annotated[
        Annotated[str, Meta(max_length=4_000)] | None,
        Meta(description="At most 4,000 characters; null takes the comment away."),
    ]


class SetColumnComment(Change, frozen=True, kw_only=True, tag="set_column_comment"):
    params: SetColumnCommentParams
    paths = ("name",)

    @classmethod
    def trial(cls, column: Column, value: Any) -> "SetColumnComment":  # noqa: ARG003
        return cls(params=SetColumnCommentParams(name=column.name, comment="What it is, and its unit."))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        name, comment = self.params.name, self.params.comment
        yield from missing(schema, "/params/name", name)
        column = schema.find(name)
        if column is not None and column.comment == comment:
            state = "has no comment" if comment is None else "has that comment"
            yield "/params/comment", NothingToChange(f"Column '{name}' {state}")

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        column, comment = schema.column(self.params.name), self.params.comment
        what = f"'{column.name}' has no comment" if comment is None else f"'{column.name}' is: {comment}"
        return Effect(
            schema=schema.replaced(replace(column, comment=comment)),
            steps=(DeclareField(column_id=column.id, name=column.name, what=what),),
        )
