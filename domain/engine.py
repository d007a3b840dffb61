"""What an engine promises: prepare in units, publish as one version, discard. The port and the words it speaks in."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from domain.column_types import DataType
from domain.schema import Column, IndexSetting, Schema
from domain.steps import Step
from domain.table.identity import Identity, Replaced


class Rates(Struct, frozen=True, kw_only=True):
    """How fast an engine works, as measured once on a machine of two cores; estimates are corrected by what follows.

    Milliseconds of a whole migration besides its rows and of each fragment; rows per second of reading a column, of
    writing one, and of building an index on one.
    """

    migration_ms: float = 60.0
    fragment_ms: float = 4.0
    scanned: float = 60e6
    written: float = 40e6
    indexed: float = 5e6


def kept_as_asked(data_type: DataType) -> DataType | None:
    """For an engine that keeps every type as it is asked for."""
    return data_type


class EngineProfile(Struct, frozen=True, kw_only=True):
    """What planning must know of a kind of engine, or of one table, whose storage may hold less.

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
    scalar_indexes: Mapping[str, frozenset[str]] = {}
    """The bare type names that each type of scalar index can hold."""
    list_indexes: frozenset[str] = frozenset()
    """Types of scalar index that look into lists, at every depth: what they hold may be a list of it, too."""
    index_settings: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {}
    """By type of index, the settings that it may be built with, and what they are."""
    index_defaults: Mapping[str, Mapping[str, IndexSetting]] = {}
    """By type of index, what a new one is built with unless something else is asked for."""
    vector_indexes: Mapping[str, int] = {}
    """The rows that each type of vector index needs to learn from."""
    vector_metrics: tuple[str, ...] = ()
    enforces_keys: bool = False
    maintenance: tuple[str, ...] = ("compact",)
    """The work that it can do on how a table is stored, by the names of operations."""
    kept_as: Callable[[DataType], DataType | None] = kept_as_asked
    """The type that a column asked for with a type will have; None where there is no such column."""
    type_metadata: tuple[str, ...] = ("ARROW:extension:",)
    """How the keys of a column's metadata begin that belong to its type, and go when the type does."""
    key_metadata: str | None = None
    """The key of metadata by which the table itself says that a column is in its primary key."""
    uncopied_types: tuple[str, ...] = ()
    """How opaque types begin whose values cannot even be copied."""
    writes_refused: str = ""
    """Why no value can be written to the table as it is stored, and what to do about it."""
    indexes_refused: str = ""
    """Why no index can be built in the migration that writes its values, and what to do about it."""
    rates: Rates = Rates()


class TableStatistics(Struct, frozen=True, kw_only=True):
    """A table's real size: ``bytes_stored`` on disk, ``None`` where the engine cannot tell."""

    rows: int
    bytes_stored: int | None = None
    fragments: int = 1


class Inspection(Struct, frozen=True, kw_only=True):
    """What an engine found at a location: the schema (ids given from 1 in order), its size, its own version name.

    ``index_doubts`` say of an index, by name, why its settings are not all known.
    """

    schema: Schema
    statistics: TableStatistics
    engine_version: str
    profile: EngineProfile | None = None
    """What this very table can hold; None where that is what the engine can."""
    identity: Identity | None = None
    index_doubts: Mapping[str, str] = {}


class Job(Struct, frozen=True, kw_only=True):
    """One migration of one table, as an engine is told it. ``steps`` take ``source`` to ``target``."""

    migration_id: UUID
    table_id: UUID
    location: str
    source: Schema
    target: Schema
    steps: tuple[Step, ...]
    identity: Identity | None = None
    """What the table and its columns were known by when the log last heard of them."""


class Unit(Struct, frozen=True, kw_only=True):
    """One piece of preparation: a name that is stable while the table's data is the same, and its rows.

    ``memory`` is what preparing it holds at once, in bytes, as far as the engine can tell; 0 where that is next to
    nothing.
    """

    name: str
    rows: int
    memory: int = 0


class Outside(Struct, frozen=True, kw_only=True):
    """A table as somebody else made it: since when, as far as the engine can tell, and since which of its versions."""

    schema: Schema
    since: datetime
    engine_version: str
    identity: Identity | None = None


Confirm = Callable[[], object]
"""Raises the refusal that stands in the way of a commit."""


def nobody_else() -> None:
    """Confirms a commit for one who knows that nobody else is at work."""


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

    def units(self, job: Job, prepared: Mapping[str, bytes]) -> Sequence[Unit]:
        """The pieces to prepare for the table as it is at this moment, at least one.

        A unit's name stands for the data it covers: the same name later means that nothing it covers has changed.
        ``prepared`` holds the results so far: once all units are among them, more may follow that build on them, and
        when nothing follows the job is ready to be published.
        Raises SchemaDrifted when the table is not what the job starts from.
        """

    def prepare(self, job: Job, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        """Does one unit where no reader sees it; safe to repeat; safe in several threads or processes.

        ``prepared`` is what ``units`` was given when it named the unit.

        Returns what ``publish`` needs of it. Raises the refusal when the data forbids a step, with counts and examples,
        and TableChanged when what the unit covers has changed.
        """

    def publish(self, job: Job, prepared: Mapping[str, bytes], confirm: Confirm = nobody_else) -> str:
        """Makes the whole migration visible as exactly one new version and returns that version's name.

        An index over values that this version is the first to show may become visible one version later.
        ``prepared`` holds the result of every unit, by unit name. Calling it again after it succeeded changes nothing
        and returns the same version. Raises TableChanged when the units are no longer those: ask for them again (an
        engine may prepare a few rows that came meanwhile by itself); and
        SchemaDrifted, because the table may have changed in between.

        ``confirm`` is called right before each commit, on a table that was opened before: what it raises stops the
        commit. A commit that was confirmed before another one, or before ``bar``, comes to nothing after it.
        """

    def published(self, job: Job) -> str | None:
        """The version that shows this migration, or None while it is not the table's latest migration."""

    def is_visible(self, job: Job) -> bool:
        """Whether readers see the migration already, though an index of it may be missing still."""

    def bar(self, job: Job) -> None:
        """Has every ``publish`` of the migration that is under way anywhere, and was confirmed, come to nothing.

        Nothing but a new version of the same content may come of it. Raises TableChanged when the migration became
        visible meanwhile, or others were in the way too often.
        """

    def recoverable(self, location: str, column: Column, gone_as: str) -> int:
        """How many rows could get back their values of a dropped column, as it was before version ``gone_as``.

        Raises ValuesGone when that version, or what it held, is no longer there.
        """

    def identity(self, location: str, engine_version: str) -> Identity | None:
        """What the table and its columns were known by in that version; None where that can no longer be told."""

    def replaced(self, location: str, known: Identity) -> Replaced:
        """What took the place of the table, or of columns of it, that were known by that identity."""

    def outside(self, location: str, known: Schema, identity: Identity | None = None) -> Outside:
        """The table as it is, its columns recognised as far as can be as those of ``known``.

        New columns get ids above ``known.last_column_id``.
        """

    def discard(self, job: Job, prepared: Mapping[str, bytes]) -> None:
        """Removes what was prepared and is not published. Repeatable; never touches what a reader can see."""

    def tidy(self, location: str) -> int:
        """Removes files that no version of the table holds and that are too old to be somebody's work under way.

        Every version stays readable. Returns the bytes removed.
        """


class Preparing(Protocol):
    """The units of one attempt, prepared somewhere."""

    def submit(self, unit: Unit, prepared: Mapping[str, bytes]) -> Future[bytes]:
        """Has ``engine.prepare`` called. The future holds its outcome or its refusal, unchanged.

        A unit whose process or machine is lost ends in EngineUnavailable (retryable).
        """

    def close(self, *, wait: bool) -> None:
        """Nothing more begins: what has not begun is cancelled, what has is waited for, if so asked."""


class Executor(Protocol):
    """Where units are prepared: how many at once, in which processes."""

    def begin(self, engine: TableEngine, job: Job) -> Preparing:
        """Gets ready for the units of one attempt. May raise EngineUnavailable.

        Raises RowTooWide where no worker of its kind could hold a single row.
        """

    def close(self) -> None:
        """Lets go of what it holds. Repeatable."""
