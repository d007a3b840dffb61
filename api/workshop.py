"""What works on an installation beside the service, or without it: composed here, as the service is in compose.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from adapters.chores import PostgresChores
from adapters.engines.lance_tables.border import problem_of_root
from adapters.event_log.recorder import LOG_LOCK, LOG_SQL
from adapters.event_log.store import PostgresEventStore
from adapters.oidc.fetching import fetch
from adapters.oidc.keys import problem_of_issuer
from adapters.postgres.database import Database, connected
from adapters.postgres.preparing import grant, prepare_database
from adapters.sealing.copy import OutsideCopy
from adapters.sealing.inspecting import Inspection
from adapters.sealing.signing import KeyFiles
from adapters.system import RandomIds, SystemClock
from api.compose import LOOKS, Parts, composed, replays_of, sealer_of, vital_signs
from api.settings import Settings
from domain.examination import Finding, of_issuer, of_object_root
from domain.handlers.housekeeping import examine, tidy_tables
from domain.replay import Replays

EXAMINING = replace(LOOKS, seconds=5.0)
"""How long a table is waited for that is one of many to be looked at."""


def prepare_log(url: str, role: str | None = None) -> None:
    """Makes the database ready, and gives a role what the service needs. Raises DatabaseNotPrepared, LogUnavailable."""
    prepare_database(url, LOG_SQL)
    if role is not None:
        grant(url, role)


def seal_keys(settings: Settings) -> KeyFiles:
    return KeyFiles(settings.seal_key_file)


@contextmanager
def inspection(settings: Settings, url: str) -> Iterator[Inspection]:
    """What looks through the whole log."""
    with connected(url) as connection:
        yield Inspection(connection, seal_keys(settings), OutsideCopy(settings.seal_copy_file))


def examination(settings: Settings, url: str, *, mend: bool) -> list[Finding]:
    """What is wrong with an installation; with ``mend``, after what can be mended is."""
    prepare_database(url, LOG_SQL)
    with composed(settings, url, EXAMINING) as parts:
        chores = PostgresChores(parts.database, LOG_LOCK)
        if mend:
            chores.mend_leases()
            tidy_tables(parts.house)
        roots = (
            of_object_root(root, problem_of_root(root, settings.storage_options)) for root in settings.object_roots
        )
        issuers = () if settings.oidc is None else (settings.oidc.issuer,)
        providers = (of_issuer(issuer, problem_of_issuer(issuer, fetch)) for issuer in issuers)
        signs, problem = vital_signs(parts.database), _problem_of_seal(settings, url, parts)
        return [*roots, *providers, *examine(parts.house, signs, chores, problem)]


def _problem_of_seal(settings: Settings, url: str, parts: Parts) -> str | None:
    """Looked for here and now: also while no worker runs, and before the next event."""
    sealer = sealer_of(settings, parts.house)
    if sealer.keys.are_expected:
        with connected(url) as connection:
            return sealer.problem(connection)
    if parts.house.seal.latest() is not None and settings.token_file.exists():
        return f"the signing key {sealer.keys.private} is not there: put it back from a copy"
    # A machine that only works: others sign, and this one can compare.
    return parts.house.seal.problem()


def write_copy_anew(settings: Settings, url: str) -> Path | None:
    """The outside copy of the checkpoints, from the database; where the file before is kept.

    Raises OSError, and SealStopped where the database itself does not go on from what was signed.
    """
    with composed(settings, url) as parts, connected(url) as connection:
        return sealer_of(settings, parts.house).write_copy_anew(connection)


@contextmanager
def replaying(url: str) -> Iterator[Replays]:
    """What goes over the log anew, beside the service or without it."""
    prepare_database(url, LOG_SQL)
    database = Database(url)
    try:
        yield replays_of(url, database, PostgresEventStore(database, SystemClock(), RandomIds()))
    finally:
        database.close()
