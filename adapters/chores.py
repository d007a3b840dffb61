"""The bookkeeping beside the log, in SQL: whose turn a chore is, leases mended, old operations taken off the lists."""

from datetime import timedelta

from adapters.postgres.connecting import WatchedConnection
from adapters.postgres.database import Database, unhurried
from adapters.postgres.statements import Statement, run
from adapters.system import SystemClock
from domain.examination import Bookkeeping
from domain.ports import Clock

DUE = """
INSERT INTO chores (name, done_at) VALUES (%(name)s, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET done_at = clock_timestamp()
-- In the future: the clock was set back since.
WHERE chores.done_at <= clock_timestamp() - %(every)s OR chores.done_at > clock_timestamp() + interval '1 minute'
RETURNING name
"""
UNFINISHED = "status IN ('pending', 'running')"
LOOK = f"""
SELECT
    (SELECT coalesce(max(notification_id), 0) - count(*) FROM stored_events) AS missing_positions,
    (SELECT count(*) FROM operation_status_v1 AS operation WHERE {UNFINISHED} AND NOT EXISTS (
        SELECT FROM operation_leases WHERE operation_id = operation.operation_id)) AS unleased,
    (SELECT count(*) FROM operation_leases AS lease WHERE NOT EXISTS (
        SELECT FROM operation_status_v1 WHERE operation_id = lease.operation_id AND {UNFINISHED})) AS idle_leases,
    coalesce((SELECT extract(epoch FROM recorded_at - clock_timestamp())
        FROM stored_events ORDER BY notification_id DESC LIMIT 1), 0)::float AS seconds_ahead,
    extract(epoch FROM clock_timestamp() - %(now)s)::float AS clock_difference,
    (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') AS commits,
    current_setting('fsync')::boolean AS fsync
"""  # noqa: S608  # only our own SQL is put together
IDLE = f"""
DELETE FROM operation_leases AS lease WHERE NOT EXISTS (
    SELECT FROM operation_status_v1 WHERE operation_id = lease.operation_id AND {UNFINISHED})
"""  # noqa: S608
MISSING = f"""
INSERT INTO operation_leases (operation_id, position, table_id, attempt, held)
SELECT operation_id, position, table_id, coalesce(attempt, 0), awaits IS NOT NULL
FROM operation_status_v1 WHERE {UNFINISHED}
ON CONFLICT (operation_id) DO NOTHING
"""  # noqa: S608
HELD = """
UPDATE operation_leases AS lease SET held = (awaits IS NOT NULL), turn = CASE WHEN awaits IS NULL THEN turn END
FROM operation_status_v1 AS operation
WHERE operation.operation_id = lease.operation_id AND held <> (awaits IS NOT NULL)
"""
TURNS = """
UPDATE operation_leases AS first SET turn = position
WHERE turn IS NULL AND NOT held AND NOT EXISTS (
    SELECT FROM operation_leases AS earlier
    WHERE earlier.table_id = first.table_id AND NOT earlier.held AND earlier.position < first.position)
"""
MENDING = (IDLE, MISSING, HELD, TURNS)
MENDED = 3
"""How many of them, from the first, mend something; the last only says whose turn it is then."""
FORGET = f"""
DELETE FROM operation_status_v1 WHERE NOT {UNFINISHED} AND completed_at < clock_timestamp() - %(older_than)s
"""  # noqa: S608

THIN = "SELECT seal_checkpoints_thin() AS gone"


class PostgresChores:
    """Implements ``Chores``. ``lock`` is the statement that keeps appends away while leases are mended."""

    def __init__(self, database: Database, lock: str, host_clock: Clock | None = None) -> None:
        self._database, self._lock, self._host_clock = database, lock, host_clock or SystemClock()

    def due(self, name: str, every: timedelta) -> bool:
        statement = Statement(DUE, {"name": name, "every": every})
        return self._database.write(lambda connection: run(connection, statement).first) is not None

    def look(self) -> Bookkeeping:
        def look(connection: WatchedConnection) -> Bookkeeping:
            with unhurried(connection):
                row = run(connection, Statement(LOOK, {"now": self._host_clock.now()})).first
            assert row is not None
            return Bookkeeping(**row)

        return self._database.read(look)

    def mend_leases(self) -> int:
        # One message, one transaction: nobody begins or ends an operation meanwhile, and nobody waits for a process
        # that is paused in between.
        message = ";\n".join((self._lock, *MENDING))

        def mend(connection: WatchedConnection) -> int:
            with unhurried(connection):
                cursor, counts = connection.execute(message.encode()), list[int]()
                while cursor.nextset():
                    counts.append(cursor.rowcount)
                return sum(counts[:MENDED])

        return self._database.write(mend)

    def forget_operations(self, older_than: timedelta) -> int:
        def forget(connection: WatchedConnection) -> int:
            with unhurried(connection):
                return run(connection, Statement(FORGET, {"older_than": older_than})).changed

        return self._database.write(forget)

    def thin_checkpoints(self) -> int:
        row = self._database.write(lambda connection: run(connection, Statement(THIN, {})).first)
        return int(row["gone"]) if row else 0
