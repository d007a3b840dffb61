"""Request bodies: their shapes, and how bytes become them or an error with a JSON pointer."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Raw, Struct, field

from domain.changes.catalogue import AnyChange
from domain.errors import EmergencyNeedsReason, ValidationFailed, Violation, shortened
from domain.schema import IndexSetting

MAX_OPERATIONS = 1_000
Hazards = Literal["data_loss", "rewrite", "irreversible", "writers_fill_default", "writers_keep_key", "index_settings"]
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


class RequestBody(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A JSON object of a request: members it does not know are refused."""


class MigrationRequestBody(RequestBody, frozen=True, kw_only=True):
    """A set of migration operations, executed in order as one migration.

    With ``emergency`` and a reason, a migration that needs approval runs at once, and is to be approved afterwards.
    """

    operations: Annotated[list[AnyChange], Meta(min_length=1, max_length=MAX_OPERATIONS)]
    description: Annotated[str, Meta(max_length=4_000)] | None = None
    plan_hash: str | None = None
    emergency: bool = False
    emergency_reason: Annotated[str, Meta(min_length=1, max_length=4_000)] | None = None


class NewFieldBody(RequestBody, frozen=True, kw_only=True):
    name: str
    arrow_type: str
    nullable: bool = True
    metadata: dict[str, str] | None = None
    comment: str | None = None


class NewTableBody(RequestBody, frozen=True, kw_only=True):
    """With ``fields``, an empty table is made; without, the table that exists at ``location`` is registered."""

    dataset_id: Name
    table_name: Name
    engine: str = "lance"
    location: Annotated[str, Meta(min_length=1, max_length=2_000)] | None = None
    description: Annotated[str, Meta(max_length=4_000)] | None = None
    fields: Annotated[list[NewFieldBody], Meta(min_length=1, max_length=10_000)] | None = None
    primary_key_columns: list[str] = []


class CancelBody(RequestBody, frozen=True, kw_only=True):
    reason: Annotated[str, Meta(min_length=1, max_length=4_000)] = "asked by the caller"


class RevertBody(RequestBody, frozen=True, kw_only=True):
    """``planHash`` is that of the revert's own plan; an emergency is as in a migration."""

    description: Annotated[str, Meta(max_length=4_000)] | None = None
    plan_hash: str | None = None
    emergency: bool = False
    emergency_reason: Annotated[str, Meta(min_length=1, max_length=4_000)] | None = None


class AdoptBody(RequestBody, frozen=True, kw_only=True):
    """``description`` is what is known of why the table was changed outside."""

    description: Annotated[str, Meta(max_length=4_000)] | None = None


class NewIndexBody(RequestBody, frozen=True, kw_only=True):
    """A scalar index, or with ``metric`` a vector index. ``name`` is ``<column>_idx`` unless given.

    ``settings`` are in the engine's own words, such as ``base_tokenizer``; what is left out the engine chooses.
    """

    column: str
    index_type: str
    name: str | None = None
    metric: str | None = None
    num_partitions: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    num_sub_vectors: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    settings: Annotated[dict[str, IndexSetting], Meta(max_length=100)] = field(default_factory=dict)
    description: Annotated[str, Meta(max_length=4_000)] | None = None


class NewGrantBody(RequestBody, frozen=True, kw_only=True):
    """Scopes, by name or role, over some datasets and tables; over everything when neither is named."""

    scopes: Annotated[list[str], Meta(max_length=100)] = []
    roles: Annotated[list[str], Meta(max_length=100)] = []
    datasets: Annotated[list[Name], Meta(max_length=1_000)] = []
    tables: Annotated[list[UUID], Meta(max_length=1_000)] = []


class NewTokenBody(RequestBody, frozen=True, kw_only=True):
    """``subject`` is who will use it: an opaque id, which every event carries that it causes. No names of people."""

    subject: Name
    grants: Annotated[list[NewGrantBody], Meta(min_length=1, max_length=100)]
    description: Annotated[str, Meta(max_length=4_000)] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class NewRoleBindingBody(NewGrantBody, frozen=True, kw_only=True):
    """Either a ``subject``, ``oidc:`` and what the identity provider calls it, or a ``group`` as its tokens name it."""

    subject: Name | None = None
    group: Name | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class ApproveBody(RequestBody, frozen=True, kw_only=True):
    """``planHash`` is that of the plan that was looked at; without, the one that was asked for is approved."""

    reason: Annotated[str, Meta(min_length=1, max_length=4_000)] | None = None
    plan_hash: str | None = None


class RejectBody(RequestBody, frozen=True, kw_only=True):
    reason: Annotated[str, Meta(min_length=1, max_length=4_000)]


class NewPolicyBody(RequestBody, frozen=True, kw_only=True):
    """Migrations with one of these kinds of ``hazards`` need approval; by one of ``approvers`` where some are named.

    A policy that names no hazards is about losing data; one with an empty list lets everything through.
    """

    hazards: Annotated[list[Hazards], Meta(max_length=100)] = field(default_factory=lambda: ["data_loss"])
    approvers: Annotated[list[Name], Meta(max_length=100)] = []


class _RawMigration(RequestBody, frozen=True, kw_only=True):
    operations: Raw
    description: Annotated[str, Meta(max_length=4_000)] | None = None
    plan_hash: str | None = None
    emergency: bool = False
    emergency_reason: Annotated[str, Meta(min_length=1, max_length=4_000)] | None = None


_Elements = Annotated[list[Raw], Meta(min_length=1, max_length=MAX_OPERATIONS)]


class DecodedMigration(Struct, frozen=True):
    """``operations`` is the JSON array exactly as sent, ``changes`` the same decoded."""

    operations: Raw
    changes: tuple[AnyChange, ...]
    description: str | None
    plan_hash: str | None
    emergency: str | None


def emergency_of(declared: bool, reason: str | None) -> str | None:
    """Why the migration cannot wait; None: it can. Raises EmergencyNeedsReason."""
    if not declared:
        return None
    if reason is None:
        raise EmergencyNeedsReason
    return reason


def decode_migration(body: bytes) -> DecodedMigration:
    """Decodes each operation by itself, so that every malformed one is reported, not the first only."""
    raw = decode(body, _RawMigration)
    elements: list[Raw] = decode(bytes(raw.operations), _Elements, "/operations")
    changes, violations = list[AnyChange](), list[Violation]()
    for number, element in enumerate(elements):
        try:
            changes.append(decode(bytes(element), AnyChange, f"/operations/{number}"))
        except ValidationFailed as refusal:
            violations += refusal.violations
    if violations:
        raise ValidationFailed(tuple(violations))
    emergency = emergency_of(raw.emergency, raw.emergency_reason)
    return DecodedMigration(raw.operations, tuple(changes), raw.description, raw.plan_hash, emergency)


def decode(body: bytes, shape: Any, at: str = "") -> Any:
    """The body as that shape; raises ValidationFailed with a pointer that begins with ``at``."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        message, pointer = _place(str(error))
        raise ValidationFailed((Violation(pointer=at + pointer, code="malformed", message=message),)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        sentence = f"The body is not valid JSON: {error}." if body else "The body is empty; a JSON object is expected."
        raise ValidationFailed((Violation(pointer=at, code="json_invalid", message=sentence),)) from None


_PATH = re.compile(r" - at `(?P<path>[^`]*)`$")
_KEY_OF = re.compile(r"^(?:key in )?\$")
_UNKNOWN_FIELD = re.compile(r"(?:unknown|missing required) field `(?P<name>.*)`$", re.DOTALL)


def _place(message: str) -> tuple[str, str]:
    """msgspec's sentence and the JSON pointer (RFC 6901) made from the path it ends with: ``$.fields[0].name``."""
    pointer, sentence = "", message
    if found := _PATH.search(message):
        sentence = message[: found.start()]
        parts = re.findall(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]", _KEY_OF.sub("", found["path"]))
        pointer = "".join(f"/{_escaped(name or number)}" for name, number in parts)
    if unknown := _UNKNOWN_FIELD.search(sentence):
        pointer += f"/{_escaped(shortened(unknown['name']))}"
    return f"{shortened(sentence)}.", pointer


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
