"""Approvals: deciding about what others asked for, and the policies that ask for it."""

from typing import Annotated, Any, Literal

from litestar import Request, Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, RawBody

from api.http.access import BODY, NARROWED, NEEDS, origin_of
from api.http.access_wire import PolicyBody
from api.http.answers import approval_body, operation_body
from api.http.bodies import ApproveBody, NewPolicyBody, RejectBody, decode
from api.http.ids import migration_uuid, table_uuid
from api.http.migration_wire import ApprovalBody, ApprovalList
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin_at_id, cut
from api.http.wire import OperationBody
from domain.access import Principal, Scope, reach
from domain.handlers.approving import decide_migration, remove_policy, set_policy
from domain.handlers.house import House
from domain.handlers.operations import operation_view
from domain.migration.approval import Approve, Reject
from domain.policy.events import ApprovalPolicySet
from domain.views import ApprovalFilter

Asking = Request[Principal, Any, Any]
State = Annotated[
    Literal["undecided", "all"],
    QueryParameter(name="state", required=False, description="`undecided`: what waits, and emergencies not reviewed."),
]


@get(
    "/approvals",
    operation_id="listApprovals",
    summary="List approvals",
    opt={NEEDS: Scope.MIGRATIONS_READ, NARROWED: True},
    sync_to_thread=True,
)
def list_approvals(
    request: Asking,
    house: NamedDependency[House],
    wanted: State = "undecided",
    page_size: PageSize = DEFAULT_SIZE,
    page_token: PageToken = None,
) -> ApprovalList:
    """What has to be approved, newest first: what waits for it, and emergencies that did not wait."""
    where = ApprovalFilter(undecided=wanted == "undecided", reach=reach(request.user, Scope.MIGRATIONS_READ))
    rows = house.approvals.approvals(where, page_size + 1, begin_at_id(page_token, "approvals", where))
    page, following = cut(rows, page_size, lambda row: row.migration_id, "approvals", where)
    bodies = tuple(body for row in page if isinstance(body := approval_body(row), ApprovalBody))
    return ApprovalList(approvals=bodies, next_page_token=following)


@post(
    "/dataset-tables/{table_id:str}/migrations/{migration_id:str}/approve",
    operation_id="approveMigration",
    summary="Approve a migration",
    status_code=200,
    opt={BODY: ApproveBody, NEEDS: Scope.MIGRATIONS_APPROVE},
    sync_to_thread=True,
)
def approve(
    request: Asking,
    table_id: FromPath[str],
    migration_id: FromPath[str],
    body: RawBody,
    house: NamedDependency[House],
) -> OperationBody:
    """Approves what somebody else asked for; it is run then. An emergency that is over is found right."""
    asked = decode(body, ApproveBody) if body else ApproveBody()
    decision = Approve(by=request.user.subject, reason=asked.reason, plan_hash=asked.plan_hash)
    return _decided(request, house, table_id, migration_id, decision)


@post(
    "/dataset-tables/{table_id:str}/migrations/{migration_id:str}/reject",
    operation_id="rejectMigration",
    summary="Reject a migration",
    status_code=200,
    opt={BODY: RejectBody, NEEDS: Scope.MIGRATIONS_APPROVE},
    sync_to_thread=True,
)
def reject(
    request: Asking,
    table_id: FromPath[str],
    migration_id: FromPath[str],
    body: RawBody,
    house: NamedDependency[House],
) -> OperationBody:
    """Rejects what somebody else asked for; its operation fails. An emergency stays as it is, and is found wrong."""
    decision = Reject(by=request.user.subject, reason=decode(body, RejectBody).reason)
    return _decided(request, house, table_id, migration_id, decision)


@get(
    "/datasets/{dataset_id:str}/approval-policy",
    operation_id="getPolicy",
    summary="Get an approval policy",
    opt={NEEDS: Scope.POLICIES_READ},
    sync_to_thread=True,
)
def get_policy(dataset_id: FromPath[str], house: NamedDependency[House]) -> PolicyBody:
    """Which migrations need approval in the dataset: by its own policy, or by the installation's default."""
    return _policy(house, dataset_id)


@put(
    "/datasets/{dataset_id:str}/approval-policy",
    operation_id="setPolicy",
    summary="Set an approval policy",
    opt={BODY: NewPolicyBody, NEEDS: Scope.POLICIES_WRITE},
    sync_to_thread=True,
)
def put_policy(request: Asking, dataset_id: FromPath[str], body: RawBody, house: NamedDependency[House]) -> PolicyBody:
    """From now on, migrations in the dataset whose plan has one of these hazards need approval. None: none do."""
    asked = decode(body or b"{}", NewPolicyBody)
    policy = ApprovalPolicySet(
        dataset_id=dataset_id,
        hazards=tuple(sorted(set(asked.hazards))),
        approvers=tuple(sorted(set(asked.approvers))),
        set_by=request.user.subject,
    )
    set_policy(house, policy, origin_of(request))
    return _policy(house, dataset_id)


@delete(
    "/datasets/{dataset_id:str}/approval-policy",
    operation_id="removePolicy",
    summary="Remove an approval policy",
    opt={NEEDS: Scope.POLICIES_WRITE},
    sync_to_thread=True,
)
def delete_policy(request: Asking, dataset_id: FromPath[str], house: NamedDependency[House]) -> None:
    """The installation's default holds again."""
    remove_policy(house, dataset_id, origin_of(request))


def _decided(
    request: Asking, house: House, table_id: str, migration_id: str, decision: Approve | Reject
) -> OperationBody:
    migration = migration_uuid(table_id, migration_id)
    operation_id = decide_migration(house, table_uuid(table_id), migration, decision, request.user, origin_of(request))
    return operation_body(operation_view(house, operation_id))


def _policy(house: House, dataset_id: str) -> PolicyBody:
    policy = house.approvals.policy(dataset_id)
    if policy is None:
        return PolicyBody(dataset_id=dataset_id, source="default", hazards=house.default_policy)
    return PolicyBody(
        dataset_id=dataset_id,
        source="dataset",
        hazards=policy.hazards,
        approvers=policy.approvers,
        set_by=policy.set_by,
        set_at=policy.set_at,
    )


router = Router(
    "/",
    route_handlers=[list_approvals, approve, reject, get_policy, put_policy, delete_policy],
    tags=["Approvals"],
)
