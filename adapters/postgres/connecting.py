"""How each connection of ours is opened, and what its session is set to, whatever the database has as its defaults.

psycopg 3.3, PostgreSQL 14 to 18.
"""

from typing import Any, NamedTuple

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq.abc import PGconn
from psycopg.rows import DictRow, dict_row

from adapters.postgres.deadlines import WATCHDOG, Line

SECONDS_TO_CONNECT = 2
SECONDS_FOR_AN_ANSWER = 12.0
"""After which a connection counts as lost. PostgreSQL itself gives a statement up a little earlier, and says so."""
SECONDS_FOR_A_LOCK = 3
"""How long a statement waits for somebody else's lock: a writer that hangs must not hang everybody for ever."""
SECONDS_FOR_LONG_WORK = 3_600.0
"""The same for work that reads or builds the whole of something: rebuilds, indexes, a look through the log."""
SECONDS_IDLE_IN_A_TRANSACTION = 15
"""After which the database ends a connection whose process says nothing in the midst of a transaction: one that is
paused keeps others from what it has locked for no longer."""
SECONDS_WITHOUT_A_WORD = 20
"""After which the database ends a session that holds an election, or listens, and says nothing: its process speaks
every few seconds."""

SETTINGS: dict[str, Any] = {
    "autocommit": True,
    "row_factory": dict_row,
    "client_encoding": "utf8",
    # The driver prepares nothing. Had it, it would deallocate all that is prepared in the session, by whomever, after a
    # ROLLBACK or DROP.
    "prepare_threshold": None,
}
NETWORK = {
    "connect_timeout": SECONDS_TO_CONNECT,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A host that vanished is noticed within half a minute. What the URL says itself goes before."""

HASTE = f"SET idle_in_transaction_session_timeout = '{SECONDS_IDLE_IN_A_TRANSACTION}s'"
SESSION = f"""
SET datestyle = 'ISO, MDY'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1;
SET standard_conforming_strings = on; SET default_transaction_isolation = 'read committed'; {HASTE};
SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
SET tcp_user_timeout = '20s';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
"""What we rely on. What was answered is on the disk: only a weaker promise is overruled, not a stronger one."""


class Kind(NamedTuple):
    """How long answers may take on a connection, and what else its session is set to."""

    seconds: float
    settings: str

    @property
    def session(self) -> str:
        # PostgreSQL gives up first, so that nothing of ours runs on after its connection was cut.
        limit = f"SET statement_timeout = '{self.seconds * 5 / 6:.0f}s'"
        return "; ".join((SESSION, limit, self.settings))


BRISK = Kind(SECONDS_FOR_AN_ANSWER, f"SET lock_timeout = '{SECONDS_FOR_A_LOCK}s'")
LONG = Kind(SECONDS_FOR_LONG_WORK, "")
ASIDE = Kind(SECONDS_FOR_LONG_WORK, "SET idle_in_transaction_session_timeout = 0")
"""Nobody waits for what a rebuild locks before its switch, and it thinks for long in the midst of a transaction."""
ELECTION = Kind(60.0, f"SET idle_session_timeout = '{SECONDS_WITHOUT_A_WORD}s'")
LISTENING = Kind(6.0, f"SET idle_session_timeout = '{SECONDS_WITHOUT_A_WORD}s'")


class WatchedConnection(psycopg.Connection[DictRow]):
    """A connection that waits for no answer for ever. ``open_connection`` opens it."""

    def __init__(self, pgconn: PGconn, *given: Any) -> None:
        super().__init__(pgconn, *given)
        self.line = Line(pgconn.socket, SECONDS_FOR_AN_ANSWER)
        WATCHDOG.watch(self.line)

    def wait(self, gen: PQGen[RV], *given: Any, **named: Any) -> RV:
        with self.line.awaiting():
            return super().wait(gen, *given, **named)

    def close(self) -> None:
        super().close()
        if self.closed:
            self.line.close()

    def __del__(self, *given: Any) -> None:
        self.line.close()
        super().__del__(*given)


def open_connection(url: str, kind: Kind) -> WatchedConnection:
    connection = WatchedConnection.connect(url, **SETTINGS, **network(url))
    try:
        begin_session(connection, kind)
    except BaseException:
        connection.close()
        raise
    return connection


def begin_session(connection: WatchedConnection, kind: Kind) -> None:
    connection.execute(kind.session.encode())
    connection.line.seconds = kind.seconds


def network(url: str) -> dict[str, Any]:
    """What the URL does not say itself."""
    said = conninfo_to_dict(url)
    return {name: value for name, value in NETWORK.items() if name not in said}
