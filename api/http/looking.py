"""Looking at an operation: as it is, or once it is no longer what it was on arrival."""

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Request

from api.http.waiting import Caller, Waiting
from api.http.wire import FINISHED
from domain.access import Principal
from domain.errors import OperationNotFound
from domain.handlers.house import House
from domain.handlers.operations import operation_view
from domain.views import Glances, OperationView

Asking = Request[Principal, Any, Any]


class Looking:
    """One thing to ask for, as the framework makes a group of tasks for two, at every request."""

    def __init__(self, house: House, glances: Glances, waiting: Waiting) -> None:
        self._house, self._glances, self._waiting = house, glances, waiting

    async def operation(
        self, request: Asking, operation_id: UUID, seconds: float, table_id: UUID | None = None
    ) -> OperationView:
        """Waits that long for a change, unless it has ended. Raises OperationNotFound."""
        look = partial(self._found, operation_id, table_id)
        first = await look()
        if seconds == 0 or first.status in FINISHED:
            return first
        caller = Caller(request.user.caller, request.receive)
        return await self._waiting.until(
            look, lambda view: view.version != first.version, operation_id, seconds, caller
        )

    async def _found(self, operation_id: UUID, table_id: UUID | None) -> OperationView:
        view = await self._glances.operation(operation_id)
        if view is None:
            # No longer listed: told from the log.
            view = await asyncio.to_thread(operation_view, self._house, operation_id)
        return _of_table(view, table_id)


def found_operation(house: House, operation_id: UUID, table_id: UUID | None = None) -> OperationView:
    """The operation, of this table where one is given. Raises OperationNotFound."""
    return _of_table(operation_view(house, operation_id), table_id)


def _of_table(view: OperationView, table_id: UUID | None) -> OperationView:
    if table_id is not None and view.table_id != table_id:
        raise OperationNotFound(str(view.operation_id))
    return view
