"""``/dataset-tables/{tableId}``: compaction, and changes made behind our back."""

from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from api.http.access import BODY, NEEDS, WRITES, origin_of
from api.http.answers import drift_body, migration_body
from api.http.bodies import AdoptBody, decode
from api.http.ids import table_uuid
from api.http.migration_wire import MigrationBody
from api.http.submitting import accepted, idempotency_key
from api.http.wire import DriftBody, OperationBody
from domain.access import Principal, Scope
from domain.errors import MigrationNotFound
from domain.handlers.alarms import witness_drift
from domain.handlers.house import House
from domain.handlers.outside import adopt_drift
from domain.handlers.upkeep import maintain_table
from domain.maintenance import COMPACT, MIGRATE_MANIFEST_PATHS, REWRITE_STORAGE


@post(
    "/compact",
    operation_id="compactTable",
    summary="Compact a table",
    status_code=202,
    opt={WRITES: True, NEEDS: Scope.MIGRATIONS_WRITE},
    sync_to_thread=True,
)
def compact(
    request: Request[Principal, Any, Any], table_id: FromPath[str], house: NamedDependency[House]
) -> Response[OperationBody]:
    """Makes few whole files of many small or much deleted-from ones. No value changes, and no schema version."""
    return _maintained(request, table_id, house, COMPACT)


@post(
    "/migrate-manifest-paths",
    operation_id="migrateManifestPaths",
    summary="Rename a table's manifests",
    status_code=202,
    opt={WRITES: True, NEEDS: Scope.MIGRATIONS_WRITE},
    sync_to_thread=True,
)
def migrate_manifest_paths(
    request: Request[Principal, Any, Any], table_id: FromPath[str], house: NamedDependency[House]
) -> Response[OperationBody]:
    """Gives the manifests of a Lance table the names of Lance's second version. No value, no schema version changes.

    Lance wants nobody else to commit while it renames: let other writers pause.
    """
    return _maintained(request, table_id, house, MIGRATE_MANIFEST_PATHS)


@post(
    "/rewrite-storage",
    operation_id="rewriteStorage",
    summary="Rewrite a table in the newest storage version",
    status_code=202,
    opt={WRITES: True, NEEDS: Scope.MIGRATIONS_WRITE},
    sync_to_thread=True,
)
def rewrite_storage(
    request: Request[Principal, Any, Any], table_id: FromPath[str], house: NamedDependency[House]
) -> Response[OperationBody]:
    """Writes every row of a Lance table again in the newest storage version, and builds its indexes again.

    No value, no schema version changes. Columns that were dropped before can no longer be restored afterwards.
    """
    return _maintained(request, table_id, house, REWRITE_STORAGE)


def _maintained(
    request: Request[Principal, Any, Any], table_id: str, house: House, work: str
) -> Response[OperationBody]:
    asked = maintain_table(house, table_uuid(table_id), work, idempotency_key(request), origin_of(request))
    return accepted(house, asked)


@get(
    "/drift",
    operation_id="getDrift",
    summary="Compare the real table with the log",
    sync_to_thread=True,
    opt={NEEDS: Scope.SCHEMA_READ},
)
def drift(request: Request[Principal, Any, Any], table_id: FromPath[str], house: NamedDependency[House]) -> DriftBody:
    """Whether somebody changed the table behind our back: what differs, and since when.

    What was not known yet is written down.
    """
    return drift_body(witness_drift(house, table_uuid(table_id), origin_of(request)))


@post(
    "/adopt",
    operation_id="adoptDrift",
    summary="Accept what was changed outside",
    status_code=201,
    opt={BODY: AdoptBody, NEEDS: Scope.MIGRATIONS_WRITE},
    sync_to_thread=True,
)
def adopt(
    request: Request[Principal, Any, Any], table_id: FromPath[str], body: RawBody, house: NamedDependency[House]
) -> Response[MigrationBody]:
    """Records what was done outside as a migration of unknown author, on both clocks: when it was done, and now."""
    reason = decode(body, AdoptBody).description if body else None
    table = table_uuid(table_id)
    migration_id = adopt_drift(house, table, reason, origin_of(request))
    view = house.views.migration(table, migration_id)
    if view is None:
        raise MigrationNotFound(str(table_id), str(migration_id))
    place = f"/dataset-tables/{table}/migrations/{migration_id}"
    return Response(migration_body(view), status_code=201, headers={"Location": place})


router = Router(
    "/dataset-tables/{table_id:str}",
    route_handlers=[compact, migrate_manifest_paths, rewrite_storage, drift, adopt],
    tags=["Tables"],
)
