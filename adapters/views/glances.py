"""Single operations, looked at from the event loop: what is asked for most."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from adapters.postgres.database import with_texts
from adapters.postgres.locked_texts import OPENING
from adapters.postgres.looks import Looks
from adapters.views.reading import ONE_OPERATION
from domain.views import OperationView


class PostgresGlances:
    """Implements ``Glances``. ``show`` makes of a stored text what people may read."""

    def __init__(self, url: str, show: Callable[[str], str]) -> None:
        self._looks, self._show = Looks(url, ONE_OPERATION), show

    async def operation(self, operation_id: UUID) -> OperationView | None:
        row = await self._looks.row({"id": operation_id})
        if row is None:
            return None
        if any(isinstance(value, str) and OPENING in value for value in row.values()):
            # The key may have to be fetched.
            row = await asyncio.to_thread(with_texts, row, self._show)
        return OperationView(**row)

    def close(self) -> None:
        self._looks.close()
