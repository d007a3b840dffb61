"""What an engine promises: prepare in units, publish as one version, discard. The port and the words it speaks in."""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from domain.schema import Schema
from domain.steps import Step


class EngineProfile(Struct, frozen=True, kw_only=True):
    """What planning must know of a kind of engine.

    ``unsupported_types`` are names as of ``type_names`` that the engine cannot hold; ``applies_write_defaults`` is
    false where writers must fill defaults themselves; ``folds_case`` where names differing only in case are the same.
    """

    name: str
    folds_case: bool = False
    applies_write_defaults: bool = False
    unsupported_types: frozenset[str] = frozenset()
    reserved_names: frozenset[str] = frozenset()
    """Names the engine keeps for columns of its own."""
    unreadable_characters: str = ""
    """Characters with which a column's name could be written but not read again."""


class TableStatistics(Struct, frozen=True, kw_only=True):
    """A table's real size: ``bytes_stored`` on disk, ``None`` where the engine cannot tell."""

    rows: int
    bytes_stored: int | None = None
    fragments: int = 1


class Inspection(Struct, frozen=True, kw_only=True):
    """What an engine found at a location: the schema (ids given from 1 in order), its size, its own version name."""

    schema: Schema
    statistics: TableStatistics
    engine_version: str


class Job(Struct, frozen=True, kw_only=True):
    """One migration of one table, as an engine is told it. ``steps`` take ``source`` to ``target``."""

    migration_id: UUID
    table_id: UUID
    location: str
    source: Schema
    target: Schema
    steps: tuple[Step, ...]


class Unit(Struct, frozen=True, kw_only=True):
    """One piece of preparation: a name that is stable while the table's data is the same, and its rows."""

    name: str
    rows: int


class TableEngine(Protocol):
    """Carries out plans on one kind of table. Readers of the table see all of a migration or nothing of it.

    Any method may raise a domain Refusal: LocationOccupied, TableNotFoundAtLocation, TypeNotSupported, CastFailed,
    NullsPresent, TableChanged (another writer was there first; retryable), EngineUnavailable (retryable).
    """

    @property
    def profile(self) -> EngineProfile: ...

    def create(self, location: str, schema: Schema) -> Inspection:
        """Makes an empty table. Raises LocationOccupied when something is there."""

    def inspect(self, location: str) -> Inspection:
        """Looks at the table as it is now. Raises TableNotFoundAtLocation."""

    def units(self, job: Job) -> Sequence[Unit]:
        """The pieces to prepare for the table as it is at this moment, at least one.

        A unit's name stands for the data it covers: the same name later means that nothing it covers has changed.
        Raises SchemaDrifted when the table is not what the job starts from.
        """

    def prepare(self, job: Job, unit: Unit) -> bytes:
        """Does one unit where no reader sees it; safe to repeat; safe in several threads or processes.

        Returns what ``publish`` needs of it. Raises the refusal when the data forbids a step, with counts and examples,
        and TableChanged when what the unit covers has changed.
        """

    def publish(self, job: Job, prepared: Mapping[str, bytes]) -> str:
        """Makes the whole migration visible as exactly one new version and returns that version's name.

        ``prepared`` holds the result of every unit, by unit name. Calling it again after it succeeded changes nothing
        and returns the same version. Raises TableChanged when the units are no longer those: ask for them again; and
        SchemaDrifted, because the table may have changed in between.
        """

    def published(self, job: Job) -> str | None:
        """The version that shows this migration, or None while it is not the table's latest migration."""

    def discard(self, job: Job, prepared: Mapping[str, bytes]) -> None:
        """Removes what was prepared and is not published. Repeatable; never touches what a reader can see."""
