"""What a worker writes in the log while it runs one operation: start, report, announce, and end.

Fencing is the stream's version: every append says where it believes the stream stands. Finding it elsewhere means that
somebody asked for cancellation (the run then ends with CancellationAsked) or that another worker took over (LeaseLost).
"""

from functools import reduce
from uuid import UUID

import msgspec
from msgspec import Struct

from domain.changes.catalogue import AnyChange
from domain.engine import Job, TableEngine
from domain.errors import (
    CancellationAsked,
    LeaseLost,
    OperationNotFound,
    PlanDiverged,
    Refusal,
    SchemaChangedMeanwhile,
    StreamMoved,
    ValidationFailed,
)
from domain.facts import Append, Origin
from domain.handlers.house import RACES, House
from domain.handlers.operations import load_operation, operation_facts
from domain.handlers.planning import plan_for_now
from domain.maintenance import MAINTENANCE
from domain.migration import decider as migrations
from domain.migration.events import MigrationFact, MigrationRequested
from domain.operation import decider as operations
from domain.operation.decider import Running
from domain.operation.events import OperationFact, OperationRequested
from domain.plan import Plan
from domain.ports import Lease
from domain.schema import Schema
from domain.steps import Step
from domain.table import decider as tables


class Assignment(Struct, frozen=True, kw_only=True):
    """One job to carry out. ``objection`` is why it can no longer be done, unless it is published already."""

    job: Job
    engine: TableEngine
    objection: Refusal | None


class Run:
    """One attempt at one operation by the holder of its lease."""

    def __init__(self, house: House, lease: Lease, worker: str) -> None:
        """Raises OperationNotFound."""
        history = house.store.load(lease.operation_id)
        if not history:
            raise OperationNotFound(str(lease.operation_id))
        self._house, self._lease = house, lease
        self._state, self._version = operations.fold(operation_facts(event.fact for event in history)), len(history)
        self.asked = history[0].metadata.origin
        """Where the request for the operation came from."""
        self._origin = Origin(
            actor=f"worker:{worker}",
            on_behalf_of=self.asked.on_behalf_of or self.asked.actor,
            correlation_id=lease.operation_id,
            request_id=self.asked.request_id,
        )

    @property
    def is_over(self) -> bool:
        """Whether the operation had ended before this attempt began: nothing is left but to let go of the lease."""
        return isinstance(self._state, operations.Finished)

    @property
    def may_be_published(self) -> bool:
        """Whether an attempt has passed the point of no return: only the engine knows then whether it is published."""
        return isinstance(self._state, Running) and self._state.publishing

    def start(self) -> None:
        """Makes the attempt known; from here on earlier holders of the lease are fenced off."""
        started = operations.StartOperation(attempt=self._lease.attempt, worker=self._lease.worker)
        self._commit(started, migration=migrations.StartMigration() if self._migration_id else None)
        self._heed_cancellation()

    def assignment(self) -> Assignment:
        """What to do, planned anew. Raises SchemaChangedMeanwhile when those before it ended otherwise than planned."""
        table = self._table()
        engine = self._house.engine(table.engine)
        if self._migration_id is None:
            step = MAINTENANCE[self.request.operation_type]
            work = _job(self._lease.operation_id, table, table.schema, (step,))
            return Assignment(job=work, engine=engine, objection=None)
        request = self._migration(self._migration_id)
        entry = table.queued(self._migration_id)
        if entry is None or table.version != request.from_version:
            raise SchemaChangedMeanwhile(request.from_version, table.version)
        changes = msgspec.json.decode(request.operations, type=tuple[AnyChange, ...])
        plan = plan_for_now(self._house, table, changes)
        job = _job(self._migration_id, table, entry.schema, plan.steps)
        return Assignment(job=job, engine=engine, objection=_objection(plan, request))

    def heed(self) -> None:
        """Looks at the log. Raises CancellationAsked or LeaseLost when there is a reason to stop."""
        self._reload()
        self._heed_cancellation()

    def is_to_be_cancelled(self) -> bool:
        """Looks at the log, whosever attempt it is by now."""
        state, _ = load_operation(self._house, self._lease.operation_id)
        return isinstance(state, operations.Unfinished) and state.cancellation is not None

    def report(self, progress: operations.ReportProgress) -> None:
        """Makes progress known. Raises CancellationAsked when somebody wants the operation to stop."""
        self._commit(progress)
        self._heed_cancellation()

    def announce_publishing(self) -> None:
        """The point of no return. Raises CancellationAsked when that came first."""
        self._heed_cancellation()
        self._commit(operations.AnnouncePublishing())

    def complete(self, job: Job, engine_version: str, message: str, measured_ms: int) -> None:
        completed = operations.CompleteOperation(message=message, measured_ms=measured_ms)
        if (migration_id := self._migration_id) is None:
            self._commit(completed)
            return
        identity = self._house.engine(self._table().engine).identity(job.location, engine_version)
        succeeded = migrations.SucceedMigration(before=job.source, after=job.target, engine_version=engine_version)
        self._commit(completed, succeeded, tables.SettleMigration(migration_id=migration_id, identity=identity))

    def complete_replay(self, message: str, measured_ms: int) -> None:
        """The end of work on no table."""
        self._commit(operations.CompleteOperation(message=message, measured_ms=measured_ms))

    @property
    def request(self) -> OperationRequested:
        assert not isinstance(self._state, operations.Unknown), "a lease was given for an operation nobody asked for"
        return self._state.request

    def fail(self, refusal: Refusal) -> None:
        failed = migrations.FailMigration(code=refusal.code, message=str(refusal))
        failure = operations.FailOperation(code=refusal.code, message=str(refusal))
        self._end(failure, failed)

    def acknowledge_cancellation(self) -> None:
        self._commit(operations.AcknowledgeCancellation())

    def confirm_cancellation(self, reason: str) -> None:
        cancelled = migrations.CancelMigration(reason=reason)
        self._end(operations.ConfirmCancellation(), cancelled)

    @property
    def estimated_ms(self) -> int | None:
        """How long the operation was expected to take."""
        return self.request.estimated_ms

    def _end(self, operation: operations.OperationCommand, migration: migrations.MigrationCommand) -> None:
        """With the migration, and without its place in the table's queue, when the operation is one."""
        if (migration_id := self._migration_id) is None:
            self._commit(operation)
        else:
            self._commit(operation, migration, tables.WithdrawMigration(migration_id=migration_id))

    @property
    def _migration_id(self) -> UUID | None:
        return self.request.migration_id

    def _commit(
        self,
        operation: operations.OperationCommand,
        migration: migrations.MigrationCommand | None = None,
        table: tables.TableCommand | None = None,
    ) -> None:
        """Decides and appends on all streams concerned at once, anew whenever one of them moved meanwhile."""
        for _ in range(RACES):
            appends = self._decided(operation, migration, table)
            if not appends:
                return
            try:
                self._house.store.append(appends, self._origin)
            except StreamMoved:
                self._reload(starting=isinstance(operation, operations.StartOperation))
                if isinstance(operation, operations.ReportProgress | operations.AnnouncePublishing):
                    self._heed_cancellation()
                continue
            self._advance(appends)
            return
        raise StreamMoved(f"operation {self._lease.operation_id}")

    def _decided(
        self,
        operation: operations.OperationCommand,
        migration: migrations.MigrationCommand | None,
        table: tables.TableCommand | None,
    ) -> list[Append]:
        try:
            appends = [self._operation_append(operation)]
            appends += [] if migration is None else [self._migration_append(migration)]
            appends += [] if table is None else [self._table_append(table)]
        except Refusal:
            # Perhaps because somebody else has ended the operation: then that is what is to be said.
            self._reload(starting=isinstance(operation, operations.StartOperation))
            raise
        return [append for append in appends if append.facts]

    def _advance(self, appends: list[Append]) -> None:
        for append in appends:
            if append.stream == self._lease.operation_id:
                facts = tuple(fact for fact in append.facts if isinstance(fact, OperationFact))
                self._state = reduce(operations.evolve, facts, self._state)
                self._version += len(append.facts)

    def _reload(self, *, starting: bool = False) -> None:
        self._state, self._version = load_operation(self._house, self._lease.operation_id)
        mine = isinstance(self._state, Running) and self._state.attempt == self._lease.attempt
        if not mine and not (starting and isinstance(self._state, operations.Unfinished)):
            raise LeaseLost(str(self._lease.operation_id), self._lease.attempt)

    def _heed_cancellation(self) -> None:
        if isinstance(self._state, operations.Unfinished) and self._state.cancellation is not None:
            raise CancellationAsked(str(self._lease.operation_id), self._state.cancellation)

    def _operation_append(self, command: operations.OperationCommand) -> Append:
        facts = operations.decide(command, self._state, self._lease.operation_id)
        return Append(stream=self._lease.operation_id, expected_version=self._version, facts=facts)

    def _migration_append(self, command: migrations.MigrationCommand) -> Append:
        assert self._migration_id is not None
        facts = self._migration_facts(self._migration_id)
        decided = migrations.decide(command, migrations.fold(facts))
        return Append(stream=self._migration_id, expected_version=len(facts), facts=decided)

    def _table_append(self, command: tables.TableCommand) -> Append:
        table, version = self._house.table(self._lease.table_id)
        facts = tables.decide(command, table, table.table_id)
        return Append(stream=table.table_id, expected_version=version, facts=facts)

    def _migration(self, migration_id: UUID) -> MigrationRequested:
        first = self._migration_facts(migration_id)[0]
        assert isinstance(first, MigrationRequested)
        return first

    def _migration_facts(self, migration_id: UUID) -> tuple[MigrationFact, ...]:
        return tuple(fact for fact in self._house.store.facts(migration_id) if isinstance(fact, MigrationFact))

    def _table(self) -> tables.Managed:
        return self._house.table(self._lease.table_id)[0]


def _job(job_id: UUID, table: tables.Managed, target: Schema, steps: tuple[Step, ...]) -> Job:
    return Job(
        migration_id=job_id,
        table_id=table.table_id,
        location=table.location,
        source=table.schema,
        target=target,
        steps=steps,
        identity=table.identity,
    )


def _objection(plan: Plan, request: MigrationRequested) -> Refusal | None:
    if not plan.is_valid:
        return ValidationFailed(plan.violations)
    if plan.plan_hash != request.plan_hash:
        return PlanDiverged(request.plan_hash, plan.plan_hash)
    return None
