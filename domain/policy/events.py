"""What can become true of a dataset's approval policy. Written for ever: a tag never changes its meaning."""

from domain.facts import Fact


class ApprovalPolicySet(Fact, frozen=True, kw_only=True, tag="approval_policy.set"):
    """Migrations with one of these kinds of hazards need approval, by one of ``approvers`` where some are named."""

    dataset_id: str
    hazards: tuple[str, ...]
    set_by: str
    approvers: tuple[str, ...] = ()


class ApprovalPolicyRemoved(Fact, frozen=True, kw_only=True, tag="approval_policy.removed"):
    """The installation's default holds again."""

    dataset_id: str


PolicyFact = ApprovalPolicySet | ApprovalPolicyRemoved
