"""The engines there are, made by name: here, or in a process on another machine."""

from domain.engine import TableEngine
from domain.errors import EngineUnknown


def engine_named(name: str) -> TableEngine:
    """Raises EngineUnknown."""
    if name != "lance":
        raise EngineUnknown(name, "lance")
    from adapters.engines.lance_tables.engine import LanceEngine

    return LanceEngine()
