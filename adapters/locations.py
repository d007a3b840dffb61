"""Where tables may lie: folders under the allowed roots of this machine."""

import re
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from domain.errors import LocationNotAllowed


class LocalLocations:
    """Implements ``Locations``. The first root is where tables that the service makes by itself lie."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(root.resolve() for root in roots)

    def managed(self, table_id: UUID, engine: str, name: str) -> str:
        readable = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40].strip("-") or "table"
        return str(self._roots[0] / f"{readable}-{table_id}.{engine}")

    def allowed(self, location: str) -> str:
        if "\0" in location or "://" in location:
            raise self._refusal(location)
        path = Path(location)
        # Relative locations are meant from the first root; links are followed before the roots are compared.
        resolved = (path if path.is_absolute() else self._roots[0] / path).resolve()
        if not any(root in resolved.parents for root in self._roots):
            raise self._refusal(location)
        return str(resolved)

    def _refusal(self, location: str) -> LocationNotAllowed:
        return LocationNotAllowed(location, ", ".join(map(str, self._roots)))
