"""Looking at an operation: as it is, or once it is no longer what it was on arrival."""

import asyncio
from typing import Any
from uuid import UUID

from litestar import Request

from api.http.waiting import Caller, Waiting
from api.http.wire import FINISHED
from domain.access import Principal
from domain.errors import OperationNotFound
from domain.handlers.house import House
from domain.handlers.operations import operation_view
from domain.views import OperationView

Asking = Request[Principal, Any, Any]


class Looking:
    """One thing to ask for, as the framework makes a group of tasks for two, at every request."""

    def __init__(self, house: House, waiting: Waiting) -> None:
        self._house, self._waiting = house, waiting

    async def operation(
        self, request: Asking, operation_id: UUID, seconds: float, table_id: UUID | None = None
    ) -> OperationView:
        """Waits that long for a change, unless it has ended. Raises OperationNotFound."""
        first = await asyncio.to_thread(found_operation, self._house, operation_id, table_id)
        if seconds == 0 or first.status in FINISHED:
            return first

        def look() -> OperationView:
            return found_operation(self._house, operation_id, table_id)

        caller = Caller(request.user.subject, request.receive)
        return await self._waiting.until(
            look, lambda view: view.version != first.version, operation_id, seconds, caller
        )


def found_operation(house: House, operation_id: UUID, table_id: UUID | None = None) -> OperationView:
    """The operation, of this table where one is given. Raises OperationNotFound."""
    view = operation_view(house, operation_id)
    if table_id is not None and view.table_id != table_id:
        raise OperationNotFound(str(operation_id))
    return view
