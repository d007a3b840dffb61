"""A log of many events, written straight into PostgreSQL, for what is measured about the seal."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from adapters.event_log.recorder import LOG_SQL
from adapters.postgres.database import connected
from adapters.postgres.preparing import prepare_database
from adapters.postgres.statements import Connection
from adapters.sealing.copy import OutsideCopy
from adapters.sealing.sealer import Sealer
from adapters.sealing.signing import KeyFiles
from benchmarks.services import postgres

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
IN_A_STREAM = 10
FILL = """
INSERT INTO stored_events (originator_id, originator_version, topic, state)
SELECT md5((n / %(in_a_stream)s)::text)::uuid, n %% %(in_a_stream)s + 1, 'operation.progressed',
    convert_to(format('{"event_id":"%%s","actor":"admin","reason":"measured","percent":50.0,"rows_done":%%s}',
        gen_random_uuid(), n), 'UTF8')
FROM generate_series(0, %(events)s - 1) AS n ORDER BY n
"""


class SealedLog(NamedTuple):
    url: str
    connection: Connection
    keys: KeyFiles
    outside: OutsideCopy

    def sealer(self) -> Sealer:
        return Sealer(self.keys, self.outside)

    def forget(self) -> None:
        """As if nothing had been sealed."""
        self.connection.execute("TRUNCATE seal_tiles, seal_checkpoints, seal_copies")
        self.outside.path.unlink(missing_ok=True)


@contextmanager
def filled_log(events: int = EVENTS) -> Iterator[SealedLog]:
    with postgres() as url, tempfile.TemporaryDirectory() as folder:
        prepare_database(url, LOG_SQL)
        keys = KeyFiles(Path(folder) / "key")
        keys.make()
        with connected(url) as connection:
            connection.execute(FILL.encode(), {"events": events, "in_a_stream": IN_A_STREAM})
            connection.execute("ANALYZE stored_events")
            yield SealedLog(url, connection, keys, OutsideCopy(Path(folder) / "copy"))
