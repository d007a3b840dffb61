"""``schema_versions``, asynchronous: every schema every table ever had. Versions outlive the table's registration.

Neither clock goes back from one version to the next, so what was true and known at some moment is always one version,
found by an index.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from adapters.postgres.statements import Statement
from domain.facts import Recorded
from domain.table.events import OutsideChangeAdopted, SchemaChanged, TableRegistered

# An engine's clock is not ours: its word counts as far as it lies between the version before and this one's own record.
INSERT = """
INSERT INTO schema_versions_v2 (
    table_id, version, schema, fingerprint, migration_id, effective_at, known_at, position)
VALUES (
    %(stream)s, %(version)s, %(schema)s, %(fingerprint)s, %(migration_id)s,
    greatest(
        least(%(effective_at)s::timestamptz, %(moment)s),
        (SELECT effective_at FROM schema_versions_v2 WHERE table_id = %(stream)s AND version = %(version)s - 1)),
    %(moment)s, %(position)s)
"""


def schema_versions(event: Recorded) -> Iterable[Statement]:
    match event.fact:
        case TableRegistered() as fact:
            yield _version(event, fact, event.recorded_at, version=1, migration_id=None)
        case SchemaChanged() as fact:
            yield _version(event, fact, event.recorded_at, version=fact.version, migration_id=fact.migration_id)
        case OutsideChangeAdopted() as fact:
            yield _version(event, fact, fact.effective_at, version=fact.version, migration_id=fact.migration_id)
        case _:
            pass


def _version(
    event: Recorded,
    fact: TableRegistered | SchemaChanged | OutsideChangeAdopted,
    effective_at: datetime,
    **numbers: Any,
) -> Statement:
    described = {"schema": msgspec.json.encode(fact.schema).decode(), "fingerprint": fact.fingerprint}
    place = {"stream": event.stream, "moment": event.recorded_at, "position": event.position}
    return Statement(INSERT, {**place, **described, **numbers, "effective_at": effective_at})
