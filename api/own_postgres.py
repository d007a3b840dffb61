"""The database that a command works on: the one in the settings, or a PostgreSQL of our own that ends with the command.

Composed here, and not in groundwork.py, which imports what speaks to PostgreSQL: meanwhile ours makes its folder.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from adapters.embedded_postgres import EmbeddedPostgres
from api.settings import Settings


class Postgres(Protocol):
    """A PostgreSQL, ours or not."""

    def start(self) -> str:
        """Waits until it answers, and says its URL."""

    def revive(self) -> bool:
        """Whether it had ended and was ours to start again. Raises LogUnavailable when that fails."""


class Elsewhere:
    """Implements ``Postgres`` for one that others run."""

    def __init__(self, url: str) -> None:
        self._url = url

    def start(self) -> str:
        return self._url

    def revive(self) -> bool:
        return False


@contextmanager
def beginning(settings: Settings) -> Iterator[Postgres]:
    """Sets about the database; ours ends with the context."""
    if settings.database_url is not None:
        yield Elsewhere(settings.database_url)
        return
    postgres = EmbeddedPostgres(settings.data_dir / "postgres")
    try:
        postgres.begin()
        yield postgres
    finally:
        postgres.stop()


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of a database that answers."""
    with beginning(settings) as postgres:
        yield postgres.start()
