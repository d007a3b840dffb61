"""A plan: what a migration's changes come to against one schema, with every refusal collected, not the first."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from domain import nested
from domain.changes.catalogue import AnyChange
from domain.changes.change import Change, Found, Hazard, HazardKind, Setting
from domain.diff import Difference, diff
from domain.errors import ColumnAlreadyExists, ColumnNotFound, Refusal, RestoredColumnChanged, Violation
from domain.possible import copy_refusals, index_refusals, looked_at, step_refusals
from domain.schema import Index, Schema, fingerprint
from domain.steps import (
    AddField,
    BuildIndex,
    CheckUnique,
    Compact,
    Cost,
    DeclareKey,
    DropField,
    DropIndex,
    RenameManifests,
    RestoreField,
    RewriteStorage,
    SetNullability,
    Step,
    writes_values,
)
from domain.undo import Undo, undo_of


class IndexImpact(Struct, frozen=True):
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
        return tuple(self._impact(index) for index in self.source.indexes)

    def _impact(self, index: Index) -> IndexImpact:
        owners = self.source.owners(index.column_ids)
        for step in self.steps:
            match step:
                case DropField() if step.column_id in owners:
                    return IndexImpact(index.name, "drop", f"Column '{step.name}' is dropped.")
                case DropIndex() if step.name == index.name:
                    return IndexImpact(index.name, "drop", "It is dropped by name.")
                case BuildIndex() if step.index == index and step.rebuild:
                    return IndexImpact(
                        index.name, "rebuild", f"The values of {', '.join(step.names)} are written anew."
                    )
                case _:
                    pass
        if index not in self.target.indexes:
            (path, *_) = self.source.indexed(index)
            return IndexImpact(index.name, "drop", f"Field '{path}' is dropped.")
        return IndexImpact(index.name, "none", "Its columns keep their values.")

    @property
    def undo(self) -> Undo:
        """How the migration could be undone once it is done."""
        return undo_of(self.differences, self.steps)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What becomes of the schema."""
        return diff(self.source, self.target)


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
            for pointer, refusal in _refusals(change, current, setting, schema, steps)
            if not _follows_from(refusal, doubtful)
        ]
        violations += [violation(f"/operations/{number}{pointer}", refusal) for pointer, refusal in found]
        if found or doubtful.intersection(change.touches()):
            doubtful.update(change.touches())
        else:
            effect = nested.effect(change, current, setting)
            current = effect.schema
            steps += effect.steps
            hazards += effect.hazards
    carried_out = (*_needed(steps, current), *_rebuilds(schema, current, steps))
    as_a_whole = (
        *index_refusals(carried_out, setting.profile),
        *copy_refusals(schema, current, carried_out, setting.profile),
    )
    violations += [violation("/operations", refusal) for refusal in as_a_whole]
    return Plan(
        base_version=base_version,
        source=schema,
        target=current,
        steps=carried_out,
        hazards=(*hazards, *_index_hazards(schema, current, steps, setting)),
        violations=tuple(violations),
    )


def violation(pointer: str, refusal: Refusal) -> Violation:
    return Violation(pointer=pointer, code=refusal.code, message=str(refusal))


def _follows_from(refusal: Refusal, doubtful: set[str]) -> bool:
    return isinstance(refusal, ColumnNotFound | ColumnAlreadyExists) and refusal.name in doubtful


def _needed(steps: Sequence[Step], target: Schema) -> Iterator[Step]:
    """The steps without those whose outcome nobody sees: on columns that go in the end, on keys that do not stay."""
    added = {step.column.id for step in steps if isinstance(step, AddField)}
    built = set[str]()
    for step in steps:
        match step:
            case AddField() if target.by_id(step.column.id) is None:
                pass
            case CheckUnique() if step.column_ids != target.primary_key:
                pass
            case DropField() if step.column_id in added:
                pass
            case DropIndex() if step.name in built:
                built.remove(step.name)
            case (
                AddField()
                | DropField()
                | RestoreField()
                | CheckUnique()
                | DeclareKey()
                | DropIndex()
                | Compact()
                | RenameManifests()
                | RewriteStorage()
            ):
                yield step
            case BuildIndex():
                built.add(step.index.name)
                if step.index in target.indexes:
                    yield step
            case _:
                if target.by_id(step.column_id) is not None:
                    yield step


def _refusals(
    change: Change, schema: Schema, setting: Setting, source: Schema, before: Sequence[Step]
) -> Iterator[Found]:
    """What the change is refused for, and, where it makes sense, what its steps are."""
    found = list(nested.refusals(change, schema, setting))
    yield from found
    if not found:
        restored = {step.column.id for step in before if isinstance(step, RestoreField)}
        for step in nested.effect(change, schema, setting).steps:
            for column_id in restored.intersection(schema.owners(looked_at(step))):
                yield "", RestoredColumnChanged(", ".join(schema.named([column_id])))
            yield from (("", refusal) for refusal in step_refusals(step, schema, source, setting.profile))


def _rebuilds(source: Schema, target: Schema, steps: Sequence[Step]) -> Iterator[BuildIndex]:
    """What becomes of kept indexes whose columns get other values."""
    written = {step.column_id for step in steps if writes_values(step)}
    for index in target.indexes:
        if index in source.indexes and written & target.owners(index.column_ids):
            yield BuildIndex(index=index, names=target.indexed(index), rebuild=True)


def _index_hazards(source: Schema, target: Schema, steps: Sequence[Step], setting: Setting) -> Iterator[Hazard]:
    """What a person should know of the indexes that are built again, or may be beside other changes."""
    written = {step.column_id for step in steps if writes_values(step)}
    touched = written | {step.column_id for step in steps if isinstance(step, SetNullability)}
    for index in target.indexes:
        owners = target.owners(index.column_ids)
        if index not in source.indexes or not touched & owners:
            continue
        if doubt := setting.index_doubts.get(index.name):
            message = f"Index '{index.name}' is built again with settings that the engine chooses: {doubt}."
            yield Hazard(HazardKind.INDEX_SETTINGS, message)
        needed = setting.profile.vector_indexes.get(index.index_type, 0)
        if written & owners and 0 < setting.statistics.rows < needed:
            rows = setting.statistics.rows
            message = (
                f"Index '{index.name}' ({index.index_type}) learns from {needed} rows, and the table has {rows}: "
                "it may be empty afterwards, and queries then look at every row."
            )
            yield Hazard(HazardKind.INDEX_SETTINGS, message)
