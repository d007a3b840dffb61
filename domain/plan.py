"""A plan: what a migration's changes come to against one schema, with every refusal collected, not the first."""

from collections.abc import Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from domain.changes.catalogue import AnyChange
from domain.changes.change import Hazard, Setting
from domain.errors import ColumnAlreadyExists, ColumnNotFound, Refusal, Violation
from domain.schema import Schema, fingerprint
from domain.steps import Cost, DropField, Step


class IndexImpact(Struct, frozen=True, kw_only=True):
    """What becomes of an index: ``none``, ``rebuild`` or ``drop``, and why."""

    index_name: str
    impact: str
    reason: str


class Plan(Struct, frozen=True, kw_only=True):
    """The steps from ``source`` (schema version ``base_version``) to ``target``. Valid when ``violations`` is empty."""

    base_version: int
    source: Schema
    target: Schema
    steps: tuple[Step, ...]
    hazards: tuple[Hazard, ...]
    violations: tuple[Violation, ...]

    @property
    def is_valid(self) -> bool:
        return not self.violations

    @property
    def requires_rewrite(self) -> bool:
        return any(step.cost is Cost.REWRITE for step in self.steps)

    @property
    def plan_hash(self) -> str:
        """``sha256-v1:`` and a digest of base version, both schemas and the steps: the same plan has the same hash."""
        parts = (self.base_version, fingerprint(self.source), fingerprint(self.target), self.steps)
        return f"sha256-v1:{sha256(msgspec.json.encode(parts, order='sorted')).hexdigest()}"

    @property
    def index_impacts(self) -> tuple[IndexImpact, ...]:
        dropped = {step.column_id: step.name for step in self.steps if isinstance(step, DropField)}
        impacts = []
        for index in self.source.indexes:
            gone = [dropped[column_id] for column_id in index.column_ids if column_id in dropped]
            reason = f"Column '{gone[0]}' is dropped." if gone else "Its columns keep their values."
            impacts.append(IndexImpact(index_name=index.name, impact="drop" if gone else "none", reason=reason))
        return tuple(impacts)


def make_plan(changes: Sequence[AnyChange], schema: Schema, base_version: int, setting: Setting) -> Plan:
    """Folds the changes over the schema in order. A refused change is left out and the fold goes on.

    What a later change concludes from the absence of a refused one (the column it was to add) is not reported: mending
    the first mends both.
    """
    current, steps, hazards, violations = schema, list[Step](), list[Hazard](), list[Violation]()
    doubtful = set[str]()
    for number, change in enumerate(changes):
        found = [
            (pointer, refusal)
            for pointer, refusal in change.refusals(current, setting)
            if not _follows_from(refusal, doubtful)
        ]
        violations += [violation(f"/operations/{number}{pointer}", refusal) for pointer, refusal in found]
        if found or doubtful.intersection(change.touches()):
            doubtful.update(change.touches())
        else:
            effect = change.effect(current, setting)
            current = effect.schema
            steps += effect.steps
            hazards += effect.hazards
    return Plan(
        base_version=base_version,
        source=schema,
        target=current,
        steps=tuple(steps),
        hazards=tuple(hazards),
        violations=tuple(violations),
    )


def violation(pointer: str, refusal: Refusal) -> Violation:
    return Violation(pointer=pointer, code=refusal.code, message=str(refusal))


def _follows_from(refusal: Refusal, doubtful: set[str]) -> bool:
    return isinstance(refusal, ColumnNotFound | ColumnAlreadyExists) and refusal.name in doubtful
