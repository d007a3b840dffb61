"""Hurting an installation at random, by a seed, while it is used: ``python -m tests.acceptance.chaos.run --steps 500``."""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

from api.compose import composed
from tests.acceptance.chaos import verdict
from tests.acceptance.chaos.callers import PATIENCE, Caller, Writer
from tests.acceptance.chaos.processes import LEASE_SECONDS, Installation

TABLES = 3
FIRST_ROWS, FIRST_FRAGMENTS = 200, 8
MOST_EVENTS = 1_000_000


class Chaos:
    """The seed decides every act and every choice in it; what the machine makes of them is its own."""

    def __init__(self, folder: Path, seed: int, say: Callable[[str], object] = lambda _: None) -> None:
        self._random, self._say = Random(seed), say
        self.installation = Installation(folder)
        self._over = False

    def run(self, steps: int) -> Counter[str]:
        """How many operations ended how. Fails with what does not hold."""
        self.installation.start()
        try:
            return self._run(steps)
        finally:
            self._over = True
            self.installation.stop()

    def _run(self, steps: int) -> Counter[str]:
        with closing(Caller(self.installation, self._random)) as caller:
            return self._hurt(caller, steps)

    def _hurt(self, caller: Caller, steps: int) -> Counter[str]:
        tables = {table["tableId"]: table["location"] for table in map(caller.new_table, "abc"[:TABLES])}
        writers = {table: Writer(location, lambda: not self._over) for table, location in tables.items()}
        for writer in writers.values():
            for _ in range(FIRST_FRAGMENTS):
                writer.append(FIRST_ROWS // FIRST_FRAGMENTS)
            writer.thread.start()
        for step in range(steps):
            self._act(step, caller, list(tables))
        self.installation.resume_all()
        for operation in caller.accepted:
            self._wait_until_ended(caller, operation)
        self._over = True
        for writer in writers.values():
            writer.thread.join()
        return self._judge(caller, tables, {table: writer.written for table, writer in writers.items()})

    def _act(self, step: int, caller: Caller, tables: list[str]) -> None:
        random, installation = self._random, self.installation
        acts: list[tuple[int, str, Callable[[], object]]] = [
            (10, "migrate", lambda: caller.migrate(random.choice(tables))),
            (2, "compact", lambda: caller.compact(random.choice(tables))),
            (3, "cancel", caller.cancel),
            (3, "kill a worker", lambda: installation.kill(random.choice(installation.workers))),
            (1, "kill an API", lambda: installation.kill(random.choice(installation.apis))),
            (2, "pause a worker", self._pause),
            (1, "restart PostgreSQL", installation.restart_postgres),
            (1, "cut connections", installation.cut_connections),
            (4, "wait for an end", lambda: self._wait_for_an_end(caller)),
        ]
        weights = [weight for weight, _, _ in acts]
        _, name, act = random.choices(acts, weights)[0]
        self._say(f"{step:>5} {name}")
        act()

    def _pause(self) -> None:
        """One worker at least goes on; those paused before go on as well, long after their leases ran out."""
        self.installation.resume_all()
        if len(self.installation.awake) > 1:
            self.installation.pause(self._random.choice(self.installation.awake))
            time.sleep(LEASE_SECONDS * 1.5)

    def _wait_for_an_end(self, caller: Caller) -> None:
        """Until the oldest operation that goes on has ended."""
        going_on = next((operation for operation in caller.accepted if caller.final(operation) is None), None)
        if going_on is not None:
            self._wait_until_ended(caller, going_on)

    def _wait_until_ended(self, caller: Caller, operation: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while caller.final(operation) is None:
            assert time.monotonic() < deadline, caller.call("GET", f"/operations/{operation}").text
            time.sleep(0.1)

    def _judge(self, caller: Caller, tables: dict[str, str], written: dict[str, int]) -> Counter[str]:
        with composed(self.installation.settings(), self.installation.url) as parts:
            events = parts.house.store.read(0, MOST_EVENTS)
        verdict.check_one_at_a_time(events)
        for table, location in tables.items():
            verdict.check_rows(location, written[table])
            verdict.check_done_once(location, verdict.migrations_of(events, table))
            verdict.check_no_drift(caller.call("GET", f"/dataset-tables/{table}/drift").json())
        return verdict.check_ends(events, caller.accepted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    folder = Path(tempfile.mkdtemp(prefix="schemaledger-soak-"))
    print(f"logs and data in {folder}, which goes when all is well")
    ended = Chaos(folder, asked.seed, print).run(asked.steps)
    shutil.rmtree(folder)
    print(f"seed {asked.seed}: {dict(ended)}")


if __name__ == "__main__":
    sys.exit(main())
