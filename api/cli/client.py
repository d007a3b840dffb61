"""Talking to the service over HTTP, for the command line."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from api.http.wire import FINISHED, ErrorBody, OperationBody

SECONDS_OF_ONE_POLL = 20
SECONDS_WITHOUT_AN_ANSWER = 30.0
"""How long a service that does not answer is asked again before following gives up."""


class ServiceError(Exception):
    """What the service answered instead, or that it did not answer."""

    def __init__(self, message: str, body: ErrorBody | None = None) -> None:
        super().__init__(message)
        self.body = body


class Client:
    """Calls of one service with one token. Raises ServiceError."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=SECONDS_OF_ONE_POLL + 20
        )
        self._url = url

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, **query: Any
    ) -> Any:
        """The decoded answer, None for an empty one."""
        content = None if body is None else msgspec.json.encode(body)
        sent = {**(headers or {}), **({"Content-Type": "application/json"} if content is not None else {})}
        asked = {name: value for name, value in query.items() if value is not None}
        try:
            answer = self._http.request(method, path, content=content, headers=sent, params=asked)
        except httpx.HTTPError as error:
            reason = f"{self._url} does not answer: {error}. Is it running? (schemaledger serve)"
            raise ServiceError(reason) from error
        if answer.is_error:
            raise _error(answer)
        return msgspec.json.decode(answer.content) if answer.content else None

    def all(self, path: str, member: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every element of a list, page by page."""
        token = None
        while True:
            page = self.call("GET", path, pageToken=token, pageSize=200, **query)
            yield from page[member]
            token = page.get("nextPageToken")
            if token is None:
                return

    def table_id(self, table: str) -> str:
        """The id of a table given as its id or as ``dataset.name``."""
        dataset, dot, name = table.partition(".")
        if not dot:
            return table
        found = self.call("GET", "/dataset-tables", datasetId=dataset, name=name)["tables"]
        if not found:
            raise ServiceError(
                f"There is no table '{name}' in dataset '{dataset}'. `schemaledger tables list` shows all."
            )
        return str(found[0]["tableId"])

    def follow(self, operation_id: str, seconds: float | None = None) -> Iterator[OperationBody]:
        """The operation now and at every change, until it is finished or the seconds are over."""
        deadline = None if seconds is None else time.monotonic() + seconds
        wait = 0
        answered = time.monotonic()
        while True:
            try:
                seen = self.call("GET", f"/operations/{operation_id}", wait=wait)
            except ServiceError as error:
                lasting = time.monotonic() - answered > SECONDS_WITHOUT_AN_ANSWER
                if lasting or (error.body is not None and not error.body.retryable):
                    raise
                time.sleep(0.5)
                continue
            answered = time.monotonic()
            operation = msgspec.convert(seen, OperationBody)
            yield operation
            remaining = None if deadline is None else deadline - time.monotonic()
            if operation.status in FINISHED or (remaining is not None and remaining <= 0):
                return
            wait = SECONDS_OF_ONE_POLL if remaining is None else max(1, min(SECONDS_OF_ONE_POLL, int(remaining)))


def _error(answer: httpx.Response) -> ServiceError:
    try:
        body = msgspec.json.decode(answer.content, type=ErrorBody)
    except msgspec.MsgspecError:
        return ServiceError(f"{answer.request.url} answered {answer.status_code}.")
    violations = (body.details or {}).get("violations", [])
    lines = [f"  {violation['pointer'] or '/'}: {violation['message']}" for violation in violations]
    return ServiceError("\n".join([f"{body.error} ({body.code})", *(lines if len(lines) > 1 else [])]), body)


def read_token(path: Path) -> str:
    """Raises ServiceError when there is no token to use."""
    try:
        return path.read_text().strip()
    except OSError:
        raise ServiceError(
            f"There is no token: set SCHEMALEDGER_TOKEN, or start the service once, which writes {path}."
        ) from None
