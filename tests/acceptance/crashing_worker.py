"""A real worker whose process is killed with -9, or stopped, at a named point of its first migration.

Run as ``python -m tests.acceptance.crashing_worker POINT``, with the service's settings in the environment. Points:
``prepare`` (half of the units are done), ``before_publish``, ``after_publish`` (before its event is written); and
``paused``: stopped by SIGSTOP between its last look at the log and the commit.
"""

import dataclasses
import os
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta

from adapters.engines.lance_tables.engine import LanceEngine
from api.compose import working
from api.settings import read_settings
from api.stopping import Ending
from domain.engine import Confirm, Job, Unit, nobody_else

TERM = timedelta(seconds=1)
"""Short, so that the next worker need not wait long."""


class Crashing(LanceEngine):
    def __init__(self, point: str) -> None:
        super().__init__()
        self._point, self._prepared = point, 0

    def _pause(self) -> None:
        if self._point == "paused":
            os.kill(os.getpid(), signal.SIGSTOP)

    def _crash_at(self, point: str) -> None:
        if self._point == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def prepare(self, job: Job, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        done = super().prepare(job, unit, prepared)
        self._prepared += 1
        if self._prepared * 2 >= len(self.units(job, {})):
            self._crash_at("prepare")
        return done

    def publish(self, job: Job, prepared: Mapping[str, bytes], confirm: Confirm = nobody_else) -> str:
        self._crash_at("before_publish")
        version = super().publish(job, prepared, lambda: (confirm(), self._pause()))
        self._crash_at("after_publish")
        return version


def main() -> None:
    settings, stop = read_settings(), Ending()
    assert settings.database_url is not None
    with working(settings, settings.database_url, "doomed", stop) as worker:
        house = dataclasses.replace(worker.house, engines={"lance": Crashing(sys.argv[1])})
        doomed = dataclasses.replace(worker, house=house, term=TERM)
        while not doomed.work_once():
            pass


if __name__ == "__main__":
    main()
