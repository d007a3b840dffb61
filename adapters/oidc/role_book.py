"""What is bound to the identity provider's subjects and groups, as the view has it."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from psycopg.rows import DictRow

from adapters.postgres.database import Database
from adapters.postgres.makers import maker_parameters
from domain.access import Grant, Maker
from domain.views import Changes, RoleBindingView

COLUMNS = """SELECT binding_id, kind, holder, roles, grant_json, created_by, made_with, created_at, expires_at
FROM role_bindings_v1"""
ONE = f"{COLUMNS} WHERE binding_id = %(binding_id)s"
HELD = f"""{COLUMNS}
WHERE (kind = 'subject' AND holder = %(subject)s) OR (kind = 'group' AND holder = ANY(%(groups)s::text[]))
ORDER BY position"""
PAGE = f"""{COLUMNS}
WHERE (%(everybody)s OR made_with = %(token)s::uuid OR (made_with IS NULL AND created_by = %(subject)s::text))
AND (%(holder)s::text IS NULL OR holder = %(holder)s) AND (
    %(after)s::uuid IS NULL OR position < (SELECT position FROM role_bindings_v1 WHERE binding_id = %(after)s))
ORDER BY position DESC LIMIT %(limit)s
"""  # noqa: S608  # only our own SQL is put together


class PostgresRoleBook:
    """Implements ``RoleBook``. ``changes`` brings news of bindings that other processes remove."""

    def __init__(self, database: Database, changes: Changes | None = None) -> None:
        self._database, self._changes = database, changes
        self._listening = set[UUID]()
        self.news = 0
        """Grows when what ``held_by`` answered before may not hold any more."""

    def forget(self) -> None:
        self.news += 1

    def binding(self, binding_id: UUID) -> RoleBindingView | None:
        row = self._database.row(ONE, {"binding_id": binding_id})
        return _view(row) if row else None

    def bindings(
        self, maker: Maker | None, holder: str | None, limit: int, after: UUID | None = None
    ) -> Sequence[RoleBindingView]:
        given = {**maker_parameters(maker), "holder": holder, "limit": limit, "after": after}
        return [_view(row) for row in self._database.rows(PAGE, given)]

    def held_by(self, subject: str, groups: Sequence[str]) -> Sequence[RoleBindingView]:
        """What the subject and the groups hold, whenever it ends. Raises LogUnavailable."""
        found = [_view(row) for row in self._database.rows(HELD, {"subject": subject, "groups": list(groups)})]
        for binding in found:
            self._listen(binding.binding_id)
        return found

    def _listen(self, binding_id: UUID) -> None:
        if self._changes is not None and binding_id not in self._listening:
            self._listening.add(binding_id)
            self._changes.listen(binding_id, self.forget)


def _view(row: DictRow) -> RoleBindingView:
    grant = msgspec.json.decode(row["grant_json"], type=Grant)
    rest = {name: value for name, value in row.items() if name != "grant_json"}
    return RoleBindingView(**{**rest, "grant": grant, "roles": tuple(row["roles"])})
