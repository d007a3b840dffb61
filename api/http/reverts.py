"""``/dataset-tables/{tableId}/migrations/{migrationId}/revert``: undoing a migration by another one."""

from typing import Any

from litestar import Request, Response, Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody
from msgspec import Raw
from msgspec.structs import replace

from api.http.access import BODY, NEEDS, origin_of
from api.http.answers import plan_body
from api.http.bodies import RevertBody, decode, emergency_of
from api.http.ids import migration_uuid, table_uuid
from api.http.submitting import accepted, expected_version, idempotency_key
from api.http.wire import OperationBody, PlanBody
from domain.access import Principal, Scope
from domain.handlers.house import House
from domain.handlers.migrations import NewMigration, plan_migration
from domain.handlers.reverting import reverting, submit_revert

NOTHING_YET = NewMigration(changes=(), operations=Raw(b"[]"))


@post(
    "/plan",
    operation_id="planRevert",
    summary="Plan to undo a migration",
    status_code=200,
    sync_to_thread=True,
    opt={NEEDS: Scope.MIGRATIONS_PLAN},
)
def plan_revert(table_id: FromPath[str], migration_id: FromPath[str], house: NamedDependency[House]) -> PlanBody:
    """The operations that would undo the migration on the table as it is, and what they would do. Writes nothing."""
    table = table_uuid(table_id)
    back = reverting(house, table, migration_uuid(table_id, migration_id), NOTHING_YET)
    return plan_body(plan_migration(house, table, back.changes), back.operations)


@post(
    "/",
    operation_id="revertMigration",
    summary="Undo a migration",
    status_code=202,
    opt={BODY: RevertBody, NEEDS: Scope.MIGRATIONS_WRITE},
    sync_to_thread=True,
)
def revert(
    request: Request[Principal, Any, Any],
    table_id: FromPath[str],
    migration_id: FromPath[str],
    body: RawBody,
    house: NamedDependency[House],
) -> Response[OperationBody]:
    """Undoes a migration by another one that names it. Columns that it dropped come back with their data."""
    asked = decode(body, RevertBody) if body else RevertBody()
    new = replace(
        NOTHING_YET,
        description=asked.description,
        expected_version=expected_version(request),
        plan_hash=asked.plan_hash,
        idempotency_key=idempotency_key(request),
        emergency=emergency_of(asked.emergency, asked.emergency_reason),
    )
    table = table_uuid(table_id)
    return accepted(
        house,
        submit_revert(house, table, migration_uuid(table_id, migration_id), new, origin_of(request), request.user),
    )


router = Router(
    "/dataset-tables/{table_id:str}/migrations/{migration_id:str}/revert",
    route_handlers=[plan_revert, revert],
    tags=["Migrations"],
)
