"""Which codes a change can be refused with, read from its source and from the steps it plans."""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

from domain import nested
from domain.changes.change import Change
from domain.errors import CastFailed, DuplicateKeys, NullsPresent, Refusal

WHILE_RUNNING: dict[str, tuple[type[Refusal], ...]] = {
    "cast_field": (CastFailed,),
    "check_no_nulls": (NullsPresent,),
    "check_unique": (DuplicateKeys,),
}
"""What the values may refuse, by the step that looks at them."""


def planned(kind: type[Change]) -> list[str]:
    """The codes that a plan can name, in alphabetical order."""
    module = sys.modules[kind.__module__]
    found = set(_named(module, ast.parse(inspect.getsource(module)), set()))
    if kind.paths:
        found |= set(_named(nested, ast.parse(inspect.getsource(nested)), set()))
    return sorted({refusal.code for refusal in found})


def unplanned(steps: set[str]) -> list[str]:
    """The codes that an operation with steps of these types can fail with."""
    return sorted(refusal.code for step in steps for refusal in WHILE_RUNNING.get(step, ()))


def _named(module: ModuleType, tree: ast.AST, seen: set[object]) -> Iterator[type[Refusal]]:
    """The refusals that are made or passed on in the source, and in the functions of changes/checks.py that it calls."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) | ast.ExceptHandler(type=ast.Name(id=name)):
                pass
            case _:
                continue
        called = getattr(module, name, None)
        if called is None or called in seen:
            continue
        seen.add(called)
        if isinstance(called, type) and issubclass(called, Refusal):
            yield called
        elif _is_ours(called):
            yield from _named(sys.modules[called.__module__], ast.parse(inspect.getsource(called)), seen)


def _is_ours(called: object) -> bool:
    return isinstance(called, Callable) and getattr(called, "__module__", "") == "domain.changes.checks"  # type: ignore[arg-type]
