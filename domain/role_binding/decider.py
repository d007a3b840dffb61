"""Role bindings: commands, situations, and what follows."""

from functools import reduce
from typing import assert_never

from msgspec import Struct

from domain.errors import RoleBindingNotFound
from domain.role_binding.events import RoleBindingFact, RoleBound, RoleUnbound


class Unknown(Struct, frozen=True):
    """Nobody has made the binding."""


class Bound(Struct, frozen=True):
    made: RoleBound


class Unbound(Struct, frozen=True):
    made: RoleBound


RoleBindingSituation = Unknown | Bound | Unbound


def evolve(state: RoleBindingSituation, fact: RoleBindingFact) -> RoleBindingSituation:
    """What a fact makes of a binding. Facts are believed, never refused."""
    match fact:
        case RoleBound():
            return Bound(fact)
        case RoleUnbound():
            assert not isinstance(state, Unknown), "the log holds a fact before the binding was made"
            return Unbound(state.made)
        case _:
            assert_never(fact)


def fold(facts: tuple[RoleBindingFact, ...]) -> RoleBindingSituation:
    start: RoleBindingSituation = Unknown()
    return reduce(evolve, facts, start)


def unbind(state: RoleBindingSituation, binding_id: str) -> tuple[RoleBindingFact, ...]:
    """The facts that ending a binding leads to; none the second time. Raises RoleBindingNotFound."""
    match state:
        case Unknown():
            raise RoleBindingNotFound(binding_id)
        case Bound():
            return (RoleUnbound(),)
        case Unbound():
            return ()
        case _:
            assert_never(state)
