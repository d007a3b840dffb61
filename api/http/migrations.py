"""``/dataset-tables/{tableId}/migrations``: plan, submit and look up migrations."""

from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from api.http.access import BODY, NEEDS, origin_of
from api.http.answers import NO_WORDS, approval_body, migration_body, plan_body
from api.http.bodies import MigrationRequestBody, decode_migration
from api.http.ids import migration_uuid, table_uuid
from api.http.migration_wire import MigrationBody, MigrationList
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin_at_id, cut
from api.http.submitting import accepted, expected_version, idempotency_key
from api.http.tables import found_table
from api.http.wire import OperationBody, PlanBody
from domain.access import Principal, Scope
from domain.errors import MigrationNotFound
from domain.handlers.approving import words_of
from domain.handlers.house import House
from domain.handlers.migrations import NewMigration, plan_migration, submit_migration


@post(
    "/plan",
    operation_id="planMigration",
    summary="Plan a migration",
    status_code=200,
    opt={BODY: MigrationRequestBody, NEEDS: Scope.MIGRATIONS_PLAN},
    sync_to_thread=True,
)
def plan(table_id: FromPath[str], body: RawBody, house: NamedDependency[House]) -> PlanBody:
    """Says what the operations would do to the table as it will be, or every reason why they cannot. Writes nothing."""
    return plan_body(plan_migration(house, table_uuid(table_id), decode_migration(body).changes))


@post(
    "/",
    operation_id="executeMigration",
    summary="Execute a migration",
    status_code=202,
    opt={BODY: MigrationRequestBody, NEEDS: Scope.MIGRATIONS_WRITE},
    sync_to_thread=True,
)
def execute(
    request: Request[Principal, Any, Any], table_id: FromPath[str], body: RawBody, house: NamedDependency[House]
) -> Response[OperationBody]:
    """Execute a set of migration operations. Returns an operation for tracking progress."""
    asked = decode_migration(body)
    new = NewMigration(
        changes=asked.changes,
        operations=asked.operations,
        description=asked.description,
        expected_version=expected_version(request),
        plan_hash=asked.plan_hash,
        idempotency_key=idempotency_key(request),
        emergency=asked.emergency,
    )
    return accepted(house, submit_migration(house, table_uuid(table_id), new, origin_of(request), request.user))


@get(
    "/",
    operation_id="listMigrations",
    summary="List migrations",
    sync_to_thread=True,
    opt={NEEDS: Scope.MIGRATIONS_READ},
)
def list_migrations(
    table_id: FromPath[str],
    house: NamedDependency[House],
    page_size: PageSize = DEFAULT_SIZE,
    page_token: PageToken = None,
) -> MigrationList:
    """The table's migrations, newest first."""
    table = table_uuid(table_id)
    filters = ("migrations", table)
    rows = house.views.migrations(table, page_size + 1, begin_at_id(page_token, *filters))
    if not rows:
        found_table(house, table)
    page, following = cut(rows, page_size, lambda row: row.migration_id, *filters)
    asked = house.approvals.of([row.migration_id for row in page])
    bodies = tuple(migration_body(row, approval_body(asked.get(row.migration_id))) for row in page)
    return MigrationList(migrations=bodies, next_page_token=following)


@get(
    "/{migration_id:str}",
    operation_id="getMigration",
    summary="Get a migration",
    sync_to_thread=True,
    opt={NEEDS: Scope.MIGRATIONS_READ},
)
def get_migration(table_id: FromPath[str], migration_id: FromPath[str], house: NamedDependency[House]) -> MigrationBody:
    """One migration, its operations as they were sent, and what was decided about it."""
    table, migration = table_uuid(table_id), migration_uuid(table_id, migration_id)
    if view := house.views.migration(table, migration):
        asked = house.approvals.of([migration]).get(migration)
        words = words_of(house, migration) if asked is not None else NO_WORDS
        return migration_body(view, approval_body(asked, words))
    found_table(house, table)
    raise MigrationNotFound(str(table_id), str(migration_id))


router = Router(
    "/dataset-tables/{table_id:str}/migrations",
    route_handlers=[plan, execute, list_migrations, get_migration],
    tags=["Migrations"],
)
