"""One PostgreSQL for the whole run, one database for each test that asks, cloned from a prepared template.

Without DATABASE_URL the server is an embedded one that the controlling process starts and stops; with it, the tests
make their databases on that server and drop them again.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import hypothesis
import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.event_log.recorder import LOG_SQL
from adapters.postgres.preparing import prepare_database

SERVER = "SCHEMALEDGER_TEST_SERVER"
TEMPLATE = "SCHEMALEDGER_TEST_TEMPLATE"

# Nothing here depends on time, however busy the machine is.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")

_started: list[tuple[EmbeddedPostgres, Path]] = []


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    url = os.environ.get("DATABASE_URL")
    if url is None:
        folder = Path(tempfile.mkdtemp(prefix="schemaledger-tests-"))
        server = EmbeddedPostgres(folder / "postgres")
        url = server.start()
        _started.append((server, folder))
        # Nothing here outlives the run, so nothing has to reach the disk; what a crash leaves is tested elsewhere.
        _execute(url, "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET max_connections = 300")
        # The number of connections is taken up by a start only.
        url = server.restart()
    template = f"schemaledger_template_{uuid4().hex[:12]}"
    _execute(url, f"CREATE DATABASE {template}")
    prepare_database(database_on(url, template), LOG_SQL)
    os.environ[SERVER], os.environ[TEMPLATE] = url, template


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.scheduling import Scheduling

    return Scheduling(config, log)


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or SERVER not in os.environ or config.option.collectonly:
        return
    if not _started:
        _execute(os.environ[SERVER], f"DROP DATABASE {os.environ[TEMPLATE]} WITH (FORCE)")
    for server, folder in _started:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    _started.clear()


@pytest.fixture
def database_url() -> Iterator[str]:
    """A prepared, empty database of its own."""
    with fresh_database() as url:
        yield url


@contextmanager
def fresh_database() -> Iterator[str]:
    """What ``database_url`` is, for as long as the context."""
    url, name = os.environ[SERVER], f"schemaledger_test_{uuid4().hex[:12]}"
    _execute(url, f"CREATE DATABASE {name} TEMPLATE {os.environ[TEMPLATE]}")
    yield database_on(url, name)
    _execute(url, f"DROP DATABASE {name} WITH (FORCE)")


def database_on(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
