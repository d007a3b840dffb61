"""``drop_primary_key``: takes the primary key away; the columns that made it stay, not nullable as they were."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from domain.changes.change import Change, Effect, Found, Params, Setting
from domain.errors import NoPrimaryKey
from domain.schema import Column, Schema
from domain.steps import DeclareKey


class DropPrimaryKeyParams(Params, frozen=True, kw_only=True):
    pass


class DropPrimaryKey(Change, frozen=True, kw_only=True, tag="drop_primary_key"):
    params: DropPrimaryKeyParams = DropPrimaryKeyParams()

    @classmethod
    def trial(cls, column: Column, value: Any) -> "DropPrimaryKey":  # noqa: ARG003
        return cls()

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        if not schema.primary_key:
            yield "", NoPrimaryKey()

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        return Effect(schema=replace(schema, primary_key=()), steps=(DeclareKey(column_ids=(), names=()),))
