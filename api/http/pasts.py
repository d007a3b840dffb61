"""``/dataset-tables/{tableId}/schema/diff`` and ``/columns/{name}/history``: what became of schemas and columns."""

from typing import Annotated

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from api.http.access import NEEDS
from api.http.ids import table_uuid
from api.http.past_wire import ColumnHistoryBody, SchemaDiffBody
from api.http.stories import chapter_body, difference_body
from api.http.tables import found_table
from domain.access import Scope
from domain.diff import diff
from domain.errors import ColumnNotKnown, SchemaVersionNotFound
from domain.handlers.house import House

From = Annotated[
    int | None, QueryParameter(name="from", ge=1, required=False, description="By default the version before `to`.")
]
To = Annotated[
    int | None, QueryParameter(name="to", ge=1, required=False, description="By default the current version.")
]


@get(
    "/schema/diff",
    operation_id="diffSchemas",
    summary="Compare two schema versions",
    sync_to_thread=True,
    opt={NEEDS: Scope.SCHEMA_READ},
)
def diff_schemas(
    table_id: FromPath[str], house: NamedDependency[House], from_version: From = None, to_version: To = None
) -> SchemaDiffBody:
    """What became of the schema. Columns are known by their ids: a rename is a rename, not a drop and an addition."""
    table = table_uuid(table_id)
    second = to_version or found_table(house, table).schema_version
    first = from_version or max(1, second - 1)
    found = {view.version: view for view in house.history.two_versions(table, first, second)}
    for version in (first, second):
        if version not in found:
            found_table(house, table)
            raise SchemaVersionNotFound(str(table), version)
    differences = diff(found[first].schema, found[second].schema)
    return SchemaDiffBody(from_version=first, to_version=second, differences=tuple(map(difference_body, differences)))


@get(
    "/columns/{name:str}/history",
    operation_id="getColumnHistory",
    summary="Get a column's biography",
    sync_to_thread=True,
    opt={NEEDS: Scope.SCHEMA_READ},
)
def column_history(table_id: FromPath[str], name: FromPath[str], house: NamedDependency[House]) -> ColumnHistoryBody:
    """What happened to the column that has the name, or else had it last: when, by whom and why, oldest first."""
    table = table_uuid(table_id)
    story = house.history.biography(table, name)
    if not story:
        found_table(house, table)
        raise ColumnNotKnown(str(table), name)
    last = story[-1].chapter
    return ColumnHistoryBody(
        field_id=last.field_id, name=last.name, alive=last.alive, history=tuple(map(chapter_body, story))
    )


router = Router("/dataset-tables/{table_id:str}", route_handlers=[diff_schemas, column_history], tags=["Schemas"])
