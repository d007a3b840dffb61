"""The engines there are, made by name: here, or in a process on another machine."""

from collections.abc import Mapping

from domain.engine import TableEngine
from domain.errors import EngineUnknown


class Engines:
    """Makes engines. Pickled, it takes the storage options along; shown, it does not."""

    def __init__(self, storage_options: Mapping[str, str]) -> None:
        self._storage_options = dict(storage_options)

    def __call__(self, name: str) -> TableEngine:
        """Raises EngineUnknown."""
        if name != "lance":
            raise EngineUnknown(name, "lance")
        from adapters.engines.lance_tables.engine import LanceEngine

        return LanceEngine(self._storage_options)
