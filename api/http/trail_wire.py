"""The shapes of the audit trail on the wire."""

from typing import Literal

from msgspec import UNSET, Raw, UnsetType

from api.http.wire import Body, Moment, TargetSchemaBody


class TrailEntryBody(Body, frozen=True, kw_only=True):
    """One event: who, what, when, from where, why, for whom, what came of it, and the schema before and after.

    `recordedAt` is the database's clock, which never goes back; `occurredAt` the clock of the process that wrote it.
    `actor` and `onBehalfOf` are opaque ids; the names beside them are those of today. `reason` is what somebody wrote:
    in this event, or in the one that led to it. `details` are the event's other members.
    """

    position: int
    event_id: str
    type: str
    recorded_at: Moment
    occurred_at: Moment
    actor: str
    actor_name: str | UnsetType = UNSET
    on_behalf_of: str | UnsetType = UNSET
    on_behalf_of_name: str | UnsetType = UNSET
    authentication: str
    source_address: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET
    correlation_id: str | UnsetType = UNSET
    causation_id: str | UnsetType = UNSET
    table_id: str | UnsetType = UNSET
    stream_id: str
    version: int
    reason: str | UnsetType = UNSET
    result: Literal["succeeded", "failed", "cancelled", "denied"]
    code: str | UnsetType = UNSET
    details: Raw
    before: TargetSchemaBody | UnsetType = UNSET
    after: TargetSchemaBody | UnsetType = UNSET


class TrailList(Body, frozen=True, kw_only=True):
    """``lastPosition`` is how far in the log the trail was when this was read: what came later is not in it."""

    events: tuple[TrailEntryBody, ...]
    last_position: int
    next_page_token: str | UnsetType = UNSET
