"""``/dataset-tables``: tables under management."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, RawBody

from api.http.access import BODY, NARROWED, NEEDS, origin_of
from api.http.answers import table_body
from api.http.bodies import NewFieldBody, NewTableBody, decode
from api.http.ids import table_uuid
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin_at_id, cut
from api.http.wire import TableBody, TableList
from domain.access import Principal, Resource, Scope, authorize, reach
from domain.errors import TableNotFound, ValidationFailed, Violation
from domain.handlers.house import House
from domain.handlers.tables import NewTable, add_table, remove_table
from domain.schema import Column
from domain.views import TableFilter, TableView


@post(
    "/",
    operation_id="createTable",
    summary="Make an empty table, or register one",
    opt={BODY: NewTableBody, NEEDS: Scope.TABLES_WRITE, NARROWED: True},
    sync_to_thread=True,
)
def create_table(
    request: Request[Principal, Any, Any], body: RawBody, house: NamedDependency[House]
) -> Response[TableBody]:
    """With `fields`, makes an empty table; without, registers the one at `location`, which stays as it is."""
    asked = decode(body, NewTableBody)
    authorize(request.user, Scope.TABLES_WRITE, Resource(dataset_id=asked.dataset_id))
    if asked.fields is None and asked.location is None:
        sentence = "Give 'fields' to make an empty table, or 'location' to register one that exists."
        raise ValidationFailed((Violation(pointer="/fields", code="member_needed", message=sentence),))
    table_id = add_table(house, _new_table(asked), request.user, origin_of(request))
    view = found_table(house, table_id)
    return Response(table_body(view), status_code=201, headers={"Location": f"/dataset-tables/{table_id}"})


@get(
    "/",
    operation_id="listTables",
    summary="List tables",
    sync_to_thread=True,
    opt={NEEDS: Scope.TABLES_READ, NARROWED: True},
)
def list_tables(
    request: Request[Principal, Any, Any],
    house: NamedDependency[House],
    dataset_id: Annotated[str | None, QueryParameter(name="datasetId", required=False)] = None,
    engine: Annotated[str | None, QueryParameter(name="engine", required=False)] = None,
    name: Annotated[str | None, QueryParameter(name="name", required=False)] = None,
    page_size: PageSize = DEFAULT_SIZE,
    page_token: PageToken = None,
) -> TableList:
    """Tables under management that the token may see, newest first."""
    filters = ("tables", dataset_id, engine, name)
    within = reach(request.user, Scope.TABLES_READ)
    where = TableFilter(dataset_id=dataset_id, engine=engine, name=name, reach=within)
    rows = house.views.tables(where, page_size + 1, begin_at_id(page_token, *filters))
    page, following = cut(rows, page_size, lambda row: row.table_id, *filters)
    return TableList(tables=tuple(table_body(row) for row in page), next_page_token=following)


@get(
    "/{table_id:str}",
    operation_id="getTable",
    summary="Get a table",
    sync_to_thread=True,
    opt={NEEDS: Scope.TABLES_READ},
)
def get_table(table_id: FromPath[str], house: NamedDependency[House]) -> TableBody:
    """One table with its current schema version number."""
    return table_body(found_table(house, table_uuid(table_id)))


@delete(
    "/{table_id:str}",
    operation_id="unregisterTable",
    summary="Unregister a table",
    sync_to_thread=True,
    opt={NEEDS: Scope.TABLES_WRITE},
)
def unregister_table(
    request: Request[Principal, Any, Any], table_id: FromPath[str], house: NamedDependency[House]
) -> None:
    """Lets go of a table. Its data and its history stay."""
    remove_table(house, table_uuid(table_id), origin_of(request))


def found_table(house: House, table_id: UUID) -> TableView:
    if view := house.views.table(table_id):
        return view
    raise TableNotFound(str(table_id))


def _new_table(asked: NewTableBody) -> NewTable:
    columns = None if asked.fields is None else tuple(_column(field) for field in asked.fields)
    return NewTable(
        dataset_id=asked.dataset_id,
        name=asked.table_name,
        description=asked.description,
        engine=asked.engine,
        location=asked.location,
        columns=columns,
        primary_key=tuple(asked.primary_key_columns),
    )


def _column(field: NewFieldBody) -> Column:
    return Column(
        id=0,
        name=field.name,
        data_type=field.arrow_type,
        nullable=field.nullable,
        comment=field.comment,
        metadata=field.metadata or {},
    )


router = Router(
    "/dataset-tables", route_handlers=[create_table, list_tables, get_table, unregister_table], tags=["Tables"]
)
