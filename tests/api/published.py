"""The published document, read for the places that take text."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from api.http.app import published_document

Document = dict[str, Any]
PLAIN = {"string": "a", "integer": 1, "number": 1, "boolean": True, "null": None}
DEPTH = 6


class Call(Struct, frozen=True, kw_only=True):
    """``body`` is one that its schema allows, with every member in it; None for calls without."""

    called: str
    method: str
    path: str
    parameters: list[dict[str, Any]]
    body: Any = None


class Place(Struct, frozen=True, kw_only=True):
    """Where a text goes: ``kind`` is path, query, header or body; ``steps`` lead to it, by names and numbers."""

    kind: str
    steps: tuple[Any, ...]


def calls() -> Iterator[Call]:
    """Every call, and those that take changes once for each kind of change."""
    document: Document = json.loads(published_document())
    for path, item in document["paths"].items():
        for method, described in item.items():
            base = Call(
                called=described["operationId"], method=method.upper(), path=path, parameters=described["parameters"]
            )
            if "requestBody" not in described:
                yield base
                continue
            schema = described["requestBody"]["content"]["application/json"]["schema"]
            for body in _bodies(document, schema):
                yield Call(**{**{name: getattr(base, name) for name in base.__struct_fields__}, "body": body})


def places(call: Call) -> Iterator[Place]:
    """Everywhere that a text can be put."""
    for parameter in call.parameters:
        yield Place(kind=parameter["in"], steps=(parameter["name"],))
    yield from (Place(kind="body", steps=steps) for steps in _texts(call.body))


def put(body: Any, steps: tuple[Any, ...], text: str) -> Any:
    """The body with the text there."""
    changed = copy.deepcopy(body)
    at = changed
    for step in steps[:-1]:
        at = at[step]
    at[steps[-1]] = text
    return changed


def _texts(value: Any, steps: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield steps
    elif isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inner, (*steps, step))


def _bodies(document: Document, schema: Any) -> Iterator[Any]:
    body = _sample(document, schema)
    if "operations" not in body:
        yield body
        return
    items = _resolved(document, schema)["properties"]["operations"]["items"]
    for variant in items.get("anyOf") or items["oneOf"]:
        yield {**body, "operations": [_sample(document, variant)]}


def _sample(document: Document, schema: Any, depth: int = 0) -> Any:
    """A value of the shape, with every member, texts in place of whatever may be a text."""
    schema = _resolved(document, schema)
    if depth > DEPTH:
        return None
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        # The richest: texts and objects rather than null.
        richest = max(options, key=lambda one: _resolved(document, one).get("type") not in ("null", None))
        return _sample(document, richest, depth + 1)
    kind = schema.get("type", "string")
    if kind == "object":
        members = schema.get("properties", {})
        extra = {"a": "a"} if isinstance(schema.get("additionalProperties"), dict) else {}
        return extra | {name: _sample(document, each, depth + 1) for name, each in members.items()}
    if kind == "array":
        return [_sample(document, schema.get("items", {}), depth + 1)]
    return PLAIN[kind if isinstance(kind, str) else "string"]


def _resolved(document: Document, schema: Any) -> Any:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema
