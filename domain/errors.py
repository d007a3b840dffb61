"""Every refusal by name: a stable code for machines, a sentence for people, fields for tests.

A refusal is raised (or collected in a plan) with the facts it speaks of: ``ColumnNotFound(name="age")`` has the code
``column_not_found`` and says "There is no column 'age'.". Codes are an append-only list: docs/reference/errors.md has
a section for each. Nothing here knows HTTP; api/http/errors.py maps codes to statuses.
"""

from dataclasses import dataclass, fields
from typing import ClassVar


class Refusal(Exception):
    """The base of everything this project refuses to do.

    ``code`` is stable for ever, ``sentence`` is a format string over the fields, and ``retryable`` is true only when
    the very same call may succeed later unchanged.
    """

    code: ClassVar[str]
    sentence: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __str__(self) -> str:
        return self.sentence.format(**self.facts())

    def facts(self) -> dict[str, object]:
        """The fields of this refusal, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


# --- schemas, columns and types -----------------------------------------------------------------------------------


@dataclass(unsafe_hash=True)
class TypeTextInvalid(Refusal):
    code = "type_invalid"
    sentence = "'{text}' is not a data type: {reason}."
    text: str
    reason: str


@dataclass(unsafe_hash=True)
class ColumnNotFound(Refusal):
    code = "column_not_found"
    sentence = "There is no column '{name}'."
    name: str


@dataclass(unsafe_hash=True)
class ColumnAlreadyExists(Refusal):
    code = "column_already_exists"
    sentence = "There is a column '{name}' already."
    name: str


# --- data that forbids a step ---------------------------------------------------------------------------------------


@dataclass(unsafe_hash=True)
class CastFailed(Refusal):
    code = "cast_failed"
    sentence = (
        "{count} of {looked_at} values of column '{name}' cannot become {to_type}: {examples}. "
        "Correct them, or send onCastFailure 'null'."
    )
    name: str
    to_type: str
    count: int
    looked_at: int
    examples: str


@dataclass(unsafe_hash=True)
class NullsPresent(Refusal):
    code = "nulls_present"
    sentence = "Column '{name}' holds {count} nulls in {looked_at} rows. Fill them first, or send fillNullsWith."
    name: str
    count: int
    looked_at: int


@dataclass(unsafe_hash=True)
class TableNotEmpty(Refusal):
    code = "table_not_empty"
    sentence = "Column '{name}' is not nullable and has no default, and the table has {rows} rows."
    name: str
    rows: int


# --- engines and locations ------------------------------------------------------------------------------------------


@dataclass(unsafe_hash=True)
class LocationOccupied(Refusal):
    code = "location_occupied"
    sentence = "There is something at '{location}' already. Register it instead, or choose another location."
    location: str


@dataclass(unsafe_hash=True)
class TableNotFoundAtLocation(Refusal):
    code = "table_not_found_at_location"
    sentence = "There is no {engine} table at '{location}'."
    engine: str
    location: str


@dataclass(unsafe_hash=True)
class LocationNotAllowed(Refusal):
    code = "location_not_allowed"
    sentence = "'{location}' is not under an allowed root. Allowed are: {roots} (SCHEMALEDGER_TABLE_ROOTS)."
    location: str
    roots: str


@dataclass(unsafe_hash=True)
class EngineUnknown(Refusal):
    code = "engine_unknown"
    sentence = "There is no engine '{engine}'. Engines are: {known}."
    engine: str
    known: str


@dataclass(unsafe_hash=True)
class TypeNotSupported(Refusal):
    code = "type_not_supported"
    sentence = "The {engine} engine cannot hold '{data_type}': {reason}."
    engine: str
    data_type: str
    reason: str


@dataclass(unsafe_hash=True)
class EngineUnavailable(Refusal):
    code = "engine_unavailable"
    sentence = "The {engine} engine could not reach the table: {reason}."
    retryable = True
    engine: str
    reason: str


@dataclass(unsafe_hash=True)
class TableChanged(Refusal):
    code = "table_changed"
    sentence = "Another writer changed the table at '{location}' while the migration was prepared: {reason}."
    retryable = True
    location: str
    reason: str


# --- the log --------------------------------------------------------------------------------------------------------


@dataclass(unsafe_hash=True)
class LogUnavailable(Refusal):
    code = "log_unavailable"
    sentence = (
        "The event log cannot be reached just now: {reason}. Nothing that was accepted is lost; try again shortly."
    )
    retryable = True
    reason: str


@dataclass(unsafe_hash=True)
class StreamMoved(Refusal):
    code = "conflict"
    sentence = "Somebody else changed {stream} at the same moment. Try again."
    retryable = True
    stream: str


@dataclass(unsafe_hash=True)
class TableNameTaken(Refusal):
    code = "table_name_taken"
    sentence = "Dataset '{dataset_id}' has a table '{name}' already."
    dataset_id: str
    name: str


@dataclass(unsafe_hash=True)
class LocationTaken(Refusal):
    code = "location_taken"
    sentence = "The table at '{location}' is under management already, as table {table_id}."
    location: str
    table_id: str
