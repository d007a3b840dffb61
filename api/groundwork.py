"""What an installation stands on before it has processes: tables, the seal's key, and the admin's token.

Composed here, and not with the rest in compose.py, which imports the engines and the HTTP framework: ``serve`` starts
faster without.
"""

import logging
from contextlib import suppress
from typing import NamedTuple

from adapters.event_log.recorder import LOG_SQL
from adapters.event_log.store import PostgresEventStore
from adapters.postgres.database import Database, connected
from adapters.postgres.preparing import prepare_database
from adapters.private_files import write_privately
from adapters.sealing.ownership import log_sealed_by_others
from adapters.sealing.signing import KeyFiles
from adapters.sealing.standing import SealStopped, signing_key
from adapters.system import RandomIds, SystemClock
from adapters.tokens import PostgresTokens, is_well_formed, new_secret
from adapters.views.catalogue import INLINE
from api.settings import Settings
from domain.audit.notes import NoteDamaged
from domain.handlers.tokens import admit_admin

log = logging.getLogger("schemaledger.seal")

SEALED = "SELECT EXISTS (SELECT FROM seal_checkpoints) AS sealed"
ADMIN = "admin"
"""The subject of the token made at the first start."""


def prepare_worker(settings: Settings, url: str) -> None:
    """Makes ready what a worker elsewhere needs: tokens and the key of the seal are the service's to make."""
    prepare_database(url, LOG_SQL)
    for root in settings.table_roots:
        root.mkdir(parents=True, exist_ok=True)


class Prepared(NamedTuple):
    """``made_token``: the admin's token was made just now. ``has_token``: somebody could come in with some token."""

    made_token: bool
    has_token: bool


def prepare(settings: Settings, url: str) -> Prepared:
    """Makes the database and the data folder ready.

    Raises ValueError for a token's file that holds none, and for a folder that is not the log's.
    """
    prepare_worker(settings, url)
    keys = KeyFiles(settings.seal_key_file)
    with connected(url) as connection:
        owner = log_sealed_by_others(connection, keys)
    # Whoever has the token is the log's own, and has lost its keys only: that is said, and nothing is sealed.
    if owner is not None and not keys.are_expected and not settings.token_file.exists():
        raise ValueError(_of_another_folder(settings, owner))
    made = not settings.token_file.exists()
    if made:
        write_privately(settings.token_file, f"{new_secret()}\n")
    secret = settings.token_file.read_text().strip()
    if not is_well_formed(secret):
        raise ValueError(f"{settings.token_file} holds no token of this service; move it away, and one is made.")
    database, ids = Database(url, size=1), RandomIds()
    tokens = PostgresTokens(database)
    try:
        # Also for a token that is there: the database may be a new one.
        _make_key(keys, database)
        store = PostgresEventStore(database, SystemClock(), ids, inline=INLINE)
        admit_admin(store, tokens, ids.new(), secret, ADMIN)
        return Prepared(made, tokens.is_any_good())
    finally:
        database.close()


def _make_key(keys: KeyFiles, database: Database) -> None:
    """At the first start. A key that is lost is not replaced, for another would not follow it; it is said at once."""
    row = database.row(SEALED, {})
    if keys.are_expected or not (row and row["sealed"]):
        # Also one that somebody was ended in the midst of making.
        with suppress(FileExistsError, NoteDamaged):
            keys.make()
    try:
        signing_key(keys)
    except SealStopped as found:
        log.error("this installation seals nothing: %s", found)


def _of_another_folder(settings: Settings, owner: str) -> str:
    """Also an admin's token of its own would not be this folder's to make."""
    return (
        f"The log in this database is sealed as {owner}, and {settings.data_dir} has neither its key nor a token: "
        "it is not the log's data folder. Copy `seal` and `token` from there; to work for that service from here, run "
        "`schemaledger worker`. If they are lost for good: `schemaledger keys make` makes another key, and the service "
        "runs with its seal stopped."
    )
