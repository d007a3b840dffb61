"""What every change is: it refuses, or it promises a schema and lists the steps. It performs and mutates nothing."""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from domain.engine import EngineProfile, TableStatistics
from domain.errors import Refusal
from domain.schema import Schema
from domain.steps import Step


class HazardKind(StrEnum):
    DATA_LOSS = "data_loss"
    REWRITE = "rewrite"
    IRREVERSIBLE = "irreversible"
    WRITERS_FILL_DEFAULT = "writers_fill_default"


class Hazard(Struct, frozen=True):
    """What a person should know before saying yes, in one sentence."""

    kind: HazardKind
    message: str


class Effect(Struct, frozen=True, kw_only=True):
    """What a change comes to: the schema after it, the steps that get there, and what is risky about them."""

    schema: Schema
    steps: tuple[Step, ...]
    hazards: tuple[Hazard, ...] = ()


class Setting(Struct, frozen=True, kw_only=True):
    """What planning knows of the table beside its schema: its engine and its real size."""

    profile: EngineProfile
    statistics: TableStatistics


Found = tuple[str, Refusal]
"""A refusal with the JSON pointer of the offending member, relative to the change: ``("/params/name", ...)``."""


class Change(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """One logical edit of a schema. Its tag is its type on the wire and the name of its file."""

    def refusals(self, schema: Schema, setting: Setting) -> Iterator[Found]:
        """Every reason why the change makes no sense on this schema; none when it does."""
        raise NotImplementedError

    def effect(self, schema: Schema, setting: Setting) -> Effect:
        """What the change comes to. Only for a change without refusals."""
        raise NotImplementedError

    def touches(self) -> tuple[str, ...]:
        """The column names it speaks of: when it is refused, nothing is concluded about them further on."""
        raise NotImplementedError


class Params(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The ``params`` of a change as they stand on the wire."""
