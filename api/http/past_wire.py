"""The shapes of answers about the past, on the wire."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from api.http.wire import Body, Moment


class DifferenceBody(Body, frozen=True, kw_only=True):
    """One thing that differs: ``name`` is the column's or index's name afterwards; what has no before is new."""

    type: str
    description: str
    name: str | UnsetType = UNSET
    field_id: int | UnsetType = UNSET
    before: Any = UNSET
    after: Any = UNSET


class SchemaDiffBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of the schema from one version to another; empty when nothing did."""

    from_version: int
    to_version: int
    differences: tuple[DifferenceBody, ...]


class ChapterBody(Body, frozen=True, kw_only=True):
    """What one schema version did to the column, when, by whom and why. ``event``: born, changed, dropped, restored."""

    event: Literal["born", "changed", "dropped", "restored"]
    version_number: int
    name: str
    applied_at: Moment
    known_at: Moment
    position: int
    changes: tuple[DifferenceBody, ...]
    migration_id: str | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    adopted_by: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class ColumnHistoryBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """A column's biography, oldest first. ``fieldId`` survives renames, type changes and restores."""

    field_id: int
    name: str
    alive: bool
    history: tuple[ChapterBody, ...]
