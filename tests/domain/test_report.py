"""What a report makes of a migration's events."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from api.http import report_words as words
from domain.facts import Fact, Metadata, Origin, Recorded
from domain.migration.events import (
    ApprovalRequested,
    EmergencyDeclared,
    EmergencyReviewed,
    MigrationAdopted,
    MigrationApproved,
    MigrationCancelled,
    MigrationFailed,
    MigrationRejected,
    MigrationRequested,
    MigrationStarted,
)
from domain.trail.report import Change, Proof, change_of, planned_steps
from tests.domain.planning import PROFILE, drop, people, planned

STREAM, TABLE = UUID(int=7), UUID(int=8)
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
REQUESTED = MigrationRequested(
    table_id=TABLE,
    dataset_id="d",
    operation_id=UUID(int=9),
    operations=msgspec.Raw(b'[{"type":"drop_column"}]'),
    description="why",
    from_version=1,
    to_version=2,
    plan_hash="h",
)
DECLARED = EmergencyDeclared(
    table_id=TABLE,
    dataset_id="d",
    operation_id=UUID(int=9),
    author="ann",
    hazards=("data_loss",),
    plan_hash="h",
    reason="it burns",
)
ASKED = ApprovalRequested(
    table_id=TABLE, dataset_id="d", operation_id=UUID(int=9), author="ann", hazards=("data_loss",), plan_hash="h"
)
ADOPTED = MigrationAdopted(
    table_id=TABLE,
    dataset_id="d",
    operations=msgspec.Raw(b"[]"),
    from_version=1,
    to_version=2,
    before=people(),
    before_fingerprint="a",
    after=people(),
    after_fingerprint="b",
    engine_version="3",
    effective_at=NOON,
)


def told(*facts: Fact) -> Change:
    events = [
        Recorded(
            position=10 + number,
            stream=STREAM,
            version=number,
            recorded_at=NOON,
            metadata=Metadata(event_id=UUID(int=number), moment=NOON, origin=Origin(actor="ann")),
            fact=fact,
        )
        for number, fact in enumerate(facts, start=1)
    ]
    change = change_of(events)
    assert change is not None
    return change


@pytest.mark.parametrize(
    ("end", "outcome", "said"),
    [
        (MigrationFailed(code="cast_failed", message="3 of 9"), "failed", "3 of 9 (cast_failed)"),
        (MigrationCancelled(reason="no longer wanted"), "cancelled", "no longer wanted"),
    ],
)
def test_a_change_that_came_to_nothing_says_why(end: Fact, outcome: str, said: str) -> None:
    change = told(REQUESTED, MigrationStarted(), end)
    assert change.outcome == outcome
    assert change.differences == ()
    assert words.result(change).endswith(said)


def test_a_change_without_an_end_is_pending() -> None:
    change = told(REQUESTED)
    assert (change.outcome, change.ended_at) == ("pending", None)
    assert words.result(change) == "Pending"


def test_who_agreed_is_told_act_by_act() -> None:
    change = told(REQUESTED, ASKED, MigrationApproved(by="bob", plan_hash="h", reason="seen"))
    assert words.approval(change, {"bob": "Bob Sample"}) == [
        "Asked for, because of data_loss, by ann, 2026-03-03 12:00:00 UTC",
        "Given by Bob Sample (bob), 2026-03-03 12:00:00 UTC: “seen”",
    ]
    late = told(REQUESTED, ASKED, MigrationRejected(code="approval_expired"))
    assert (late.outcome, words.approval(late, {})[1].split(" by ")[0]) == (
        "rejected",
        "Not given in time (approval_expired), noted",
    )


def test_an_emergency_says_that_nobody_was_waited_for_and_what_the_review_found() -> None:
    change = told(REQUESTED, DECLARED, EmergencyReviewed(by="bob", approved=False))
    first, second = words.approval(change, {})
    assert first.startswith("Not waited for, in an emergency, though needed because of data_loss; declared by ann")
    assert first.endswith("“it burns”")
    assert second.startswith("Reviewed afterwards and found WRONG by bob")


def test_a_plan_is_told_step_by_step_where_it_can_be_made_again_and_not_otherwise() -> None:
    sent = drop("score")
    plan = planned(sent)
    operations = msgspec.Raw(msgspec.json.encode([sent]))
    request = replace(REQUESTED, operations=operations, from_version=plan.base_version, plan_hash=plan.plan_hash)
    found = planned_steps(told(request), plan.source, PROFILE)
    assert found is not None
    assert (found.steps, [kind for kind, _ in found.hazards]) == ((("metadata", "Drop 'score'."),), ["data_loss"])
    assert planned_steps(told(replace(request, plan_hash="sha256-v1:other")), plan.source, PROFILE) is None
    assert planned_steps(told(REQUESTED), plan.source, PROFILE) is None
    assert words.plan(told(REQUESTED)) == ["h"]


def test_what_nobody_has_decided_yet_is_said_first() -> None:
    waiting, unseen = told(REQUESTED, ASKED), told(REQUESTED, DECLARED)
    assert (waiting.awaits_approval, waiting.awaits_review) == (True, False)
    assert (unseen.awaits_approval, unseen.awaits_review) == (False, True)
    assert words.outcome(waiting) == "waits for approval"
    decided = told(REQUESTED, ASKED, MigrationApproved(by="bob", plan_hash="h"))
    reviewed = told(REQUESTED, DECLARED, EmergencyReviewed(by="bob", approved=True))
    assert not any(one.awaits_approval or one.awaits_review for one in (decided, reviewed, told(ADOPTED)))


def test_an_outside_change_had_nobodys_approval() -> None:
    change = told(ADOPTED)
    assert words.kind(change) == "Outside change, adopted"
    assert words.approval(change, {}) == ["None: it was made outside, before anybody here could be asked."]


@pytest.mark.parametrize(
    ("size", "said"),
    [(10, "Not sealed yet"), (11, "Sealed in part"), (12, "Sealed: positions 11 to 12")],
)
def test_proof_reaches_as_far_as_the_checkpoint(size: int, said: str) -> None:
    change = told(REQUESTED, MigrationStarted())
    found = Proof(size=size, root="00", signed_at=NOON, alarm=None)
    assert words.proof_of(change, found).startswith(said)
    assert words.proof_of(change, None).startswith("Not sealed yet")


def test_a_seal_that_stopped_is_said_first() -> None:
    assert words.proof(Proof(size=1, root="00", signed_at=NOON, alarm="tampered.")).startswith("THE SEAL HAS STOPPED")
