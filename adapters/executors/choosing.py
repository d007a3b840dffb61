"""Which executor prepares units: threads of the worker, or the tasks of a Ray cluster."""

import os
from collections.abc import Callable

from adapters.executors.local import LocalExecutor, be_frugal, memory_of_this_machine
from domain.engine import Executor, TableEngine


def local_executor(threads: int, memory: int | None, workers: int) -> Executor:
    """Threads that hold at most ``memory`` bytes; None: half of the machine's, shared by so many workers."""
    if memory is not None:
        be_frugal(memory)
    return LocalExecutor(threads or os.cpu_count() or 1, memory or memory_of_this_machine() // 2 // max(1, workers))


def ray_executor(engine_of: Callable[[str], TableEngine], address: str | None, threads: int) -> Executor:
    """Raises ValueError when Ray is not installed."""
    try:
        from adapters.executors.ray_cluster import RayExecutor
    except ModuleNotFoundError as error:
        raise ValueError("The executor is 'ray', which is not installed: pip install 'schemaledger[ray]'.") from error
    return RayExecutor(engine_of, address, threads or os.cpu_count() or 1)
