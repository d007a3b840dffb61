"""``restore_column``: brings a dropped column back, under its own id and with the values it had."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from domain.changes.change import Change, Effect, Found, Hazard, HazardKind, Params, Recovery, Setting
from domain.changes.checks import name_taken
from domain.errors import ColumnNotDropped, ColumnNotInVersion, PositionOutOfRange, ValuesGone
from domain.schema import Column, Schema
from domain.steps import RestoreField


class RestoreColumnParams(Params, frozen=True, kw_only=True):
    """Type, defaults and comment are those the column had last. Rows that are new since read null."""

    name: Annotated[str, Meta(description="What the column is called in that schema version.")]
    version: Annotated[int, Meta(ge=1, description="Any schema version that has the column.")]
    position: Annotated[
        int | None, Meta(description="Where it comes to stand; 0 is first. Where it stood last when left out.")
    ] = None


class RestoreColumn(Change, frozen=True, kw_only=True, tag="restore_column"):
    params: RestoreColumnParams

    @classmethod
    def trial(cls, column: Column, value: Any) -> "RestoreColumn":  # noqa: ARG003
        return cls(params=RestoreColumnParams(name=column.name, version=1))

    def recalls(self) -> tuple[int, str]:
        return self.params.version, self.params.name

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        p, found = self.params, setting.recoveries.get(self.recalls())
        if found is None:
            yield "/params/name", ColumnNotInVersion(p.name, p.version)
            return
        if (now := schema.by_id(found.column.id)) is not None:
            yield "/params/name", ColumnNotDropped(p.name, p.version, now.name)
            return
        if found.gone_as is None:
            reason = "the migration that drops it has not been carried out yet"
            yield "/params/name", ValuesGone(p.name, reason)
        allowed = replace(setting, former_names=setting.former_names | {found.column.name})
        yield from name_taken(schema, allowed, "/params/name", found.column.name)
        if p.position is not None and not 0 <= p.position <= len(schema.columns):
            yield "/params/position", PositionOutOfRange(p.position, len(schema.columns))
        if found.rows == 0 and setting.statistics.rows:
            yield "/params/name", ValuesGone(p.name, "no row of the table has kept its own")

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        found = setting.recoveries[self.recalls()]
        assert found.gone_as is not None
        asked = found.position if self.params.position is None else self.params.position
        position = min(asked, len(schema.columns))
        lost = setting.statistics.rows - found.rows
        column = replace(found.column, nullable=found.column.nullable or lost > 0)
        step = RestoreField(column=column, position=position, gone_as=found.gone_as)
        hazards = tuple(self._hazards(found, lost))
        return Effect(schema=schema.revived(column, position), steps=(step,), hazards=hazards)

    def _hazards(self, found: Recovery, lost: int) -> Iterator[Hazard]:
        if lost:
            name = found.column.name
            nullable = "" if found.column.nullable else ", and the column becomes nullable"
            message = f"{lost} rows written since column '{name}' was dropped read null in it{nullable}."
            yield Hazard(HazardKind.DATA_LOSS, message)

    def touches(self) -> tuple[str, ...]:
        return (self.params.name,)
