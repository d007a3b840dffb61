"""``/dataset-tables/{tableId}/schema``: the current schema and the versions before it."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.http.answers import ArrowSchema, schema_body, version_body
from api.http.ids import table_uuid
from api.http.moments import KnownAt, Position, TrueAt, Version, check_together, moment
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin_at_number, cut
from api.http.tables import found_table
from api.http.wire import SchemaBody, VersionList
from domain.errors import SchemaNotYetKnown, SchemaVersionNotFound
from domain.handlers.house import House
from domain.schema import fingerprint
from domain.views import SchemaVersionView

IMMUTABLE = "private, max-age=31536000, immutable"


@get("/", operation_id="getSchema", summary="Get the current schema", sync_to_thread=True)
def get_schema(
    request: Request[Any, Any, Any],
    table_id: FromPath[str],
    house: NamedDependency[House],
    arrow_schema: NamedDependency[ArrowSchema],
    version: Version = None,
    at: TrueAt = None,
    known_at: KnownAt = None,
    position: Position = None,
) -> Response[SchemaBody | None]:
    """The schema as it is now, or as of a version, of moments, or of a position in the log.

    `at` asks what was true then, `knownAt` what had been recorded by then; they differ for changes made outside and
    adopted later. The ETag is the version, for `If-None-Match` and `If-Match`.
    """
    check_together(version=version, position=position, at=at, knownAt=known_at)
    table, true, known = table_uuid(table_id), moment("at", at), moment("knownAt", known_at)
    if version is not None:
        view = version_view(house, table, version)
    elif position is not None:
        view = _known(house, table, house.views.schema_version_at(table, position))
    elif true or known:
        view = _known(house, table, house.views.schema_version_as_of(table, true, known))
    else:
        view = _current(house, table)
    etag = f'"v{view.version}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(None, status_code=304, headers=headers)
    return Response(schema_body(view, arrow_schema), headers=headers)


@get("/versions", operation_id="listSchemaVersions", summary="List schema versions", sync_to_thread=True)
def list_versions(
    table_id: FromPath[str],
    house: NamedDependency[House],
    page_size: PageSize = DEFAULT_SIZE,
    page_token: PageToken = None,
) -> VersionList:
    """Every schema version of the table, newest first."""
    table = table_uuid(table_id)
    filters = ("versions", table)
    rows = house.views.schema_versions(table, page_size + 1, begin_at_number(page_token, *filters))
    if not rows:
        found_table(house, table)
    page, following = cut(rows, page_size, lambda row: row.version, *filters)
    return VersionList(versions=tuple(version_body(row) for row in page), next_page_token=following)


@get("/versions/{version:int}", operation_id="getSchemaVersion", summary="Get a schema version", sync_to_thread=True)
def get_version(
    table_id: FromPath[str],
    version: FromPath[int],
    house: NamedDependency[House],
    arrow_schema: NamedDependency[ArrowSchema],
) -> Response[SchemaBody]:
    """One schema version. It never changes."""
    body = schema_body(version_view(house, table_uuid(table_id), version), arrow_schema)
    return Response(body, headers={"ETag": f'"v{version}"', "Cache-Control": IMMUTABLE})


def _current(house: House, table_id: UUID) -> SchemaVersionView:
    table = found_table(house, table_id)
    return SchemaVersionView(
        table_id=table.table_id,
        version=table.schema_version,
        schema=table.schema,
        fingerprint=fingerprint(table.schema),
        migration_id=None,
        effective_at=table.effective_at,
        known_at=table.updated_at,
    )


def version_view(house: House, table_id: UUID, version: int) -> SchemaVersionView:
    """Raises SchemaVersionNotFound, and TableNotFound for a table that never was."""
    if view := house.views.schema_version(table_id, version):
        return view
    found_table(house, table_id)
    raise SchemaVersionNotFound(str(table_id), version)


def _known(house: House, table_id: UUID, found: SchemaVersionView | None) -> SchemaVersionView:
    if found is not None:
        return found
    first = version_view(house, table_id, 1)
    raise SchemaNotYetKnown(str(table_id), first.known_at.isoformat(), first.position or 0)


router = Router(
    "/dataset-tables/{table_id:str}/schema", route_handlers=[get_schema, list_versions, get_version], tags=["Schemas"]
)
