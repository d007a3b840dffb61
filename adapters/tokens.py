"""Bearer tokens: random, recognisable, kept as hashes. The secret is shown once."""

import logging
import secrets
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import msgspec
from psycopg.rows import DictRow

from adapters.postgres.database import Database
from adapters.postgres.makers import maker_parameters
from adapters.postgres.statements import Statement, run
from domain.access import EVERYTHING, Grant, Maker, Principal
from domain.errors import LogUnavailable, TokenExpired
from domain.views import Changes, TokenView

log = logging.getLogger("schemaledger.tokens")

PREFIX = "sl_"
SECONDS_REMEMBERED = 5.0
"""How long a token that was good is believed without asking the database again, if no news of it comes before."""
MOST_REMEMBERED = 10_000
RANDOM_CHARACTERS = 43
"""Of 256 bits, as base64 has them."""

COLUMNS = """SELECT token_id, subject, grants, created_by, made_with, description, created_at, expires_at, revoked_at,
    last_used_at"""
FIND = f"""{COLUMNS}, coalesce(last_used_at < clock_timestamp() - interval '5 minutes', true) AS unnoted
FROM access_tokens WHERE secret_sha256 = %(digest)s AND revoked_at IS NULL
"""
ANY_GOOD = """
SELECT EXISTS (SELECT FROM access_tokens WHERE revoked_at IS NULL AND coalesce(expires_at > %(now)s, true)) AS good
"""
KNOWN = "SELECT token_id FROM access_tokens WHERE secret_sha256 = %(digest)s"
USED = "UPDATE access_tokens SET last_used_at = clock_timestamp() WHERE token_id = %(token_id)s"
ONE = f"{COLUMNS} FROM access_tokens WHERE token_id = %(token_id)s"  # only our own SQL is put together
PAGE = f"""{COLUMNS} FROM access_tokens
WHERE (%(everybody)s OR made_with = %(token)s::uuid OR (made_with IS NULL AND created_by = %(subject)s::text)) AND (
    %(after)s::uuid IS NULL OR (coalesce(position, 0), token_id) < (
        SELECT coalesce(position, 0), token_id FROM access_tokens WHERE token_id = %(after)s))
ORDER BY coalesce(position, 0) DESC, token_id DESC LIMIT %(limit)s
"""  # noqa: S608


def new_secret() -> str:
    """``sl_``, 256 random bits and a checksum by which a scanner can tell a token from other text."""
    random = secrets.token_urlsafe(32)
    return f"{PREFIX}{random}{zlib.crc32(random.encode()):08x}"


def is_well_formed(secret: str) -> bool:
    """Whether it can be one that was made here: anything shorter could be guessed."""
    random, checksum = secret.removeprefix(PREFIX)[:-8], secret[-8:]
    long_enough = secret.startswith(PREFIX) and len(random) >= RANDOM_CHARACTERS
    return long_enough and checksum == f"{zlib.crc32(random.encode()):08x}"


class PostgresTokens:
    """Implements ``Tokens`` and ``TokenBook``. ``changes`` brings news of other processes' revocations at once."""

    def __init__(
        self,
        database: Database,
        changes: Changes | None = None,
        *,
        seconds: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._changes, self._seconds, self._now = database, changes, seconds, now
        self._remembered = dict[bytes, tuple[float, Principal]]()
        self._listening = set[UUID]()

    def new_secret(self) -> str:
        return new_secret()

    def remembered(self, secret: str) -> Principal | None:
        until, principal = self._remembered.get(sha256(secret.encode()).digest(), (0.0, None))
        return self._unexpired(principal) if principal is not None and self._seconds() < until else None

    def principal(self, secret: str) -> Principal | None:
        if found := self.remembered(secret):
            return found
        digest = sha256(secret.encode()).digest()
        row = self._database.row(FIND, {"digest": digest})
        if row is None:
            self._remembered.pop(digest, None)
            return None
        if row["unnoted"]:
            self._note_use(row["token_id"])
        principal = self._unexpired(_principal(row))
        self._remember(digest, row["token_id"], principal)
        return principal

    def forget(self, token_id: UUID) -> None:
        for digest, (_, principal) in list(self._remembered.items()):
            if principal.token_id == str(token_id):
                self._remembered.pop(digest, None)

    def is_any_good(self) -> bool:
        """Whether anybody could come in with one of these. Raises LogUnavailable."""
        row = self._database.row(ANY_GOOD, {"now": self._now()})
        return row is not None and bool(row["good"])

    def is_known(self, digest: str) -> bool:
        return self._database.row(KNOWN, {"digest": bytes.fromhex(digest)}) is not None

    def token(self, token_id: UUID) -> TokenView | None:
        row = self._database.row(ONE, {"token_id": token_id})
        return _view(row) if row else None

    def tokens(self, maker: Maker | None, limit: int, after: UUID | None = None) -> Sequence[TokenView]:
        given = {**maker_parameters(maker), "limit": limit, "after": after}
        return [_view(row) for row in self._database.rows(PAGE, given)]

    def _remember(self, digest: bytes, token_id: UUID, principal: Principal) -> None:
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[digest] = (self._seconds() + SECONDS_REMEMBERED, principal)
        if self._changes is not None and token_id not in self._listening:
            self._listening.add(token_id)
            self._changes.listen(token_id, lambda: self.forget(token_id))

    def _note_use(self, token_id: UUID) -> None:
        """Every few minutes at most; that it cannot be noted keeps nobody out."""
        try:
            statement = Statement(USED, {"token_id": token_id})
            self._database.write(lambda connection: run(connection, statement))
        except LogUnavailable as refusal:
            log.warning("the use of token %s is not noted: %s", token_id, refusal)

    def _unexpired(self, principal: Principal) -> Principal:
        if principal.expires_at is not None and principal.expires_at <= self._now():
            raise TokenExpired(principal.expires_at.isoformat())
        return principal


def _principal(row: DictRow) -> Principal:
    return Principal(
        subject=row["subject"],
        token_id=str(row["token_id"]),
        grants=_grants(row),
        expires_at=row["expires_at"],
        made_with=row["made_with"],
    )


def _grants(row: DictRow) -> tuple[Grant, ...]:
    """Tokens that are older than grants are their installation's admin's."""
    if row["grants"] is None:
        return EVERYTHING
    return msgspec.json.decode(row["grants"], type=tuple[Grant, ...])


def _view(row: DictRow) -> TokenView:
    return TokenView(**{**row, "grants": _grants(row)})
