"""Units prepared as tasks of a Ray cluster: one that is there, or one of this machine that ends with the process.

Read only when it is asked for: Ray comes with the extra ``ray``. A task makes the engine by its name where it runs,
so tables must lie where every machine of the cluster reaches them by the same location.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

from domain.engine import Job, Preparing, TableEngine, Unit
from domain.errors import EngineUnavailable, Refusal
from domain.weight import refuse_what_does_not_fit

# Nothing is told to anybody about what runs here; Ray reads both as it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray
from ray.exceptions import RayError, RayTaskError

EngineOf = Callable[[str], TableEngine]
"""Makes an engine by name. It is pickled: a function of a module, or an object of such a class."""

ATTEMPTS_OF_A_TASK = 3
"""How often Ray begins a task again whose process or machine is gone, before the operation's next attempt does."""
TASKS_FOR_EACH_CPU = 2
"""Given to Ray at once: enough that none idles, and that a cluster that grows by itself sees what there is to do."""
MOST_TASKS = 512
OBJECTS = 128 << 20
"""Bytes that a cluster of our own keeps for objects; tables are not among them."""


class RayExecutor:
    """Implements ``Executor``. ``address`` as of RAY_ADDRESS; None: a cluster of our own, of so many ``cpus``."""

    def __init__(self, engine_of: EngineOf, address: str | None, cpus: int) -> None:
        self._engine_of, self._address, self._cpus = engine_of, address, cpus
        self._lock, self._connected = Lock(), False

    def begin(self, engine: TableEngine, job: Job) -> Preparing:
        self._connect()
        try:
            nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        except RayError as error:
            raise EngineUnavailable("ray", _said(error)) from error
        refuse_what_does_not_fit(job, max((int(node.get("memory", 0)) for node in nodes), default=0) or None)
        return _Tasks(self._engine_of, engine.profile.name, job, nodes)

    def close(self) -> None:
        with self._lock:
            if self._connected:
                ray.shutdown()
                self._connected = False

    def _connect(self) -> None:
        """Not before there is work: a worker that waits holds no cluster."""
        with self._lock:
            if self._connected and ray.is_initialized():
                return
            ours: dict[str, Any] = {"num_cpus": self._cpus, "object_store_memory": OBJECTS, "include_dashboard": False}
            try:
                ray.init(
                    address=self._address or "local",
                    ignore_reinit_error=True,
                    log_to_driver=False,
                    configure_logging=False,
                    **({} if self._address else ours),
                )
            except (RayError, OSError, RuntimeError, ValueError) as error:
                raise EngineUnavailable("ray", _said(error)) from error
            self._connected = True


class _Tasks:
    """A thread for each task that Ray is given waits for its end."""

    def __init__(self, engine_of: EngineOf, engine: str, job: Job, nodes: list[dict[str, float]]) -> None:
        self._engine_of, self._engine, self._job = engine_of, engine, job
        cpus = sum(node.get("CPU", 0.0) for node in nodes)
        self._memory = max((node.get("memory", 0.0) for node in nodes), default=0.0)
        window = max(1, min(MOST_TASKS, round(cpus * TASKS_FOR_EACH_CPU)))
        self._pool = ThreadPoolExecutor(max_workers=window, thread_name_prefix="ray-task")
        self._lock, self._running = Lock(), set[Any]()

    def submit(self, unit: Unit, prepared: Mapping[str, bytes]) -> Future[bytes]:
        return self._pool.submit(self._run, unit, prepared)

    def close(self, *, wait: bool) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        if not wait:
            with self._lock:
                running = list(self._running)
            for task in running:
                ray.cancel(task)
        # Cancelled, they end as soon as Python has its turn in them; a stopping process does not look on.
        self._pool.shutdown(wait=wait)

    def _run(self, unit: Unit, prepared: Mapping[str, bytes]) -> bytes:
        # One that asks for more than any machine has would wait for ever.
        memory = min(unit.memory, int(self._memory))
        options = _task.options(name=f"prepare {unit.name}", memory=memory or None)
        try:
            task = options.remote(self._engine_of, self._engine, self._job, unit, dict(prepared))
            with self._lock:
                self._running.add(task)
            outcome: bytes | Refusal = ray.get(task)
        except RayTaskError as error:
            # A fault in the task itself, as it would have come from a thread.
            raise RuntimeError(f"{type(error.cause).__name__}: {error.cause}") from error
        except RayError as error:
            raise EngineUnavailable("ray", _said(error)) from error
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome


@ray.remote(num_cpus=1, max_retries=ATTEMPTS_OF_A_TASK)
def _task(engine_of: EngineOf, engine: str, job: Job, unit: Unit, prepared: dict[str, bytes]) -> bytes | Refusal:
    """Refusals are results: raised, Ray would wrap them."""
    try:
        return engine_of(engine).prepare(job, unit, prepared)
    except Refusal as refusal:
        # What it was raised from may be an error of a library that cannot be sent.
        return refusal.with_traceback(None)


def _said(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
