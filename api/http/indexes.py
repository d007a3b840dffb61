"""``/dataset-tables/{tableId}/indexes``: the indexes of a table, built and dropped as operations of their own."""

from typing import Any

from litestar import Request, Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from api.http.access import BODY, NEEDS, WRITES, origin_of
from api.http.answers import index_body
from api.http.bodies import NewIndexBody, decode
from api.http.ids import table_uuid
from api.http.submitting import accepted, expected_version, idempotency_key
from api.http.tables import found_table
from api.http.wire import IndexBody, IndexList, OperationBody
from domain.access import Principal, Scope
from domain.changes.add_scalar_index import AddScalarIndex, AddScalarIndexParams
from domain.changes.add_vector_index import AddVectorIndex, AddVectorIndexParams
from domain.changes.catalogue import as_sent
from domain.changes.drop_scalar_index import DropScalarIndex, DropScalarIndexParams
from domain.changes.drop_vector_index import DropVectorIndex, DropVectorIndexParams
from domain.errors import IndexNotFound
from domain.handlers.house import House
from domain.handlers.migrations import Kind, NewMigration, submit_migration


@get("/", operation_id="listIndexes", summary="List indexes", sync_to_thread=True, opt={NEEDS: Scope.SCHEMA_READ})
def list_indexes(table_id: FromPath[str], house: NamedDependency[House]) -> IndexList:
    """The indexes of the table as it is now."""
    schema = found_table(house, table_uuid(table_id)).schema
    return IndexList(indexes=tuple(index_body(index, schema) for index in schema.indexes))


@get(
    "/{index_name:str}",
    operation_id="getIndex",
    summary="Get an index",
    sync_to_thread=True,
    opt={NEEDS: Scope.SCHEMA_READ},
)
def get_index(table_id: FromPath[str], index_name: FromPath[str], house: NamedDependency[House]) -> IndexBody:
    """One index of the table as it is now."""
    schema = found_table(house, table_uuid(table_id)).schema
    index = schema.index(index_name)
    if index is None:
        raise IndexNotFound("known", index_name)
    return index_body(index, schema)


@post(
    "/",
    operation_id="buildIndex",
    summary="Build an index",
    status_code=202,
    opt={BODY: NewIndexBody, NEEDS: Scope.MIGRATIONS_WRITE},
    sync_to_thread=True,
)
def build(
    request: Request[Principal, Any, Any], table_id: FromPath[str], body: RawBody, house: NamedDependency[House]
) -> Response[OperationBody]:
    """Builds an index, a vector index where `metric` is given, as an operation whose target is the index."""
    asked = decode(body, NewIndexBody)
    change = _addition(asked)
    kind = Kind(operation_type="build_index", index=change.params.index_name)
    description = asked.description or f"Build index {change.params.index_name}"
    new = _migration(request, change, kind, description)
    return accepted(house, submit_migration(house, table_uuid(table_id), new, origin_of(request), request.user))


@delete(
    "/{index_name:str}",
    operation_id="dropIndex",
    summary="Drop an index",
    status_code=202,
    opt={WRITES: True, NEEDS: Scope.MIGRATIONS_WRITE},
    sync_to_thread=True,
)
def drop(
    request: Request[Principal, Any, Any],
    table_id: FromPath[str],
    index_name: FromPath[str],
    house: NamedDependency[House],
) -> Response[OperationBody]:
    """Drops an index, as an operation whose target is the index. The column and its values stay."""
    table = table_uuid(table_id)
    change = _removal(house, table_id, index_name)
    new = _migration(request, change, Kind(operation_type="drop_index", index=index_name), f"Drop index {index_name}")
    return accepted(house, submit_migration(house, table, new, origin_of(request), request.user))


def _addition(asked: NewIndexBody) -> AddScalarIndex | AddVectorIndex:
    if asked.metric is None:
        return AddScalarIndex(
            params=AddScalarIndexParams(
                column=asked.column, index_type=asked.index_type, name=asked.name, settings=asked.settings
            )
        )
    return AddVectorIndex(
        params=AddVectorIndexParams(
            column=asked.column,
            index_type=asked.index_type,
            metric=asked.metric,
            name=asked.name,
            num_partitions=asked.num_partitions,
            num_sub_vectors=asked.num_sub_vectors,
            settings=asked.settings,
        )
    )


def _removal(house: House, table_id: str, index_name: str) -> DropScalarIndex | DropVectorIndex:
    """By the schema that the table will have once what is queued is done."""
    table, _ = house.table(table_uuid(table_id))
    index = table.head_schema.index(index_name)
    if index is None:
        raise IndexNotFound("known", index_name)
    if index.metric is None:
        return DropScalarIndex(params=DropScalarIndexParams(name=index_name))
    return DropVectorIndex(params=DropVectorIndexParams(name=index_name))


def _migration(
    request: Request[Principal, Any, Any],
    change: AddScalarIndex | AddVectorIndex | DropScalarIndex | DropVectorIndex,
    kind: Kind,
    description: str,
) -> NewMigration:
    return NewMigration(
        changes=(change,),
        operations=as_sent((change,)),
        description=description,
        expected_version=expected_version(request),
        idempotency_key=idempotency_key(request),
        kind=kind,
    )


router = Router(
    "/dataset-tables/{table_id:str}/indexes",
    route_handlers=[list_indexes, get_index, build, drop],
    tags=["Indexes"],
)
