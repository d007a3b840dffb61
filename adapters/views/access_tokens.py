"""``access_tokens``, inline: which bearer tokens are good. What they were used for last is not in the log."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from adapters.postgres.statements import Statement
from adapters.views.placing import MOMENT, POSITION
from domain.facts import Fact
from domain.token.events import TokenIssued, TokenRevoked, TokenRotated

INSERT = f"""
INSERT INTO access_tokens (
    token_id, position, subject, secret_sha256, grants, created_by, description, expires_at, created_at,
    made_with)
VALUES (
    %(stream)s, {POSITION}, %(subject)s, decode(%(digest)s, 'hex'), %(grants)s, %(issued_by)s, %(description)s,
    %(expires_at)s, {MOMENT}, %(made_with)s)
"""  # noqa: S608  # only our own SQL is put together
ROTATED = "UPDATE access_tokens SET secret_sha256 = decode(%(digest)s, 'hex') WHERE token_id = %(stream)s"
REVOKED = f"UPDATE access_tokens SET revoked_at = {MOMENT} WHERE token_id = %(stream)s"  # noqa: S608


def access_tokens(stream: UUID, version: int, fact: Fact) -> Iterable[Statement]:
    place = {"stream": stream, "version": version}
    match fact:
        case TokenIssued():
            given = msgspec.structs.asdict(fact)
            grants = msgspec.json.encode(fact.grants).decode()
            yield Statement(INSERT, {**place, **given, "digest": fact.secret_sha256, "grants": grants})
        case TokenRotated():
            yield Statement(ROTATED, {**place, "digest": fact.secret_sha256})
        case TokenRevoked():
            yield Statement(REVOKED, place)
        case _:
            pass
