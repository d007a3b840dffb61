"""Every refusal by name: a stable code for machines, a sentence for people, fields for tests.

A refusal is raised (or collected in a plan) with the facts it speaks of: ``ColumnNotFound(name="age")`` has the code
``column_not_found`` and says "There is no column 'age'.". Codes are an append-only list: docs/reference/errors.md has
a section for each. Nothing here knows HTTP; api/http/errors.py maps codes to statuses.
"""

from dataclasses import dataclass, fields
from typing import ClassVar

from msgspec import Struct

LONGEST_FACT = 1_000
"""Characters of a caller's own words that a sentence says again."""


def shortened(text: str, most: int = LONGEST_FACT) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def _told(fact: object) -> object:
    return shortened(fact) if isinstance(fact, str) else fact


class Violation(Struct, frozen=True, kw_only=True):
    """One thing wrong with a request: where (an RFC 6901 pointer into the body), a stable code, a sentence."""

    pointer: str
    code: str
    message: str


class Refusal(Exception):
    """The base of everything this project refuses to do.

    ``code`` is stable for ever, ``sentence`` is a format string over the fields, and ``retryable`` is true only when
    the very same call may succeed later unchanged.
    """

    code: ClassVar[str]
    sentence: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __str__(self) -> str:
        return self.sentence.format(**{name: _told(fact) for name, fact in self.facts().items()})

    def __reduce__(self) -> tuple[type["Refusal"], tuple[object, ...]]:
        # Pickled by its fields: an exception's own way forgets those that were given by name.
        return type(self), tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]

    def facts(self) -> dict[str, object]:
        """The fields of this refusal, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


@dataclass(unsafe_hash=True)
class ValidationFailed(Refusal):
    """A request that makes no sense as it stands; ``violations`` names every place, not the first only."""

    code = "validation_failed"
    sentence = "{summary}"
    violations: tuple[Violation, ...]

    def facts(self) -> dict[str, object]:
        more = len(self.violations) - 1
        rest = f" (and {more} more)" if more else ""
        return {"summary": f"{self.violations[0].message}{rest}", "violations": self.violations}


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
class ColumnNotInVersion(Refusal):
    code = "column_not_in_version"
    sentence = "There is no column '{name}' in schema version {version}."
    name: str
    version: int


@dataclass(unsafe_hash=True)
class ColumnAlreadyExists(Refusal):
    code = "column_already_exists"
    sentence = "There is a column '{name}' already."
    name: str


@dataclass(unsafe_hash=True)
class ColumnOpaque(Refusal):
    code = "column_opaque"
    sentence = (
        "Column '{name}' holds '{data_type}', a type that others made. It can be kept, renamed, moved and dropped; its "
        "values are not changed or indexed here."
    )
    name: str
    data_type: str


@dataclass(unsafe_hash=True)
class ColumnNotCopied(Refusal):
    code = "column_not_copied"
    sentence = (
        "Column '{name}' cannot take over the name of another column beside changes that write values: its own values, "
        "'{data_type}', cannot be copied. Rename it in a migration of its own."
    )
    name: str
    data_type: str


@dataclass(unsafe_hash=True)
class ColumnUnreadable(Refusal):
    code = "column_unreadable"
    sentence = (
        "The {engine} engine cannot read column '{name}' by that name. Rename it in a migration of its own, then send "
        "this one again."
    )
    name: str
    engine: str


@dataclass(unsafe_hash=True)
class StorageTooOld(Refusal):
    code = "storage_too_old"
    sentence = "The table is stored so that this cannot be done: {reason}."
    reason: str


@dataclass(unsafe_hash=True)
class PlanNotKept(Refusal):
    code = "plan_not_kept"
    sentence = (
        "The table at '{location}' would not become what the plan says: {reason}. Nothing was changed. Report this "
        "with the plan."
    )
    location: str
    reason: str


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
class DuplicateKeys(Refusal):
    code = "duplicate_keys"
    sentence = "{count} of {looked_at} rows agree with another row in {names}: {examples}."
    names: str
    count: int
    looked_at: int
    examples: str


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
    sentence = "There is no {engine} table at {location}."
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
    seconds: int = 0
    """When to ask again at the earliest; 0: nothing is known of that."""


@dataclass(unsafe_hash=True)
class EngineRefused(Refusal):
    code = "engine_refused"
    sentence = "The {engine} engine cannot do this to the table as it is: {reason}. Nothing was changed."
    engine: str
    reason: str


@dataclass(unsafe_hash=True)
class TableUnreadable(Refusal):
    code = "table_unreadable"
    sentence = (
        "There is a {engine} table at '{location}', and it cannot be read: {reason}. A file of it is damaged or "
        "missing, or a newer version of the library wrote it."
    )
    engine: str
    location: str
    reason: str


@dataclass(unsafe_hash=True)
class DeletedRowsInTheWay(Refusal):
    code = "deleted_rows_in_the_way"
    sentence = (
        "Rows deleted from the table at '{location}' still hold nulls where a column may not, and the {engine} engine "
        "reads past them only when they are gone. Compact the table, then send the migration again."
    )
    engine: str
    location: str


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
class DatabaseNotPrepared(Refusal):
    """The role that the service connects as may not make the tables it needs."""

    code = "database_not_prepared"
    sentence = (
        "The database is not ready for this version, and the role '{role}' may not make it so: {reason}. "
        "Run `schemaledger prepare --grant {role}` as the owner of the database."
    )
    role: str
    reason: str


@dataclass(unsafe_hash=True)
class DatabaseNotUsable(Refusal):
    """The log cannot be kept there, whatever is done to the tables."""

    code = "database_not_usable"
    sentence = "The database cannot be used: {reason}."
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
    sentence = "The table at '{location}' is under management already."
    location: str


# --- what a change may not do ---------------------------------------------------------------------------------------


@dataclass(unsafe_hash=True)
class ColumnNameInvalid(Refusal):
    code = "column_name_invalid"
    sentence = "'{name}' cannot name a column: {reason}."
    name: str
    reason: str


@dataclass(unsafe_hash=True)
class ColumnNamesDifferInCase(Refusal):
    code = "column_names_differ_in_case"
    sentence = "'{name}' and '{other}' differ only in case, which the {engine} engine does not tell apart."
    name: str
    other: str
    engine: str


@dataclass(unsafe_hash=True)
class CommentTooLong(Refusal):
    code = "comment_too_long"
    sentence = "The comment of column '{name}' has {length} characters; at most {most} are kept."
    name: str
    length: int
    most: int


@dataclass(unsafe_hash=True)
class PositionOutOfRange(Refusal):
    code = "position_out_of_range"
    sentence = "Position {position} is outside 0 to {last}, the places a column can take here."
    position: int
    last: int


@dataclass(unsafe_hash=True)
class DefaultNotValid(Refusal):
    code = "default_not_valid"
    sentence = "The value {value} cannot stand in column '{name}' of type {data_type}: {reason}."
    name: str
    value: str
    data_type: str
    reason: str


@dataclass(unsafe_hash=True)
class DefaultRequired(Refusal):
    code = "default_required"
    sentence = (
        "Column '{name}' is not nullable and has no default, but the table has {rows} rows that would hold null. "
        "Give a defaultValue, or make the column nullable."
    )
    name: str
    rows: int


@dataclass(unsafe_hash=True)
class ColumnInPrimaryKey(Refusal):
    code = "column_in_primary_key"
    sentence = "Column '{name}' is part of the primary key and cannot {act}."
    name: str
    act: str


@dataclass(unsafe_hash=True)
class ColumnStillIndexed(Refusal):
    code = "column_still_indexed"
    sentence = "Column '{name}' has the index '{index}', which cannot hold {data_type}. Drop the index first."
    name: str
    index: str
    data_type: str


@dataclass(unsafe_hash=True)
class LastColumn(Refusal):
    code = "last_column"
    sentence = "Column '{name}' is the only one left; a table keeps at least one column."
    name: str


@dataclass(unsafe_hash=True)
class OldTypeMismatch(Refusal):
    code = "old_type_mismatch"
    sentence = "Column '{name}' is {actual}, not {stated}. Plan again with the type it has."
    name: str
    stated: str
    actual: str


@dataclass(unsafe_hash=True)
class TypeUnchanged(Refusal):
    code = "type_unchanged"
    sentence = "Column '{name}' is {data_type} already."
    name: str
    data_type: str


@dataclass(unsafe_hash=True)
class CastRefused(Refusal):
    code = "cast_refused"
    sentence = "Column '{name}' cannot change from {from_type} to {to_type}: {reason}."
    name: str
    from_type: str
    to_type: str
    reason: str


@dataclass(unsafe_hash=True)
class NullsNotAllowed(Refusal):
    code = "nulls_not_allowed"
    sentence = "Column '{name}' is not nullable, so values that fail the cast cannot become null."
    name: str


@dataclass(unsafe_hash=True)
class NullabilityUnchanged(Refusal):
    code = "nullability_unchanged"
    sentence = "Column '{name}' is {state} already."
    name: str
    state: str


@dataclass(unsafe_hash=True)
class FillNotWanted(Refusal):
    code = "fill_not_wanted"
    sentence = "fillNullsWith fills column '{name}' only when it becomes not nullable."
    name: str


@dataclass(unsafe_hash=True)
class NothingToChange(Refusal):
    code = "nothing_to_change"
    sentence = "{what} already; the change would change nothing."
    what: str


@dataclass(unsafe_hash=True)
class ColumnRepeated(Refusal):
    code = "column_repeated"
    sentence = "Column '{name}' is named twice."
    name: str


@dataclass(unsafe_hash=True)
class NoPrimaryKey(Refusal):
    code = "no_primary_key"
    sentence = "The table has no primary key to drop."


@dataclass(unsafe_hash=True)
class KeyNotEnforceable(Refusal):
    code = "key_not_enforceable"
    sentence = (
        "The {engine} engine cannot enforce a primary key: what is there is checked once, and writers must "
        "keep it so. Leave out enforced, or send false."
    )
    engine: str


@dataclass(unsafe_hash=True)
class KeyTypeRefused(Refusal):
    code = "key_type_refused"
    sentence = "Column '{name}' is {data_type}, and such values do not make a key."
    name: str
    data_type: str


@dataclass(unsafe_hash=True)
class IndexAlreadyExists(Refusal):
    code = "index_already_exists"
    sentence = "There is an index '{name}' already. Drop it first, or choose another name."
    name: str


@dataclass(unsafe_hash=True)
class IndexNotFound(Refusal):
    code = "index_not_found"
    sentence = "There is no {kind} index '{name}'."
    kind: str
    name: str


@dataclass(unsafe_hash=True)
class IndexTypeUnknown(Refusal):
    code = "index_type_unknown"
    sentence = "The {engine} engine has no {kind} index of type '{index_type}'. It has: {known}."
    engine: str
    kind: str
    index_type: str
    known: str


@dataclass(unsafe_hash=True)
class IndexTypeRefused(Refusal):
    code = "index_type_refused"
    sentence = "A {index_type} index cannot hold column '{name}', which is {data_type}."
    index_type: str
    name: str
    data_type: str


@dataclass(unsafe_hash=True)
class IndexNeedsRows(Refusal):
    code = "index_needs_rows"
    sentence = "A {index_type} index learns from at least {needed} rows, and the table has {rows}."
    index_type: str
    needed: int
    rows: int


@dataclass(unsafe_hash=True)
class IndexSettingInvalid(Refusal):
    code = "index_setting_invalid"
    sentence = "{setting} {value} does not fit: {reason}."
    setting: str
    value: str
    reason: str


@dataclass(unsafe_hash=True)
class IndexNotBuilt(Refusal):
    code = "index_not_built"
    sentence = (
        "The index '{index}' cannot be built: {reason}. Nothing was touched; drop it first or build it otherwise."
    )
    index: str
    reason: str


@dataclass(unsafe_hash=True)
class NestedPathRefused(Refusal):
    code = "nested_path_refused"
    sentence = "'{path}' cannot be addressed: {reason}."
    path: str
    reason: str


@dataclass(unsafe_hash=True)
class ColumnNotDropped(Refusal):
    code = "column_not_dropped"
    sentence = "Column '{name}' of schema version {version} is there still, as '{now}'."
    name: str
    version: int
    now: str


@dataclass(unsafe_hash=True)
class ValuesGone(Refusal):
    code = "values_gone"
    sentence = "The values of column '{name}' can no longer be read: {reason}."
    name: str
    reason: str


@dataclass(unsafe_hash=True)
class RestoredColumnChanged(Refusal):
    code = "restored_column_changed"
    sentence = "Column '{name}' is restored by this migration. Change its values in a migration of their own."
    name: str


# --- tables, migrations, operations ---------------------------------------------------------------------------------


@dataclass(unsafe_hash=True)
class ReportTooLarge(Refusal):
    code = "report_too_large"
    sentence = "The report would hold {count} changes, and {most} are the most. Ask for one table, or a shorter period."
    count: int
    most: int


@dataclass(unsafe_hash=True)
class SubjectNotFound(Refusal):
    code = "subject_not_found"
    sentence = "There is no name and no text of a subject '{subject}'. GET /subjects lists those there are."
    subject: str


@dataclass(unsafe_hash=True)
class TableNotFound(Refusal):
    code = "table_not_found"
    sentence = "There is no table {table_id}."
    table_id: str


@dataclass(unsafe_hash=True)
class MigrationNotFound(Refusal):
    code = "migration_not_found"
    sentence = "Table {table_id} has no migration {migration_id}."
    table_id: str
    migration_id: str


@dataclass(unsafe_hash=True)
class OperationNotFound(Refusal):
    code = "operation_not_found"
    sentence = "There is no operation {operation_id}."
    operation_id: str


@dataclass(unsafe_hash=True)
class SchemaVersionNotFound(Refusal):
    code = "schema_version_not_found"
    sentence = "Table {table_id} has no schema version {version}."
    table_id: str
    version: int


@dataclass(unsafe_hash=True)
class ColumnNotKnown(Refusal):
    code = "column_not_known"
    sentence = "Table {table_id} never had a column '{name}'."
    table_id: str
    name: str


@dataclass(unsafe_hash=True)
class SchemaNotThere(Refusal):
    code = "schema_not_there"
    sentence = "Table {table_id} had no schema then: it is known since {since} (position {position} of the log)."
    table_id: str
    since: str
    position: int


@dataclass(unsafe_hash=True)
class TableBusy(Refusal):
    code = "table_busy"
    sentence = "Table {table_id} has {count} migrations waiting or running. Let them end first."
    retryable = True
    table_id: str
    count: int


@dataclass(unsafe_hash=True)
class TooManyQueued(Refusal):
    code = "too_many_queued"
    sentence = "Table {table_id} has {count} migrations waiting already. Let some of them end first."
    retryable = True
    table_id: str
    count: int


@dataclass(unsafe_hash=True)
class SchemaVersionMismatch(Refusal):
    code = "schema_version_mismatch"
    sentence = "The migration was meant for schema version {expected}, but would meet version {actual}. Plan again."
    expected: str
    actual: int


@dataclass(unsafe_hash=True)
class SchemaChangedMeanwhile(Refusal):
    code = "schema_changed"
    sentence = (
        "The migration was accepted for schema version {expected}, behind others that ended otherwise; the table "
        "has version {actual}. Nothing was touched. Plan again."
    )
    expected: int
    actual: int


@dataclass(unsafe_hash=True)
class SchemaDrifted(Refusal):
    code = "schema_drifted"
    sentence = "The table at '{location}' was changed behind our back: {difference}. Nothing was touched."
    location: str
    difference: str


@dataclass(unsafe_hash=True)
class NotDrifted(Refusal):
    code = "not_drifted"
    sentence = "The table is what the log says it is: there is nothing to adopt."


@dataclass(unsafe_hash=True)
class NotRevertible(Refusal):
    code = "not_revertible"
    sentence = "Migration {migration_id} cannot be reverted: {reason}."
    migration_id: str
    reason: str


@dataclass(unsafe_hash=True)
class OperationNotCancellable(Refusal):
    code = "operation_not_cancellable"
    sentence = "Operation {operation_id} can no longer be cancelled: {reason}."
    operation_id: str
    reason: str


@dataclass(unsafe_hash=True)
class OperationNotRetryable(Refusal):
    code = "operation_not_retryable"
    sentence = "Operation {operation_id} is {situation}: only what failed or was cancelled can be asked for again."
    operation_id: str
    situation: str


@dataclass(unsafe_hash=True)
class ProjectionNotFound(Refusal):
    code = "projection_not_found"
    sentence = "There is no view '{name}'. There are: {known}."
    name: str
    known: str


@dataclass(unsafe_hash=True)
class ProjectionBusy(Refusal):
    code = "projection_busy"
    sentence = "View {name} is being rebuilt already, or is read so much that it cannot change places just now."
    retryable = True
    name: str


@dataclass(unsafe_hash=True)
class ProjectionDiffers(Refusal):
    """What a comparison with the log found first: in which row, by its key, and in which column."""

    code = "projection_differs"
    sentence = (
        "View {view} is not what the log says up to position {position}: in {table}, row {key}, column {column} "
        "is {live} and should be {rebuilt}."
    )
    view: str
    position: int
    table: str
    key: str
    column: str
    live: str
    rebuilt: str


@dataclass(unsafe_hash=True)
class RebuildForbidden(Refusal):
    """The role that the service connects as may not make what a rebuild needs."""

    code = "rebuild_forbidden"
    sentence = (
        "The database refuses what a replay needs: {reason}. The service's role must own its tables, and be granted "
        "CREATE on the database."
    )
    reason: str


@dataclass(unsafe_hash=True)
class IdempotencyKeyReused(Refusal):
    code = "idempotency_key_reused"
    sentence = "Idempotency key '{key}' was used for another request. Send a new key with a new request."
    key: str


@dataclass(unsafe_hash=True)
class AttemptsExhausted(Refusal):
    code = "attempts_exhausted"
    sentence = "{attempts} attempts ended without a result; the last one said: {reason}"
    attempts: int
    reason: str


@dataclass(unsafe_hash=True)
class RowTooWide(Refusal):
    code = "row_too_wide"
    sentence = (
        "A row takes {width:,} bytes in columns whose values have a fixed size, '{widest}' most of them, and at most "
        "{most:,} fit: {because}."
    )
    widest: str
    width: int
    most: int
    because: str


@dataclass(unsafe_hash=True)
class IllegalTransition(Refusal):
    code = "illegal_transition"
    sentence = "{what} is {situation} and cannot {act}."
    what: str
    situation: str
    act: str


@dataclass(unsafe_hash=True)
class InternalFault(Refusal):
    code = "internal_error"
    sentence = "Something went wrong inside the service: {reason}. It is in the service's log under this request's id."
    retryable = True
    reason: str


@dataclass(unsafe_hash=True)
class PlanMismatch(Refusal):
    code = "plan_mismatch"
    sentence = "The migration no longer comes to the plan {expected}, but to {actual}. Plan again."
    expected: str
    actual: str


@dataclass(unsafe_hash=True)
class PlanDiverged(Refusal):
    code = "plan_diverged"
    sentence = "The migration was accepted as {expected} and now comes to {actual}. Nothing was touched. Plan again."
    expected: str
    actual: str


@dataclass(unsafe_hash=True)
class LeaseLost(Refusal):
    code = "lease_lost"
    sentence = "Operation {operation_id} is run by another worker now (attempt {attempt} is over)."
    retryable = True
    operation_id: str
    attempt: int


@dataclass(unsafe_hash=True)
class CancellationAsked(Refusal):
    code = "cancelled"
    sentence = "Operation {operation_id} is to be cancelled: {reason}"
    operation_id: str
    reason: str


@dataclass(unsafe_hash=True)
class WorkerStopping(Refusal):
    code = "worker_stopping"
    sentence = "Worker {worker} is stopping; another attempt goes on from here."
    retryable = True
    worker: str


# --- how the service is asked ---------------------------------------------------------------------------------------


@dataclass(unsafe_hash=True)
class PageTokenInvalid(Refusal):
    code = "page_token_invalid"
    sentence = "The pageToken cannot be used here: {reason}. Start again without one."
    reason: str


@dataclass(unsafe_hash=True)
class TokenMissing(Refusal):
    code = "token_missing"
    sentence = (
        "Send 'Authorization: Bearer TOKEN'. The first start wrote a token to the file 'token' in the data folder."
    )


@dataclass(unsafe_hash=True)
class TokenInvalid(Refusal):
    code = "token_invalid"
    sentence = "The bearer token is not one of this service's."


@dataclass(unsafe_hash=True)
class ApprovalAwaited(Refusal):
    code = "approval_awaited"
    sentence = "Operation {operation_id} waits for {awaits}."
    operation_id: str
    awaits: str


@dataclass(unsafe_hash=True)
class NothingToApprove(Refusal):
    code = "nothing_to_approve"
    sentence = "Migration {migration_id} waits for nobody's approval: {reason}."
    migration_id: str
    reason: str


@dataclass(unsafe_hash=True)
class ApproverNotAllowed(Refusal):
    code = "approver_not_allowed"
    sentence = "'{subject}' may not decide about migration {migration_id}: {reason}."
    subject: str
    migration_id: str
    reason: str


@dataclass(unsafe_hash=True)
class ApprovalLapsed(Refusal):
    code = "approval_lapsed"
    sentence = "The plan no longer holds: {reason}. The migration has ended; plan it again, and ask again."
    reason: str


@dataclass(unsafe_hash=True)
class ApprovalExpired(Refusal):
    code = "approval_expired"
    sentence = "Nobody approved the migration in time. Send it again if it is still wanted."


@dataclass(unsafe_hash=True)
class MigrationWasRejected(Refusal):
    code = "migration_rejected"
    sentence = "'{by}' rejected the migration; the migration's approval says why."
    by: str


@dataclass(unsafe_hash=True)
class EmergencyNeedsReason(Refusal):
    code = "emergency_needs_reason"
    sentence = "An emergency needs emergencyReason: why it could not wait."


@dataclass(unsafe_hash=True)
class PolicyNotFound(Refusal):
    code = "policy_not_found"
    sentence = "Dataset '{dataset_id}' has no approval policy of its own."
    dataset_id: str


@dataclass(unsafe_hash=True)
class TokenExpired(Refusal):
    code = "token_expired"
    sentence = "The token ended {expired_at}. Ask for another one."
    expired_at: str


@dataclass(unsafe_hash=True)
class TokenNotFound(Refusal):
    code = "token_not_found"
    sentence = "There is no token '{token_id}'."
    token_id: str


@dataclass(unsafe_hash=True)
class TokenNotAccepted(Refusal):
    code = "token_not_accepted"
    sentence = "The identity provider's token is not accepted: {reason}."
    reason: str


@dataclass(unsafe_hash=True)
class IssuerUnavailable(Refusal):
    code = "issuer_unavailable"
    sentence = (
        "The identity provider's keys cannot be had just now: {reason}. Nobody was let in or turned away; try again."
    )
    retryable = True
    reason: str


@dataclass(unsafe_hash=True)
class RoleBindingNotFound(Refusal):
    code = "role_binding_not_found"
    sentence = "There is no role binding '{binding_id}'."
    binding_id: str


@dataclass(unsafe_hash=True)
class RateLimited(Refusal):
    code = "rate_limited"
    sentence = "'{caller}' calls too often: {limit} calls a minute are served. Try again in {seconds} s."
    retryable = True
    caller: str
    limit: int
    seconds: int


@dataclass(unsafe_hash=True)
class TooManyFailures(Refusal):
    code = "too_many_failures"
    sentence = "Too many bad tokens came from {address}. Try again in {seconds} s."
    retryable = True
    address: str
    seconds: int


@dataclass(unsafe_hash=True)
class TooManyStreams(Refusal):
    code = "too_many_streams"
    sentence = "'{caller}' has {limit} streams and long polls open here already. End some first."
    retryable = True
    caller: str
    limit: int


@dataclass(unsafe_hash=True)
class HostInvalid(Refusal):
    code = "host_invalid"
    sentence = "A request has one header Host, and {reason}."
    reason: str


@dataclass(unsafe_hash=True)
class RequestTooSlow(Refusal):
    code = "request_too_slow"
    sentence = "The body did not arrive within {seconds} s."
    retryable = True
    seconds: int


@dataclass(unsafe_hash=True)
class ScopeMissing(Refusal):
    code = "scope_missing"
    sentence = "The scope '{scope}' is needed for this ({place}), and the token does not have it there."
    scope: str
    place: str


@dataclass(unsafe_hash=True)
class GrantInvalid(Refusal):
    code = "grant_invalid"
    sentence = "The grant is not valid: {reason}."
    reason: str


@dataclass(unsafe_hash=True)
class WebhookNotFound(Refusal):
    code = "webhook_not_found"
    sentence = "There is no webhook '{webhook_id}'."
    webhook_id: str


@dataclass(unsafe_hash=True)
class DeliveryNotFound(Refusal):
    code = "delivery_not_found"
    sentence = "There is no delivery '{delivery_id}' of this webhook that could be sent again or looked at."
    delivery_id: str


@dataclass(unsafe_hash=True)
class WebhookNotEnabled(Refusal):
    code = "webhook_not_enabled"
    sentence = "Webhook {webhook_id} is {status}, and is sent nothing. Verify or enable it first."
    webhook_id: str
    status: str


@dataclass(unsafe_hash=True)
class WebhookUrlRefused(Refusal):
    code = "webhook_url_refused"
    sentence = "Nothing is sent to this URL: {reason}."
    reason: str


@dataclass(unsafe_hash=True)
class WebhookInvalid(Refusal):
    code = "webhook_invalid"
    sentence = "The webhook makes no sense: {reason}."
    reason: str


@dataclass(unsafe_hash=True)
class WebhookExceedsOwn(Refusal):
    code = "webhook_exceeds_own"
    sentence = "A webhook is told no more than its maker may read: '{scope}' is missing ({place})."
    scope: str
    place: str


@dataclass(unsafe_hash=True)
class TooManyWebhooks(Refusal):
    code = "too_many_webhooks"
    sentence = "There are {most} webhooks already. Delete one that nobody needs."
    most: int


@dataclass(unsafe_hash=True)
class GrantExceedsOwn(Refusal):
    code = "grant_exceeds_own"
    sentence = "A token cannot give more than its maker has: '{scope}' ({place})."
    scope: str
    place: str


@dataclass(unsafe_hash=True)
class ContentTypeUnsupported(Refusal):
    code = "content_type_unsupported"
    sentence = "Send the body as 'Content-Type: application/json', not '{content_type}'."
    content_type: str


@dataclass(unsafe_hash=True)
class HeaderInvalid(Refusal):
    code = "header_invalid"
    sentence = "The header {header} cannot be understood: {reason}."
    header: str
    reason: str


@dataclass(unsafe_hash=True)
class DemoDataMissing(Refusal):
    code = "demo_data_missing"
    sentence = "The flights of 2013 are not installed: pip install 'schemaledger[demo]' (or run make demo)."


# --- the seal -----------------------------------------------------------------------------------------------------


@dataclass(unsafe_hash=True)
class NothingSealed(Refusal):
    code = "nothing_sealed"
    sentence = "Nothing was sealed yet. A worker seals what is new within a second or two; see that one runs."
    retryable = True


@dataclass(unsafe_hash=True)
class PositionNotSealed(Refusal):
    code = "position_not_sealed"
    sentence = "Position {position} is not under a checkpoint yet; the last one covers {size} events."
    retryable = True
    position: int
    size: int


@dataclass(unsafe_hash=True)
class CheckpointNotFound(Refusal):
    code = "checkpoint_not_found"
    sentence = "There is no checkpoint of {size} events. GET /audit/checkpoints lists those there are."
    size: int


@dataclass(unsafe_hash=True)
class NotProvable(Refusal):
    code = "not_provable"
    sentence = (
        "Nothing is proven while what is stored does not verify: {reason}. `schemaledger doctor` says how the seal "
        "stands, and `schemaledger audit verify --full` finds what was changed."
    )
    reason: str


@dataclass(unsafe_hash=True)
class NoEventsFound(Refusal):
    code = "no_events_found"
    sentence = "There are no sealed events of {scope}."
    scope: str


@dataclass(unsafe_hash=True)
class SealKeyMissing(Refusal):
    code = "seal_key_missing"
    sentence = "This process has no key to sign with: {file} is not there. Ask a process that has it, or bring it here."
    file: str
