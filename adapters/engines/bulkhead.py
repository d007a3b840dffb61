"""An engine around which one table whose storage hangs holds up nobody but itself.

A dead NFS server, or a pipe where a file should be, keeps its callers for ever. So every call is made by a thread that
can be left behind. One that shows no sign of work for some time is given up; its table is not asked again until it
comes back.

A ``publish`` that is left behind is as one of a worker that is paused: it does not get past its next ``confirm``, and
what it confirmed before comes to nothing by the same means (docs/decisions/0016-barring.md).
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from adapters.engines.calls import SLOW, Call, Crew, Doors
from domain.engine import Confirm, EngineProfile, Inspection, Job, Outside, TableEngine, Unit, nobody_else
from domain.errors import EngineUnavailable
from domain.schema import Column, Schema
from domain.table.identity import Identity, Replaced

Answer = TypeVar("Answer")
Signs = Callable[[Collection[int]], float]

LOOK = 1.0
"""Seconds between two looks at a call that takes its time."""
LEAST_WORK = 0.25
"""Processor seconds that are a sign of work. A call that only waits, in Lance (pylance 14), uses 0.1 of it a minute."""

log = logging.getLogger("schemaledger.engines")


def nothing() -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Patience:
    """How long calls are waited for."""

    seconds: float
    """How long without a sign of work."""
    signs: Signs | None = None
    """What has been worked so far, in processor seconds; None: only the end of a call is a sign."""
    most_inside: int | None = None
    """Calls inside of one table's storage at once; None: as many as there are."""
    pause: int = 5
    """Seconds after which one who was refused may ask again."""
    progressed: Callable[[], None] = nothing
    """Called at each sign of work."""
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Guarded:
    """Makes engines with a bulkhead around each, here or, pickled, elsewhere."""

    engines: Callable[[str], TableEngine]
    patience: Patience

    def __call__(self, name: str) -> TableEngine:
        """Raises EngineUnknown."""
        return Bulkhead(self.engines(name), self.patience)


class Bulkhead:
    """Implements ``TableEngine``."""

    def __init__(self, engine: TableEngine, patience: Patience) -> None:
        self._engine, self._patience = engine, patience
        name = engine.profile.name
        self._doors, self._crew = Doors(name, patience.most_inside, patience.pause, patience.clock), Crew()

    @property
    def profile(self) -> EngineProfile:
        return self._engine.profile

    def create(self, location: str, schema: Schema) -> Inspection:
        return self._ask(location, lambda: self._engine.create(location, schema))

    def inspect(self, location: str) -> Inspection:
        return self._ask(location, lambda: self._engine.inspect(location))

    def units(self, job: Job, prepared: Mapping[str, bytes]) -> Sequence[Unit]:
        return self._ask(job.location, lambda: self._engine.units(job, prepared))

    def prepare(self, job: Job, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        return self._ask(job.location, lambda: self._engine.prepare(job, unit, prepared))

    def publish(self, job: Job, prepared: Mapping[str, bytes], confirm: Confirm = nobody_else) -> str:
        def last_look() -> None:
            with call.outside():
                confirm()
            # After it: an attempt may have been given up while it was asked.
            if call.left:
                raise EngineUnavailable(self.profile.name, "the attempt that this was for has been given up")

        call = self._call(lambda: self._engine.publish(job, prepared, last_look))
        return str(self._made(job.location, call))

    def published(self, job: Job) -> str | None:
        return self._ask(job.location, lambda: self._engine.published(job))

    def is_visible(self, job: Job) -> bool:
        return self._ask(job.location, lambda: self._engine.is_visible(job))

    def bar(self, job: Job) -> None:
        self._ask(job.location, lambda: self._engine.bar(job))

    def recoverable(self, location: str, column: Column, gone_as: str) -> int:
        return self._ask(location, lambda: self._engine.recoverable(location, column, gone_as))

    def identity(self, location: str, engine_version: str) -> Identity | None:
        return self._ask(location, lambda: self._engine.identity(location, engine_version))

    def replaced(self, location: str, known: Identity) -> Replaced:
        return self._ask(location, lambda: self._engine.replaced(location, known))

    def outside(self, location: str, known: Schema, identity: Identity | None = None) -> Outside:
        return self._ask(location, lambda: self._engine.outside(location, known, identity))

    def discard(self, job: Job, prepared: Mapping[str, bytes]) -> None:
        self._ask(job.location, lambda: self._engine.discard(job, prepared))

    def tidy(self, location: str) -> int:
        return self._ask(location, lambda: self._engine.tidy(location))

    def _ask(self, location: str, work: Callable[[], Answer]) -> Answer:
        answer: Answer = self._made(location, self._call(work))
        return answer

    def _call(self, work: Callable[[], object]) -> Call:
        return Call(work, self._patience.clock())

    def _made(self, location: str, call: Call) -> Any:
        """Raises EngineUnavailable when the call is not let in, or given up."""
        self._doors.enter(location, call)
        try:
            self._crew.make(call, lambda: self._doors.leave(location, call))
        except RuntimeError as error:
            self._doors.leave(location, call)
            raise EngineUnavailable(self.profile.name, f"{error}", self._patience.pause) from error
        if not call.done.wait(min(LOOK, self._patience.seconds)):
            self._wait_for(location, call)
        return call.outcome()

    def _wait_for(self, location: str, call: Call) -> None:
        """Time counts look by look: a process that is stopped for a while has not waited meanwhile."""
        patience = self._patience
        # Whether it worked until now is not known where work is a sign.
        quiet = min(LOOK, patience.seconds) if patience.signs is None else 0.0
        seen, before = self._worked(), patience.clock()
        while True:
            limit = min(SLOW, patience.seconds) if self._doors.is_crowded(call) else patience.seconds
            if quiet >= limit and not call.elsewhere and self._doors.abandon(call):
                log.warning("a call at %s is given up: no sign of work for %.0f s", location, quiet)
                raise EngineUnavailable(
                    self.profile.name, f"its storage has not answered for {quiet:.0f} s", patience.pause
                )
            if call.done.wait(min(LOOK, max(limit - quiet, 0.0)) if not call.elsewhere else LOOK):
                return
            now = patience.clock()
            quiet, before = quiet + (0.0 if call.elsewhere else min(now - before, 2 * LOOK)), now
            if (worked := self._worked()) - seen >= LEAST_WORK:
                seen, quiet = worked, 0.0
                patience.progressed()

    def _worked(self) -> float:
        return 0.0 if self._patience.signs is None else self._patience.signs(self._crew.native_ids)
