"""The peer of what is measured over HTTP: the same server and framework with two handlers that do one statement each.

``python -m benchmarks.bare_server URL PORT``. Connections, threads and server are set up as the service's own are:
there is no authorisation, no plan, no view: a row goes in, a row comes out.
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

from adapters.postgres.database import Database, Statement, run

CREATE = """
CREATE TABLE IF NOT EXISTS bare_rows (
    id uuid PRIMARY KEY, body text NOT NULL, made_at timestamptz NOT NULL DEFAULT clock_timestamp())
"""
INSERT = "INSERT INTO bare_rows (id, body) VALUES (%(id)s, %(body)s)"
SELECT = "SELECT id, body, made_at FROM bare_rows WHERE id = %(id)s"


def create_app(database: Database) -> Litestar:
    @post("/rows", status_code=202, sync_to_thread=True)
    def insert(body: RawBody) -> dict[str, Any]:
        row = {"id": uuid4(), "body": body.decode()}
        database.write(lambda connection: run(connection, Statement(INSERT, row)))
        return {"id": row["id"]}

    @get("/rows/{row_id:str}", sync_to_thread=True)
    def select(row_id: FromPath[str]) -> dict[str, Any]:
        found = database.row(SELECT, {"id": UUID(row_id)})
        assert found is not None
        return found

    return Litestar([insert, select], openapi_config=None, logging_config=None)


async def serve(url: str, port: int) -> None:
    database = Database(url)
    database.write(lambda connection: connection.execute(CREATE))
    server = Server(
        create_app(database), "127.0.0.1", port, interface=Interfaces.ASGI, backlog=1_024, log_enabled=False
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
