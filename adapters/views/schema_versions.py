"""``schema_versions``, asynchronous: every schema every table ever had. Versions outlive the table's registration."""

from collections.abc import Iterable

import msgspec

from adapters.postgres.database import Statement
from domain.facts import Recorded
from domain.schema import Schema
from domain.table.events import SchemaChanged, TableRegistered

INSERT = """
INSERT INTO schema_versions_v1 (table_id, version, schema, fingerprint, migration_id, applied_at)
VALUES (%(stream)s, %(version)s, %(schema)s, %(fingerprint)s, %(migration_id)s, %(moment)s)
"""


def schema_versions(event: Recorded) -> Iterable[Statement]:
    fact = event.fact
    if isinstance(fact, TableRegistered):
        yield _version(event, 1, fact.schema, fact.fingerprint, None)
    elif isinstance(fact, SchemaChanged):
        yield _version(event, fact.version, fact.schema, fact.fingerprint, fact.migration_id)


def _version(event: Recorded, version: int, schema: Schema, fingerprint: str, migration_id: object) -> Statement:
    described = {"schema": msgspec.json.encode(schema).decode(), "fingerprint": fingerprint}
    place = {"stream": event.stream, "moment": event.recorded_at, "version": version}
    return Statement(INSERT, {**place, **described, "migration_id": migration_id})
