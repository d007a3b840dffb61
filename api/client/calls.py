"""Calls of the service over HTTP: bytes and JSON, errors as exceptions, nothing more."""

import builtins
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import httpx
import msgspec

from api.client.errors import NoAnswer as NoAnswer
from api.client.errors import NobodyThere, NotFound, refusal
from api.client.errors import ServiceError as ServiceError
from api.http.wire import ErrorBody, OperationBody

SECONDS_OF_ONE_CALL = 40.0
SECONDS_TO_BEGIN = 600.0
"""Of an answer of any size: evidence is looked through as a whole before its first byte."""
LEAST_PATIENCE = 0.05

SECONDS_OF_PATIENCE = 15.0
"""For how long a call is made again that may succeed later, where a repeat does no harm."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
IDEMPOTENCY_KEY = "Idempotency-Key"
HARMLESS = ("GET", "HEAD", "PUT", "DELETE")
"""Methods whose calls mean the same when they come twice."""
NOT_CARRIED_OUT = (409, 429)
"""Statuses that say that nothing was done: whatever the call was, it may come again."""


class Client:
    """Calls of one service with one token. Raises ServiceError.

    A call that the service says may succeed later, or that lost its connection, is made again for a while: where it
    changes nothing, has an idempotency key, or was certainly not carried out.
    """

    def __init__(
        self,
        url: str,
        token: str,
        patience: float = SECONDS_OF_PATIENCE,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ServiceError(f"'{url}' is no URL of a service; one is like http://127.0.0.1:8080.")
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=SECONDS_OF_ONE_CALL
        )
        self._url, self._patience, self._clock, self._sleep = url, patience, clock, sleep

    def close(self) -> None:
        self._http.close()

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, **query: Any
    ) -> Any:
        """The decoded answer, None for an empty one."""
        content = self.bytes(method, path, body, headers, **query)
        return msgspec.json.decode(content) if content else None

    def bytes(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, **query: Any
    ) -> bytes:
        """The answer as it came."""
        content = None if body is None else msgspec.json.encode(body)
        sent = {**(headers or {}), **({"Content-Type": "application/json"} if content is not None else {})}
        asked = {name: value for name, value in query.items() if value is not None}
        harmless = method in HARMLESS or IDEMPOTENCY_KEY in sent
        deadline, pause = self._clock() + self._patience, FIRST_PAUSE
        while True:
            try:
                return self._once(method, path, content, sent, asked)
            except ServiceError as error:
                after = max(pause, error.retry_after or 0.0)
                if not _may_come_again(error, harmless) or self._clock() + after > deadline:
                    raise
            self._sleep(after)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _once(
        self, method: str, path: str, content: builtins.bytes | None, headers: dict[str, str], query: dict[str, Any]
    ) -> builtins.bytes:
        try:
            answer = self._http.request(method, path, content=content, headers=headers, params=query)
        except httpx.ConnectError as error:
            raise NobodyThere(f"{self._url} does not answer: {error}. Is it running? (schemaledger serve)") from error
        except httpx.HTTPError as error:
            raise NoAnswer(f"{self._url} did not answer: {error or type(error).__name__}.") from error
        if answer.is_error:
            raise _error(answer)
        return answer.content

    def text(self, path: str) -> str:
        return self.bytes("GET", path).decode()

    def copy(self, path: str, out: BinaryIO, **query: Any) -> None:
        """Writes an answer of any size as it comes."""
        with self._streamed(path, query) as answer:
            out.writelines(answer.iter_bytes())
            out.flush()

    def download(self, path: str, file: Path | None, **query: Any) -> Path:
        """Writes an answer of any size to the file, or to one of the name the service gives it, and says where.

        What breaks off leaves nothing behind.
        """
        with self._streamed(path, query) as answer:
            place = file or Path(answer.headers["content-disposition"].split('"')[1]).name
            return _written(Path(place), answer.iter_bytes())

    @contextmanager
    def _streamed(self, path: str, query: dict[str, Any]) -> Iterator[httpx.Response]:
        asked = {name: value for name, value in query.items() if value is not None}
        try:
            timeout = httpx.Timeout(SECONDS_OF_ONE_CALL, read=SECONDS_TO_BEGIN)
            with self._http.stream("GET", path, params=asked, timeout=timeout) as answer:
                if answer.is_error:
                    answer.read()
                    raise _error(answer)
                yield answer
        except httpx.HTTPError as error:
            raise NoAnswer(f"{self._url} did not answer to the end: {error}.") from error

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
            raise NotFound(f"There is no table '{name}' in dataset '{dataset}'. `schemaledger tables list` shows all.")
        return str(found[0]["tableId"])

    def events(self, operation_id: str, after: int, patience: float) -> Iterator[tuple[int, OperationBody] | None]:
        """The operation's events above version ``after``: version, and the operation as it was then.

        None stands for a sign of life. Raises ServiceError, also after ``patience`` seconds of silence; ends when the
        service ends the stream.
        """
        path, headers = f"/operations/{operation_id}/events", {"Last-Event-ID": str(after)}
        timeout = httpx.Timeout(SECONDS_OF_ONE_CALL, read=max(patience, LEAST_PATIENCE))
        try:
            with self._http.stream("GET", path, headers=headers, timeout=timeout) as answer:
                if answer.is_error:
                    answer.read()
                    raise _error(answer)
                yield from _events(answer.iter_lines())
        except httpx.HTTPError as error:
            raise NoAnswer(f"{self._url} does not answer: {error}.") from error


def _written(place: Path, pieces: Iterable[bytes]) -> Path:
    half = place.with_name(f"{place.name}.part")
    try:
        with half.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        return half.rename(place)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def _events(lines: Iterable[str]) -> Iterator[tuple[int, OperationBody] | None]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "id" in fields:
            yield int(fields["id"]), msgspec.json.decode(fields["data"], type=OperationBody)
        else:
            yield None
        fields = {}


def _may_come_again(error: ServiceError, harmless: bool) -> bool:
    if isinstance(error, NoAnswer):
        # Nobody there at all is told at once: most often the service was not started.
        return harmless and not isinstance(error, NobodyThere)
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        # A fault stays one for longer than anybody waits.
        return False
    return error.retryable and (harmless or error.status in NOT_CARRIED_OUT)


def _error(answer: httpx.Response) -> ServiceError:
    try:
        body = msgspec.json.decode(answer.content, type=ErrorBody)
    except msgspec.MsgspecError:
        body = None
    found = refusal(answer.status_code, str(answer.request.url), body)
    after = answer.headers.get("retry-after", "")
    found.retry_after = float(after) if after.isdigit() else None
    return found


def new_key() -> str:
    """An idempotency key that nobody had before."""
    return uuid4().hex


def read_token(path: Path) -> str:
    """Raises ServiceError when there is no token to use."""
    try:
        return path.read_text().strip()
    except OSError:
        raise ServiceError(
            f"There is no token: set SCHEMALEDGER_TOKEN, or start the service once, which writes {path}."
        ) from None
