"""What every change is: it refuses, or it promises a schema and lists the steps. It performs and mutates nothing."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from msgspec import Meta, Struct
from msgspec.structs import replace

from domain.engine import EngineProfile, TableStatistics
from domain.errors import Refusal
from domain.schema import Column, Schema
from domain.steps import Step


class HazardKind(StrEnum):
    DATA_LOSS = "data_loss"
    REWRITE = "rewrite"
    IRREVERSIBLE = "irreversible"
    WRITERS_FILL_DEFAULT = "writers_fill_default"
    WRITERS_KEEP_KEY = "writers_keep_key"
    INDEX_SETTINGS = "index_settings"


class Hazard(Struct, frozen=True):
    """What a person should know before saying yes, in one sentence."""

    kind: HazardKind
    message: str


class Effect(Struct, frozen=True, kw_only=True):
    """What a change comes to: the schema after it, the steps that get there, and what is risky about them."""

    schema: Schema
    steps: tuple[Step, ...]
    hazards: tuple[Hazard, ...] = ()


class Recovery(Struct, frozen=True, kw_only=True):
    """A column of an earlier schema version, and what of it could be restored.

    ``column`` and ``position`` are as they were last, before the engine's version ``gone_as`` which first lacked it;
    both are None for a column that is there still. ``rows`` of the table would get their values back.
    """

    column: Column
    position: int
    gone_as: str | None
    rows: int


class Setting(Struct, frozen=True, kw_only=True):
    """What planning knows of the table beside its schema: its engine, its real size, and what it was asked to recall.

    ``recoveries`` are by schema version and name; those asked for that never were are missing.
    """

    profile: EngineProfile
    statistics: TableStatistics
    recoveries: Mapping[tuple[int, str], Recovery] = {}
    index_doubts: Mapping[str, str] = {}
    """By index name, why its settings are not all known."""
    former_names: frozenset[str] = frozenset()
    """Names that columns of the table have had and that no new one would be given."""


Found = tuple[str, Refusal]
"""A refusal with the JSON pointer of the offending member, relative to the change: ``("/params/name", ...)``."""


class Change(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """One logical edit of a schema. Its tag is its type on the wire and the name of its file."""

    params: Any
    paths: ClassVar[tuple[str, ...]] = ()
    """The params that name a column and may be a dotted path into a struct column instead."""

    @classmethod
    def trial(cls, column: Column, value: Any) -> Self:
        """A use of the change on a nullable ``column`` of any type; ``value`` is a JSON value of that type.

        What the docs show and what every engine is tried with.
        """
        raise NotImplementedError

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        """Every reason why the change makes no sense on this schema; none when it does."""
        raise NotImplementedError

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        """What the change comes to. Only for a change without refusals."""
        raise NotImplementedError

    def touches(self) -> tuple[str, ...]:
        """The column names it speaks of: when it is refused, nothing is concluded about them further on."""
        return tuple(getattr(self.params, path) for path in self.paths)

    def recalls(self) -> tuple[int, str] | None:
        """The schema version and the column's name there, when planning must look it up in the table's history."""
        return None

    def with_paths(self, names: Mapping[str, str]) -> Self:
        """The same change of other columns."""
        return replace(self, params=replace(self.params, **names))


ColumnPath = Annotated[str, Meta(description="The column, or the dotted path of a field inside struct columns.")]
ColumnName = Annotated[str, Meta(description="The column.")]
IndexedPath = Annotated[str, Meta(description="The column, or the dotted path of a field inside it.")]
IndexName = Annotated[str, Meta(description="The index.")]


class Params(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """The ``params`` of a change as they stand on the wire."""
