"""``schema_versions``, asynchronous: every schema every table ever had. Versions outlive the table's registration."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from adapters.postgres.database import Statement
from domain.facts import Recorded
from domain.table.events import OutsideChangeAdopted, SchemaChanged, TableRegistered

INSERT = """
INSERT INTO schema_versions_v2 (
    table_id, version, schema, fingerprint, migration_id, effective_at, known_at, position)
VALUES (
    %(stream)s, %(version)s, %(schema)s, %(fingerprint)s, %(migration_id)s, %(effective_at)s, %(moment)s,
    %(position)s)
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
