"""Bearer tokens: random, recognisable, kept as hashes. The secret is shown once."""

import secrets
import time
import zlib
from collections.abc import Callable
from hashlib import sha256
from uuid import uuid4

from adapters.postgres.database import Database, Statement, run
from domain.ports import Principal

PREFIX = "sl_"
SECONDS_REMEMBERED = 5.0
"""How long a token that was good is believed without asking the database again."""

FIND = "SELECT token_id, subject FROM access_tokens WHERE secret_sha256 = %(digest)s"
ADD = """
INSERT INTO access_tokens (token_id, subject, secret_sha256) VALUES (%(token_id)s, %(subject)s, %(digest)s)
ON CONFLICT (secret_sha256) DO NOTHING
"""


def new_secret() -> str:
    """``sl_``, 256 random bits and a checksum by which a scanner can tell a token from other text."""
    random = secrets.token_urlsafe(32)
    return f"{PREFIX}{random}{zlib.crc32(random.encode()):08x}"


class PostgresTokens:
    """Implements ``Tokens``."""

    def __init__(self, database: Database, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._database, self._seconds = database, seconds
        self._remembered = dict[bytes, tuple[float, Principal]]()

    def remembered(self, secret: str) -> Principal | None:
        until, principal = self._remembered.get(sha256(secret.encode()).digest(), (0.0, None))
        return principal if self._seconds() < until else None

    def principal(self, secret: str) -> Principal | None:
        digest = sha256(secret.encode()).digest()
        until, principal = self._remembered.get(digest, (0.0, None))
        if principal is not None and self._seconds() < until:
            return principal
        row = self._database.row(FIND, {"digest": digest})
        if row is None:
            self._remembered.pop(digest, None)
            return None
        found = Principal(subject=row["subject"], token_id=str(row["token_id"]))
        self._remembered[digest] = (self._seconds() + SECONDS_REMEMBERED, found)
        return found

    def add(self, secret: str, subject: str) -> None:
        """Makes a secret good; adding it again changes nothing."""
        values = {"token_id": uuid4(), "subject": subject, "digest": sha256(secret.encode()).digest()}
        self._database.write(lambda connection: run(connection, Statement(ADD, values)))
