"""``column_history``, asynchronous: one row for each schema version that did something to a column.

It is written together with ``migrations``: what a migration did is known from its own events; of which table and
version it is, from that view.
"""

from collections.abc import Iterable

import msgspec

from adapters.postgres.database import Statement
from domain.facts import Recorded
from domain.history import Chapter, chapters
from domain.migration.events import MigrationAdopted, MigrationSucceeded
from domain.table.events import TableRegistered

COLUMNS = "table_id, field_id, version, name, alive, chapter, effective_at, known_at, position, migration_id"
BORN = f"""
INSERT INTO column_history_v1 ({COLUMNS})
VALUES (%(stream)s, %(field_id)s, 1, %(name)s, %(alive)s, %(chapter)s, %(moment)s, %(moment)s, %(position)s, NULL)
"""  # noqa: S608  # only our own SQL is put together
CHANGED = f"""
INSERT INTO column_history_v1 ({COLUMNS})
SELECT table_id, %(field_id)s, to_version, %(name)s, %(alive)s, %(chapter)s, %(effective_at)s, %(moment)s, %(position)s,
    migration_id
FROM migrations_v3 WHERE migration_id = %(stream)s
"""  # noqa: S608


def column_history(event: Recorded) -> Iterable[Statement]:
    fact, place = event.fact, {"stream": event.stream, "moment": event.recorded_at, "position": event.position}
    match fact:
        case TableRegistered():
            for chapter in chapters(None, fact.schema):
                yield Statement(BORN, {**place, **_row(chapter)})
        case MigrationSucceeded():
            for chapter in chapters(fact.before, fact.after):
                yield Statement(CHANGED, {**place, **_row(chapter), "effective_at": event.recorded_at})
        case MigrationAdopted():
            for chapter in chapters(fact.before, fact.after):
                yield Statement(CHANGED, {**place, **_row(chapter), "effective_at": fact.effective_at})
        case _:
            pass


def _row(chapter: Chapter) -> dict[str, object]:
    return {
        "field_id": chapter.field_id,
        "name": chapter.name,
        "alive": chapter.alive,
        "chapter": msgspec.json.encode(chapter).decode(),
    }
