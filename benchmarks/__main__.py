"""``make bench``: every benchmark, or the one named. A table for people, benchmarks/results.json for programs."""

import importlib
import os
import platform
import sys
from pathlib import Path

import msgspec

from benchmarks.measure import Result

NAMES = (
    *("append", "append_limit", "submit", "status", "pickup", "replay", "history", "load", "migrate"),
    *("seal", "verify", "idle", "cold", "growth"),
)
RESULTS = Path(__file__).parent / "results.json"


def main(names: list[str]) -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    results = []
    for name in names or NAMES:
        found: Result | list[Result] = importlib.import_module(f"benchmarks.{name}").measure()
        for result in found if isinstance(found, list) else [found]:
            results.append(result)
            verdict = "met" if result.met else "MISSED"
            print(
                f"{result.name:<9} {result.ours:>10.2f} {result.unit:<10} beside {result.peer:>10.2f} "
                f"({result.peer_name}): "
                f"{result.ratio:.2f} x, goal {result.goal}: {verdict}",
                flush=True,
            )
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode([result.row() for result in results]), indent=2))


if __name__ == "__main__":
    main([name for name in sys.argv[1:] if name])
