"""The engines there are, made by name: here, or in a process on another machine."""

from collections.abc import Callable, Iterator, Mapping
from threading import Lock

from domain.engine import TableEngine
from domain.errors import EngineUnknown

NAMES = ("lance",)


class Engines:
    """Makes engines. Pickled, it takes the storage options along; shown, it does not.

    ``allowed`` follows the links of a location, and raises LocationNotAllowed where they lead elsewhere.
    """

    def __init__(self, storage_options: Mapping[str, str], allowed: Callable[[str], str]) -> None:
        self._storage_options, self._allowed = dict(storage_options), allowed

    def __call__(self, name: str) -> TableEngine:
        """Raises EngineUnknown."""
        if name not in NAMES:
            raise EngineUnknown(name, ", ".join(NAMES))
        from adapters.engines.lance_tables.engine import LanceEngine

        return LanceEngine(self._storage_options, self._allowed)


class LateEngines(Mapping[str, TableEngine]):
    """Engines that are made when they are first asked for: to import one takes longer than a service's start may."""

    def __init__(self, engines: Callable[[str], TableEngine]) -> None:
        self._engines, self._made, self._lock = engines, dict[str, TableEngine](), Lock()

    def __getitem__(self, name: str) -> TableEngine:
        if name not in self._made:
            if name not in NAMES:
                raise KeyError(name)
            with self._lock:
                if name not in self._made:
                    self._made[name] = self._engines(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)
