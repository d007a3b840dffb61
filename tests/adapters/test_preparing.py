"""Databases that are not as ours would be: said at the start, in a sentence that says what to do."""

import getpass
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from adapters.event_log.recorder import LOG_SQL
from adapters.postgres import preparing
from adapters.postgres.connecting import BRISK, open_connection
from adapters.postgres.fitness import is_pooled_by_transaction
from adapters.postgres.preparing import PREPARE_LOCK, prepare_database
from api.serving import _with_free_port
from domain.errors import DatabaseNotUsable, LogUnavailable
from tests.api.conftest import settings_for
from tests.conftest import SERVER, database_on
from tests.silent_proxy import silent_proxy


@contextmanager
def made_database(options: str = "") -> Iterator[str]:
    """An empty one, not prepared."""
    name = f"schemaledger_test_{uuid4().hex[:12]}"
    with psycopg.connect(os.environ[SERVER], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}".encode())
        yield database_on(os.environ[SERVER], name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_an_encoding_without_most_letters_is_refused() -> None:
    locale = "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc"
    with made_database(locale) as url, pytest.raises(DatabaseNotUsable, match=r"LATIN1.*ENCODING 'UTF8'"):
        prepare_database(url, LOG_SQL)


def test_a_search_path_that_leads_nowhere_is_refused() -> None:
    with made_database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET search_path = elsewhere".encode())
        with pytest.raises(DatabaseNotUsable, match=r"search_path \(elsewhere\).*SET search_path = public"):
            prepare_database(url, LOG_SQL)


def test_who_holds_the_lock_of_preparing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "SECONDS_FOR_OTHERS", 0.5)
    with made_database() as url:
        with psycopg.connect(url, autocommit=True, application_name="a stranger") as stranger:
            stranger.execute("SELECT pg_advisory_lock(%s)", (PREPARE_LOCK,))
            with pytest.raises(LogUnavailable, match=f"session {stranger.info.backend_pid} .*a stranger.*terminate"):
                prepare_database(url, LOG_SQL)
        prepare_database(url, LOG_SQL)


def test_temporary_tables_are_for_the_owner_of_the_database_alone() -> None:
    with made_database() as url:
        prepare_database(url, LOG_SQL)
        with psycopg.connect(url) as connection:
            may = connection.execute("SELECT has_database_privilege('public', current_database(), 'TEMPORARY')")
            assert may.fetchone() == (False,)


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="PgBouncer is not installed")
@pytest.mark.parametrize(("mode", "refused"), [("transaction", True), ("session", False)])
def test_a_pooler_that_shares_sessions_is_found(database_url: str, tmp_path: Path, mode: str, *, refused: bool) -> None:
    with silent_proxy(database_url) as proxy, pooled(proxy.url, tmp_path, mode) as url:
        with open_connection(url, BRISK) as connection:
            assert is_pooled_by_transaction(connection, url) == refused
        if refused:
            with pytest.raises(DatabaseNotUsable, match="pool_mode = session"):
                prepare_database(url, LOG_SQL)
        else:
            prepare_database(url, LOG_SQL)


def test_without_a_pooler_none_is_found(database_url: str) -> None:
    with open_connection(database_url, BRISK) as connection:
        assert not is_pooled_by_transaction(connection, database_url)


@contextmanager
def pooled(url: str, folder: Path, mode: str) -> Iterator[str]:
    """Through a PgBouncer of the test's own."""
    target = psycopg.conninfo.conninfo_to_dict(url)
    port = _with_free_port(settings_for(folder, url)).port
    for above in (folder, *folder.parents[:3]):
        above.chmod(above.stat().st_mode | 0o011)
    users, settings = folder / "users", folder / "pgbouncer.ini"
    users.write_text('"postgres" ""\n')
    settings.write_text(
        f"[databases]\n* = host={target['host']} port={target['port']} user=postgres\n"
        f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nauth_type=any\nauth_file={users}\n"
        f"pool_mode={mode}\nunix_socket_dir=\n"
    )
    # Without root's group: of a folder with an access list, that group may be let in less than strangers are.
    nobody = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": ()}
    account: dict[str, Any] = nobody if getpass.getuser() == "root" else {}
    bouncer = subprocess.Popen(
        ["pgbouncer", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **account
    )
    through = f"postgresql://postgres@127.0.0.1:{port}/{target['dbname']}"
    try:
        while bouncer.poll() is None:
            try:
                psycopg.connect(through).close()
                break
            except psycopg.OperationalError:
                continue
        yield through
    finally:
        bouncer.terminate()
        bouncer.wait()
