"""The database that a command works on: the one in the settings, or a PostgreSQL of our own that ends with the command.

Composed here, and not in groundwork.py, which imports what speaks to PostgreSQL: meanwhile ours makes its folder.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adapters.embedded_postgres import EmbeddedPostgres
from api.settings import Settings


@contextmanager
def beginning(settings: Settings) -> Iterator[Callable[[], str]]:
    """Sets about the database; what is given waits until it answers, and says its URL."""
    if settings.database_url is not None:
        url = settings.database_url
        yield lambda: url
        return
    postgres = EmbeddedPostgres(settings.data_dir / "postgres")
    try:
        postgres.begin()
        yield postgres.start
    finally:
        postgres.stop()


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of a database that answers."""
    with beginning(settings) as url:
        yield url()
