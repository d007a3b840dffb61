"""Rows of one table in memory while a batch of events is folded over them: read at once, written at once."""

from collections.abc import Collection, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import astuple
from psycopg.rows import tuple_row

from adapters.postgres.statements import Connection

R = TypeVar("R", bound=Struct)

NUL = "\x00"
TEXT = 25
"""The type of texts in PostgreSQL's catalogue; it is the same in every database."""
TYPES = "SELECT attname, atttypid FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"


class Sheet(Generic[R]):
    """``shape`` has the table's columns as its fields, in any order; the first is the key of the rows.

    Rows may be changed in place once ``change`` has handed them out. They are found by the number of their key, which
    is hashed and compared many times faster than a UUID.
    """

    def __init__(self, table: str, shape: type[R]) -> None:
        self._table, self._shape = table, shape
        self._columns = shape.__struct_fields__
        self._before, self._after = dict[int, R](), dict[int, R | None]()

    def read(self, connection: Connection, keys: Collection[UUID]) -> None:
        """Begins a batch that may concern the rows of these keys, as far as there are any."""
        self._before.clear()
        self._after.clear()
        if not keys:
            return
        sql = f"SELECT {', '.join(self._columns)} FROM {self._table} WHERE {self._columns[0]} = ANY(%s)"  # noqa: S608
        with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            for values in cursor.execute(sql.encode(), (list(keys),)):
                self._before[values[0].int] = self._shape(*values)

    def add(self, key: UUID, row: R) -> None:
        """A row that was not there."""
        self._after[key.int] = row

    def change(self, key: UUID) -> R | None:
        """The row, to be changed in place; None when there is none."""
        at = key.int
        if (row := self._after.get(at)) is None and at not in self._after and (row := self._before.get(at)):
            self._after[at] = row
        return row

    def remove(self, key: UUID) -> None:
        self._after[key.int] = None

    def write(self, connection: Connection) -> None:
        """What the batch made of the rows, in two statements at most."""
        if stale := [UUID(int=key) for key in self._after if key in self._before]:
            sql = f"DELETE FROM {self._table} WHERE {self._columns[0]} = ANY(%s)"  # noqa: S608
            connection.execute(sql.encode(), (stale,))
        copy(connection, self._table, self._columns, [astuple(row) for row in self._after.values() if row is not None])


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Writes rows that are not there yet."""
    if not rows:
        return
    sql = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor(row_factory=tuple_row) as cursor:
        types: dict[str, int] = dict(cursor.execute(TYPES, (table,)).fetchall())
        with cursor.copy(sql.encode()) as writing:
            writing.set_types([types[column] for column in columns])
            write, texts = writing.write_row, [at for at, column in enumerate(columns) if types[column] == TEXT]
            for row in rows:
                for at in texts:
                    if (text := row[at]) and NUL in text:
                        row = _storable(row)
                write(row)


def _storable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """As ``database.storable``: PostgreSQL's text has no place for NUL."""
    return tuple(value.replace(NUL, "\ufffd") if isinstance(value, str) else value for value in row)
