"""Rows of one table in memory while a batch of events is folded over them: read at once, written at once."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import astuple
from psycopg.rows import tuple_row

from adapters.postgres.database import Connection

R = TypeVar("R", bound=Struct)


class Sheet(Generic[R]):
    """``shape`` has the table's columns as its fields, in any order; the first is the key of the rows.

    Rows may be changed in place once ``change`` has handed them out.
    """

    def __init__(self, table: str, shape: type[R]) -> None:
        self._table, self._shape = table, shape
        self._columns = shape.__struct_fields__
        self._rows = dict[Hashable, R]()
        self._before, self._changed = set[Hashable](), set[Hashable]()

    def read(self, connection: Connection, keys: Iterable[Hashable]) -> None:
        """Begins a batch that may concern the rows of these keys, as far as there are any."""
        for kept in (self._rows, self._before, self._changed):
            kept.clear()
        wanted = list(keys)
        if not wanted:
            return
        sql = f"SELECT {', '.join(self._columns)} FROM {self._table} WHERE {self._columns[0]} = ANY(%s)"  # noqa: S608
        with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            for values in cursor.execute(sql.encode(), (wanted,)):
                self._rows[values[0]] = self._shape(*values)
        self._before.update(self._rows)

    def add(self, key: Hashable, row: R) -> None:
        """A row that was not there."""
        self._rows[key] = row
        self._changed.add(key)

    def change(self, key: Hashable) -> R | None:
        """The row to change in place; None when there is none."""
        row = self._rows.get(key)
        if row is not None:
            self._changed.add(key)
        return row

    def find(self, key: Hashable) -> R | None:
        """The row to look at."""
        return self._rows.get(key)

    def remove(self, key: Hashable) -> None:
        self._rows.pop(key, None)
        self._changed.add(key)

    def write(self, connection: Connection) -> None:
        """What the batch made of the rows, in two statements at most."""
        if stale := list(self._changed & self._before):
            key = self._columns[0]
            connection.execute(f"DELETE FROM {self._table} WHERE {key} = ANY(%s)".encode(), (stale,))  # noqa: S608
        rows = [astuple(self._rows[key]) for key in self._changed if key in self._rows]
        copy(connection, self._table, self._columns, rows)


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Writes rows that are not there yet."""
    if not rows:
        return
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()) as writing,
    ):
        for row in rows:
            writing.write_row([_storable(value) if value.__class__ is str else value for value in row])


def _storable(text: str) -> str:
    """As ``database.storable``: PostgreSQL's text has no place for NUL."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text
