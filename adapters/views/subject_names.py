"""Who is who: names and keys by subject, in tables that are deleted from. They are no views: the log knows neither."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from adapters.postgres.database import Database
from adapters.postgres.statements import Statement, run
from domain.facts import Fact
from domain.subject.events import SubjectErased
from domain.subject.texts import SubjectView

SUBJECT = """
SELECT subject, name, key_id IS NOT NULL AS writes, named_at
FROM subject_names FULL JOIN subject_keys USING (subject)
"""
ONE = SUBJECT + "WHERE subject = %(subject)s"
PAGE = SUBJECT + "WHERE %(after)s::text IS NULL OR subject > %(after)s ORDER BY subject LIMIT %(limit)s"
NAME = """
INSERT INTO subject_names (subject, name) VALUES (%(subject)s, %(name)s)
ON CONFLICT (subject) DO UPDATE SET name = excluded.name, named_at = clock_timestamp()
"""
NAMES = "SELECT subject, name FROM subject_names WHERE subject = ANY(%(subjects)s)"
FORGET_NAME = "DELETE FROM subject_names WHERE subject = %(subject)s"
DELETE_KEY = "DELETE FROM subject_keys WHERE subject = %(subject)s"


def erasure(_stream: UUID, _version: int, fact: Fact) -> Iterable[Statement]:
    """Inline, and never built anew: what a subject wrote after it was erased is under another key."""
    if isinstance(fact, SubjectErased):
        yield Statement(FORGET_NAME, {"subject": fact.subject})
        yield Statement(DELETE_KEY, {"subject": fact.subject})


class PostgresSubjects:
    """Implements ``Subjects``. ``forgotten`` is told of each subject that was erased."""

    def __init__(self, database: Database, forgotten: Callable[[str], None]) -> None:
        self._database, self._forgotten = database, forgotten

    def subject(self, subject: str) -> SubjectView | None:
        row = self._database.row(ONE, {"subject": subject})
        return SubjectView(**row) if row else None

    def subjects(self, limit: int, after: str | None = None) -> Sequence[SubjectView]:
        return [SubjectView(**row) for row in self._database.rows(PAGE, {"limit": limit, "after": after})]

    def names(self, subjects: Iterable[str]) -> Mapping[str, str]:
        return names_of(self._database, subjects)

    def name(self, subject: str, name: str) -> None:
        statement = Statement(NAME, {"subject": subject, "name": name})
        self._database.write(lambda connection: run(connection, statement))

    def forget(self, subject: str) -> None:
        self._forgotten(subject)


def names_of(database: Database, subjects: Iterable[str]) -> Mapping[str, str]:
    rows = database.rows(NAMES, {"subjects": sorted(set(subjects))})
    return {row["subject"]: row["name"] for row in rows}
