"""``column_history``, asynchronous: one row for each schema version that did something to a column.

It is written together with ``migrations``: what a migration did is known from its own events; of which table and
version it is, from that view. When a version was true and known is said by ``schema_versions`` alone.
"""

from collections.abc import Iterable

import msgspec

from adapters.postgres.statements import Statement
from domain.facts import Recorded
from domain.history import Chapter, chapters
from domain.migration.events import MigrationAdopted, MigrationSucceeded
from domain.table.events import TableRegistered

COLUMNS = "table_id, field_id, version, name, alive, chapter"
BORN = f"""
INSERT INTO column_history_v2 ({COLUMNS})
VALUES (%(stream)s, %(field_id)s, 1, %(name)s, %(alive)s, %(chapter)s)
"""  # noqa: S608  # only our own SQL is put together
CHANGED = f"""
INSERT INTO column_history_v2 ({COLUMNS})
SELECT table_id, %(field_id)s, to_version, %(name)s, %(alive)s, %(chapter)s FROM migrations_v4
WHERE migration_id = %(stream)s
"""  # noqa: S608


def column_history(event: Recorded) -> Iterable[Statement]:
    match event.fact:
        case TableRegistered() as fact:
            for chapter in chapters(None, fact.schema):
                yield Statement(BORN, {"stream": event.stream, **_row(chapter)})
        case MigrationSucceeded() | MigrationAdopted() as fact:
            for chapter in chapters(fact.before, fact.after):
                yield Statement(CHANGED, {"stream": event.stream, **_row(chapter)})
        case _:
            pass


def _row(chapter: Chapter) -> dict[str, object]:
    return {
        "field_id": chapter.field_id,
        "name": chapter.name,
        "alive": chapter.alive,
        "chapter": msgspec.json.encode(chapter).decode(),
    }
