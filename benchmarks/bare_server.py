"""The peer of what is measured over HTTP: the same server and framework with two handlers that do one statement each.

``python -m benchmarks.bare_server URL PORT``. Server, threads and number of connections are as the service's own; the
rest is written as the documents of framework and driver show it, so that what we tune for ourselves moves no peer.
There is no authorisation, no plan, no view: a row goes in, a row comes out.
"""

import asyncio
import signal
import sys
from typing import Any
from uuid import UUID, uuid4

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar, get, post
from litestar.params import FromPath, RawBody
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

CREATE = """
CREATE TABLE IF NOT EXISTS bare_rows (
    id uuid PRIMARY KEY, body text NOT NULL, made_at timestamptz NOT NULL DEFAULT clock_timestamp())
"""
INSERT = "INSERT INTO bare_rows (id, body) VALUES (%(id)s, %(body)s)"
SELECT = "SELECT id, body, made_at FROM bare_rows WHERE id = %(id)s"


CONNECTIONS = 8

Pool = ConnectionPool[Connection[DictRow]]


def create_app(pool: Pool) -> Litestar:
    @post("/rows", status_code=202, sync_to_thread=True)
    def insert(body: RawBody) -> dict[str, Any]:
        row = {"id": uuid4(), "body": body.decode()}
        with pool.connection() as connection:
            connection.execute(INSERT, row)
        return {"id": row["id"]}

    @get("/rows/{row_id:str}", sync_to_thread=True)
    def select(row_id: FromPath[str]) -> dict[str, Any]:
        with pool.connection() as connection:
            found = connection.execute(SELECT, {"id": UUID(row_id)}).fetchone()
        assert found is not None
        return found

    return Litestar([insert, select], openapi_config=None, logging_config=None)


async def serve(url: str, port: int) -> None:
    settings = {"autocommit": True, "row_factory": dict_row}
    pool: Pool = ConnectionPool(url, min_size=1, max_size=CONNECTIONS, kwargs=settings, open=True)
    with pool.connection() as connection:
        connection.execute(CREATE)
    server = Server(create_app(pool), "127.0.0.1", port, interface=Interfaces.ASGI, backlog=1_024, log_enabled=False)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
