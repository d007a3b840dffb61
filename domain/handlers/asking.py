"""Whether a migration needs somebody's approval, and what is written down then."""

from msgspec import Struct

from domain.handlers.house import House
from domain.migration.decider import RequestMigration
from domain.migration.events import ApprovalRequested, EmergencyDeclared
from domain.plan import Plan
from domain.table.decider import Managed


class Need(Struct, frozen=True, kw_only=True):
    """The kinds of hazards that ask for approval, and who may give it, where the policy names somebody."""

    hazards: tuple[str, ...]
    approvers: tuple[str, ...] = ()

    def what(self, author: str) -> str:
        """What the operation waits for, in a few words."""
        whose = " or ".join(self.approvers) or f"somebody other than {author}"
        return f"approval by {whose}, because of {' and '.join(self.hazards)}"

    def fact(
        self, request: RequestMigration, author: str, emergency: str | None
    ) -> ApprovalRequested | EmergencyDeclared:
        if emergency is None:
            return ApprovalRequested(
                table_id=request.table_id,
                dataset_id=request.dataset_id,
                operation_id=request.operation_id,
                author=author,
                hazards=self.hazards,
                plan_hash=request.plan_hash,
                approvers=self.approvers,
            )
        return EmergencyDeclared(
            table_id=request.table_id,
            dataset_id=request.dataset_id,
            operation_id=request.operation_id,
            author=author,
            hazards=self.hazards,
            plan_hash=request.plan_hash,
            approvers=self.approvers,
            reason=emergency,
        )


def approval_needed(house: House, table: Managed, plan: Plan) -> Need | None:
    """By the dataset's policy, or else by the installation's default. A plan without hazards asks nobody."""
    if not plan.hazards:
        return None
    policy = house.approvals.policy(table.dataset_id)
    asking = house.default_policy if policy is None else policy.hazards
    found = tuple(sorted({hazard.kind.value for hazard in plan.hazards}.intersection(asking)))
    return Need(hazards=found, approvers=() if policy is None else policy.approvers) if found else None
