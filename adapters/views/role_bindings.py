"""``role_bindings``, inline: what whom the identity provider vouches for may do, as long as it is bound."""

from collections.abc import Iterable
from typing import get_args
from uuid import UUID

import msgspec

from adapters.postgres.statements import Statement
from adapters.views.placing import MOMENT, POSITION
from domain.facts import Fact
from domain.role_binding.events import RoleBindingFact, RoleBound, RoleUnbound

FACTS: tuple[type[Fact], ...] = get_args(RoleBindingFact)

BOUND = f"""
INSERT INTO role_bindings_v1 (
    binding_id, position, kind, holder, roles, grant_json, created_by, created_at, expires_at, made_with)
VALUES (
    %(stream)s, {POSITION}, %(kind)s, %(holder)s, %(roles)s::text[], %(grant)s, %(bound_by)s, {MOMENT}, %(expires_at)s,
    %(made_with)s)
"""  # noqa: S608  # only our own SQL is put together
UNBOUND = "DELETE FROM role_bindings_v1 WHERE binding_id = %(stream)s"


def role_bindings(stream: UUID, version: int, fact: Fact) -> Iterable[Statement]:
    place = {"stream": stream, "version": version}
    match fact:
        case RoleBound():
            grant = msgspec.json.encode(fact.grant).decode()
            yield Statement(BOUND, {**place, **msgspec.structs.asdict(fact), "roles": list(fact.roles), "grant": grant})
        case RoleUnbound():
            yield Statement(UNBOUND, place)
        case _:
            pass
