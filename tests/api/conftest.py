"""The real application over a real database, with a worker of its own beside it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.arrow.late import ipc_schema, parquet_file
from api.compose import composed, vital_signs, working
from api.groundwork import prepare
from api.http.app import create_app
from api.http.limits import OpenCalls
from api.metrics import Exposition
from api.settings import Settings
from api.stopping import Ending
from domain.trail.events import TrailFact


def settings_for(folder: Path, url: str, **more: Any) -> Settings:
    return Settings(
        data_dir=folder,
        host="127.0.0.1",
        port=0,
        database_url=url,
        table_roots=(folder / "tables",),
        api_processes=1,
        worker_processes=1,
        webhook_allow=("127.0.0.1",),
        **more,
    )


class Api:
    """A caller with a good token."""

    def __init__(self, client: "TestClient[Litestar]", token: str, settings: Settings) -> None:
        self.client, self.token, self.settings = client, token, settings
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.client.get(path, headers=self.headers, params=query)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, headers={**self.headers, **named}, json=body)

    def new_table(self, name: str = "people") -> str:
        body = {
            "datasetId": "d",
            "tableName": name,
            "fields": [
                {"name": "id", "arrowType": "int64", "nullable": False},
                {"name": "name", "arrowType": "utf8"},
                {"name": "age", "arrowType": "int32"},
            ],
        }
        answer = self.post("/dataset-tables", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["tableId"])

    def migrate(self, table: str, *operations: dict[str, Any], **headers: str) -> httpx.Response:
        return self.post(f"/dataset-tables/{table}/migrations", {"operations": list(operations)}, **headers)

    def finished(self, operation_id: str) -> dict[str, Any]:
        """The operation once it has ended."""
        while True:
            seen = self.get(f"/operations/{operation_id}", wait=10).json()
            if seen["status"] in ("completed", "failed", "cancelled"):
                return dict(seen)

    def events(self) -> int:
        """How many events the log holds, but for those that only say what callers were refused or read."""
        with composed(self.settings, self.settings.database_url or "") as parts:
            events = parts.house.store.read(0, 100_000)
            return sum(not isinstance(event.fact, TrailFact) for event in events)


@contextmanager
def serving(database_url: str, folder: Path, *, open_calls: OpenCalls | None = None, **more: Any) -> Iterator[Api]:
    """The API without a worker over a prepared, empty database, its tables under ``folder``; ``more`` are settings."""
    settings = settings_for(folder, database_url, **more)
    prepare(settings, database_url)
    with composed(settings, database_url) as parts:
        assert parts.feed.listening.wait(20)
        app = create_app(
            parts.house,
            parts.tokens,
            parts.feed,
            parts.glances,
            ipc_schema,
            parquet_file,
            {"database": parts.database.problem},
            Exposition(vital_signs(parts.database)),
            rate_limit=settings.rate_limit,
            open_calls=open_calls,
            tracing=parts.tracing if settings.traces else None,
            trusted_proxies=settings.trusted_proxies,
        )
        with TestClient(app) as client:
            yield Api(client, settings.token_file.read_text().strip(), settings)


@contextmanager
def at_work(database_url: str, folder: Path, *, traces: bool = False) -> Iterator[None]:
    """A worker beside what ``serving`` gives, until the end of the block."""
    stop = Ending()
    with working(settings_for(folder, database_url, traces=traces), database_url, "w", stop) as made:
        thread = threading.Thread(target=made.work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.fixture
def idle_api(database_url: str, tmp_path: Path) -> Iterator[Api]:
    """The API without a worker: what is accepted stays pending."""
    with serving(database_url, tmp_path) as api:
        yield api


@pytest.fixture
def worker(database_url: str, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Starts a worker when called; it ends with the test."""
    with ExitStack() as ending:
        yield lambda: ending.enter_context(at_work(database_url, tmp_path))


@pytest.fixture
def api(idle_api: Api, worker: Callable[[], None]) -> Api:
    """The API with a worker."""
    worker()
    return idle_api
