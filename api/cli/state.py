"""The whole state as one JSON object, written piece by piece: however much it is, one page is held at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct, UnsetType

from api.http.answers import field_bodies, id_text, index_body, migration_body, operation_body, table_body
from api.http.migration_wire import MigrationBody
from api.http.wire import FieldBody, IndexBody, Moment, TableBody
from domain.views import OperationFilter, SchemaVersionView, TableFilter, TableView, Views

PAGE = 200
T = TypeVar("T")
K = TypeVar("K", int, UUID)


class SchemaThen(Struct, frozen=True, kw_only=True, rename="camel"):
    """One schema version of a table."""

    version_number: int
    fields: tuple[FieldBody, ...]
    primary_key_columns: tuple[str, ...]
    indexes: tuple[IndexBody, ...]
    fingerprint: str
    applied_at: Moment
    known_at: Moment
    position: int | None
    migration_id: str | UnsetType


class TableThen(Struct, frozen=True, kw_only=True, rename="camel"):
    """A table with all its schema versions and migrations, newest first."""

    table: TableBody
    schemas: tuple[SchemaThen, ...]
    migrations: tuple[MigrationBody, ...]


def write_state(out: BinaryIO, position: int, views: Views) -> None:
    """``{"position", "tables", "operations"}``; lists go newest first."""
    tables = _all(lambda after: views.tables(TableFilter(), PAGE, after), lambda view: view.table_id)
    operations = _all(lambda after: views.operations(OperationFilter(), PAGE, after), lambda view: view.operation_id)
    out.write(b'{"position":%d,\n"tables":[' % position)
    _write(out, (_table(views, view) for view in tables))
    out.write(b'],\n"operations":[')
    _write(out, map(operation_body, operations))
    out.write(b"]}\n")
    out.flush()


def _write(out: BinaryIO, elements: Iterator[object]) -> None:
    out.writelines(
        (b",\n" if number else b"\n") + msgspec.json.encode(element) for number, element in enumerate(elements)
    )


def _all(page: Callable[[K | None], Sequence[T]], key: Callable[[T], K]) -> Iterator[T]:
    after = None
    while found := page(after):
        yield from found
        after = key(found[-1])


def _table(views: Views, view: TableView) -> TableThen:
    table = view.table_id
    versions = _all(lambda after: views.schema_versions(table, PAGE, after), lambda one: one.version)
    migrations = _all(lambda after: views.migrations(table, PAGE, after), lambda one: one.migration_id)
    return TableThen(
        table=table_body(view), schemas=tuple(map(_schema, versions)), migrations=tuple(map(migration_body, migrations))
    )


def _schema(view: SchemaVersionView) -> SchemaThen:
    return SchemaThen(
        version_number=view.version,
        fields=field_bodies(view.schema),
        primary_key_columns=view.schema.named(view.schema.primary_key),
        indexes=tuple(index_body(index, view.schema) for index in view.schema.indexes),
        fingerprint=view.fingerprint,
        applied_at=view.applied_at,
        known_at=view.known_at,
        position=view.position,
        migration_id=id_text(view.migration_id),
    )
