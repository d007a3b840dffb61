"""``drop_vector_index``: takes a vector index away; the column and its values stay."""

from collections.abc import Iterator
from typing import Any

from domain.changes.change import Change, Effect, Found, IndexName, Params, Setting
from domain.errors import IndexNotFound
from domain.schema import Column, Schema
from domain.steps import DropIndex


class DropVectorIndexParams(Params, frozen=True, kw_only=True):
    name: IndexName


class DropVectorIndex(Change, frozen=True, kw_only=True, tag="drop_vector_index"):
    params: DropVectorIndexParams

    @classmethod
    def trial(cls, column: Column, value: Any) -> "DropVectorIndex":  # noqa: ARG003
        return cls(params=DropVectorIndexParams(name=f"{column.name}_idx"))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        index = schema.index(self.params.name)
        if index is None or index.metric is None:
            yield "/params/name", IndexNotFound("vector", self.params.name)

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        name = self.params.name
        return Effect(schema=schema.without_index(name), steps=(DropIndex(name=name),))
