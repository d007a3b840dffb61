"""``set_primary_key``: makes columns the primary key, by which rows are told apart.

That no two rows agree in them and none holds null is looked at in the data; from then on writers have to keep it so,
and the columns are not nullable.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from domain.changes.change import Change, Effect, Found, Hazard, HazardKind, Params, Setting
from domain.changes.checks import missing
from domain.column_types import bare_name
from domain.errors import ColumnRepeated, KeyNotEnforceable, KeyTypeRefused, NothingToChange
from domain.schema import Column, Schema
from domain.steps import CheckNoNulls, CheckUnique, DeclareKey, SetNullability, Step

NO_KEYS = frozenset({"null", "list", "large_list", "fixed_size_list", "struct", "map", "dictionary"})
"""Types whose values are not compared as wholes."""


class SetPrimaryKeyParams(Params, frozen=True, kw_only=True):
    columns: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100, description="In the key's order.")]
    enforced: Annotated[
        bool, Meta(description="Asks the engine to refuse later rows that break the key, where it can.")
    ] = False


class SetPrimaryKey(Change, frozen=True, kw_only=True, tag="set_primary_key"):
    params: SetPrimaryKeyParams

    @classmethod
    def trial(cls, column: Column, value: Any) -> "SetPrimaryKey":  # noqa: ARG003
        return cls(params=SetPrimaryKeyParams(columns=(column.name,)))

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        names = self.params.columns
        for number, name in enumerate(names):
            pointer = f"/params/columns/{number}"
            yield from missing(schema, pointer, name)
            if name in names[:number]:
                yield pointer, ColumnRepeated(name)
            column = schema.find(name)
            if column is not None and bare_name(column.type) in NO_KEYS:
                yield pointer, KeyTypeRefused(name, column.data_type)
        if self.params.enforced and not setting.profile.enforces_keys:
            yield "/params/enforced", KeyNotEnforceable(setting.profile.name)
        if schema.primary_key and schema.named(schema.primary_key) == names:
            yield "/params/columns", NothingToChange(f"The primary key is {', '.join(names)}")

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        columns = tuple(schema.column(name) for name in self.params.columns)
        ids = tuple(column.id for column in columns)
        after = replace(schema, primary_key=ids)
        for column in columns:
            after = after.replaced(replace(column, nullable=False))
        return Effect(schema=after, steps=tuple(self._steps(columns)), hazards=tuple(self._hazards(setting)))

    def _steps(self, columns: tuple[Column, ...]) -> Iterator[Step]:
        ids, names = tuple(column.id for column in columns), self.params.columns
        for column in columns:
            if column.nullable:
                yield CheckNoNulls(column_id=column.id, name=column.name)
        yield CheckUnique(column_ids=ids, names=names)
        for column in columns:
            if column.nullable:
                yield SetNullability(column_id=column.id, name=column.name, nullable=False)
        yield DeclareKey(column_ids=ids, names=names)

    def _hazards(self, setting: Setting) -> Iterator[Hazard]:
        if not setting.profile.enforces_keys:
            yield Hazard(
                HazardKind.WRITERS_KEEP_KEY,
                f"Writers must keep {', '.join(self.params.columns)} unique and not null themselves: the "
                f"{setting.profile.name} engine checks what is there now and enforces nothing later.",
            )

    def touches(self) -> tuple[str, ...]:
        return self.params.columns
