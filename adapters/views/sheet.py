"""Rows of one table in memory while a batch of events is folded over them: read at once, written at once."""

from collections.abc import Collection, Hashable, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import astuple
from psycopg.rows import tuple_row

from adapters.postgres.database import Connection

R = TypeVar("R", bound=Struct)

NUL = "\x00"
TEXT = 25
"""The type of texts in PostgreSQL's catalogue; it is the same in every database."""
TYPES = "SELECT attname, atttypid FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"


class Sheet(Generic[R]):
    """``shape`` has the table's columns as its fields, in any order; the first is the key of the rows.

    Rows may be changed in place once ``change`` has handed them out.
    """

    def __init__(self, table: str, shape: type[R]) -> None:
        self._table, self._shape = table, shape
        self._columns = shape.__struct_fields__
        self._before, self._after = dict[Hashable, R](), dict[Hashable, R | None]()

    def read(self, connection: Connection, keys: Collection[Hashable]) -> None:
        """Begins a batch that may concern the rows of these keys, as far as there are any."""
        self._before.clear()
        self._after.clear()
        if not keys:
            return
        sql = f"SELECT {', '.join(self._columns)} FROM {self._table} WHERE {self._columns[0]} = ANY(%s)"  # noqa: S608
        with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            for values in cursor.execute(sql.encode(), (list(keys),)):
                self._before[values[0]] = self._shape(*values)

    def add(self, key: Hashable, row: R) -> None:
        """A row that was not there."""
        self._after[key] = row

    def change(self, key: Hashable) -> R | None:
        """The row, to be changed in place; None when there is none."""
        if (row := self._after.get(key)) is None and key not in self._after and (row := self._before.get(key)):
            self._after[key] = row
        return row

    def remove(self, key: Hashable) -> None:
        self._after[key] = None

    def write(self, connection: Connection) -> None:
        """What the batch made of the rows, in two statements at most."""
        if stale := [key for key in self._after if key in self._before]:
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
                odd = [at for at in texts if row[at] and NUL in row[at]]
                write(_storable(row) if odd else row)


def _storable(row: Sequence[Any]) -> list[Any]:
    """As ``database.storable``: PostgreSQL's text has no place for NUL."""
    return [value.replace(NUL, "\ufffd") if isinstance(value, str) else value for value in row]
