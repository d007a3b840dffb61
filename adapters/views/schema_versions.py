"""``schema_versions``, asynchronous: every schema every table ever had. Versions outlive the table's registration.

Each has two moments. ``known_at`` is when the log learned of it; ``effective_at`` is when the table became so, which is
earlier for an outside change that was adopted later. Neither ever goes back from one version to the next, so what was
true and known at some moment is always one version, found from the newest down.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from adapters.postgres.database import Statement
from domain.facts import Recorded
from domain.schema import Schema
from domain.table.events import OutsideChangeAdopted, SchemaChanged, TableRegistered

# An engine's clock is not ours: its word counts as far as it lies between the version before and this one's own record.
INSERT = """
INSERT INTO schema_versions_v2 (
    table_id, version, schema, fingerprint, migration_id, position, effective_at, known_at)
VALUES (
    %(stream)s, %(version)s, %(schema)s, %(fingerprint)s, %(migration_id)s, %(position)s,
    greatest(
        least(%(effective_at)s::timestamptz, %(known_at)s),
        (SELECT effective_at FROM schema_versions_v2 WHERE table_id = %(stream)s AND version = %(version)s - 1)),
    %(known_at)s)
"""


def schema_versions(event: Recorded) -> Iterable[Statement]:
    fact = event.fact
    if isinstance(fact, TableRegistered):
        yield _version(event, 1, fact.schema, fact.fingerprint, None, event.recorded_at)
    elif isinstance(fact, SchemaChanged):
        yield _version(event, fact.version, fact.schema, fact.fingerprint, fact.migration_id, event.recorded_at)
    elif isinstance(fact, OutsideChangeAdopted):
        yield _version(event, fact.version, fact.schema, fact.fingerprint, fact.migration_id, fact.effective_at)


def _version(
    event: Recorded, version: int, schema: Schema, fingerprint: str, migration_id: UUID | None, effective_at: datetime
) -> Statement:
    described = {"schema": msgspec.json.encode(schema).decode(), "fingerprint": fingerprint}
    place = {"stream": event.stream, "version": version, "position": event.position}
    clocks = {"effective_at": effective_at, "known_at": event.recorded_at}
    return Statement(INSERT, {**place, **described, **clocks, "migration_id": migration_id})
