"""Which tests one process runs together. The others go one by one to whoever is free.

pytest-xdist 3.8 has a mark for it, which is without effect under pytest 9.2 (pytest-dev/pytest-xdist#1386).
"""

from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "tests/acceptance/test_slow_clients.py",
    "tests/api/test_object_stores.py",
    "tests/api/test_ray.py",
    "tests/contracts/engines/test_matrix.py",
}
"""What the first test of the file makes is for all of them, and dear."""


class Scheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in TOGETHER else nodeid
