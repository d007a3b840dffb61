"""``/dataset-tables/{tableId}/schema``: the current schema and the versions before it."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from api.http.access import NEEDS
from api.http.answers import ArrowSchema, schema_body, version_body
from api.http.ids import table_uuid
from api.http.moments import asked_moment
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin_at_number, cut
from api.http.tables import found_table
from api.http.wire import SchemaBody, VersionList
from domain.access import Scope
from domain.errors import SchemaNotThere, SchemaVersionNotFound
from domain.handlers.house import House
from domain.history import Moment
from domain.schema import fingerprint
from domain.views import SchemaVersionView

Version = Annotated[int | None, QueryParameter(name="version", ge=1, required=False)]
At = Annotated[
    str | None,
    QueryParameter(name="at", required=False, description="What was true then: RFC 3339, with its offset or Z."),
]
KnownAt = Annotated[
    str | None,
    QueryParameter(name="knownAt", required=False, description="As it was known then: RFC 3339, with its offset or Z."),
]
Position = Annotated[
    int | None, QueryParameter(name="position", ge=1, required=False, description="As of this position of the log.")
]

IMMUTABLE = "private, max-age=31536000, immutable"


@get(
    "/", operation_id="getSchema", summary="Get the current schema", sync_to_thread=True, opt={NEEDS: Scope.SCHEMA_READ}
)
def get_schema(
    request: Request[Any, Any, Any],
    table_id: FromPath[str],
    house: NamedDependency[House],
    arrow_schema: NamedDependency[ArrowSchema],
    version: Version = None,
    at: At = None,
    known_at: KnownAt = None,
    position: Position = None,
) -> Response[SchemaBody | None]:
    """The schema as it is now, or as of a version, a moment, or a position of the log.

    There are two clocks: what was true `at` a moment, as it was `knownAt` another; they differ where a change was made
    outside and adopted later. The ETag is the version, for `If-None-Match` and `If-Match`.
    """
    table = table_uuid(table_id)
    moment = asked_moment(version, at, known_at, position)
    if moment is not None:
        view = _then(house, table, moment)
    else:
        view = _current(house, table) if version is None else _version(house, table, version)
    etag = f'"v{view.version}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(None, status_code=304, headers=headers)
    return Response(schema_body(view, arrow_schema), headers=headers)


@get(
    "/versions",
    operation_id="listSchemaVersions",
    summary="List schema versions",
    sync_to_thread=True,
    opt={NEEDS: Scope.SCHEMA_READ},
)
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


@get(
    "/versions/{version:int}",
    operation_id="getSchemaVersion",
    summary="Get a schema version",
    sync_to_thread=True,
    opt={NEEDS: Scope.SCHEMA_READ},
)
def get_version(
    table_id: FromPath[str],
    version: FromPath[int],
    house: NamedDependency[House],
    arrow_schema: NamedDependency[ArrowSchema],
) -> Response[SchemaBody]:
    """One schema version. It never changes."""
    body = schema_body(_version(house, table_uuid(table_id), version), arrow_schema)
    return Response(body, headers={"ETag": f'"v{version}"', "Cache-Control": IMMUTABLE})


def _current(house: House, table_id: UUID) -> SchemaVersionView:
    table = found_table(house, table_id)
    return SchemaVersionView(
        table_id=table.table_id,
        version=table.schema_version,
        schema=table.schema,
        fingerprint=fingerprint(table.schema),
        migration_id=None,
        applied_at=table.effective_at,
        known_at=table.updated_at,
        position=table.schema_position,
    )


def _then(house: House, table_id: UUID, moment: Moment) -> SchemaVersionView:
    if view := house.history.schema_at(table_id, moment):
        return view
    first = _version(house, table_id, 1)
    raise SchemaNotThere(str(table_id), first.applied_at.isoformat(), first.position or 0)


def _version(house: House, table_id: UUID, version: int) -> SchemaVersionView:
    if view := house.views.schema_version(table_id, version):
        return view
    found_table(house, table_id)
    raise SchemaVersionNotFound(str(table_id), version)


router = Router(
    "/dataset-tables/{table_id:str}/schema", route_handlers=[get_schema, list_versions, get_version], tags=["Schemas"]
)
