"""Which changes of the published document would break somebody who calls us.

What a caller may send must not become less, and what a caller is answered must not lack what it had. More of either is
no break: callers are told (docs/reference/contract.md) to pass over members and values that they do not know.
"""

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
Schema = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
LOWER_IS_LESS = ("maximum", "maxLength", "maxItems", "exclusiveMaximum")
HIGHER_IS_LESS = ("minimum", "minLength", "minItems", "exclusiveMinimum")
REF = "#/components/schemas/"


def breaking(old: Document, new: Document) -> list[str]:
    """A sentence for each break, none when there is none."""
    return sorted(set(_Comparison(old, new).found()))


class _Comparison:
    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = old, new
        self._met = set[tuple[str, str, bool]]()

    def found(self) -> Iterator[str]:
        for path, item in self._old["paths"].items():
            for method in METHODS:
                if method not in item:
                    continue
                place, now = f"{method.upper()} {path}", self._new["paths"].get(path, {}).get(method)
                if now is None:
                    yield f"{place} is gone"
                else:
                    yield from self._call(place, item[method], now)

        yield from self._messages(self._old.get("webhooks", {}), self._new.get("webhooks", {}))

    def _messages(self, old: dict[str, Schema], new: dict[str, Schema]) -> Iterator[str]:
        """Messages to webhooks are read like answers."""
        for kind, item in old.items():
            if kind not in new:
                yield f"the message {kind} is gone"
            else:
                contents = (each["post"]["requestBody"]["content"] for each in (item, new[kind]))
                yield from self._contents(f"the message {kind}", *contents, sent=False)

    def _call(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{place} is called {new['operationId']} instead of {old['operationId']}"
        yield from self._parameters(place, _named(old), _named(new))
        before, after = old.get("requestBody"), new.get("requestBody")
        if before and not after:
            yield f"{place} takes no body any more"
        if after and after["required"] and not (before and before["required"]):
            yield f"{place} needs a body now"
        if before and after:
            yield from self._contents(place, before["content"], after["content"], sent=True)
        for status, answer in old["responses"].items():
            if status not in new["responses"]:
                if status[0] == "2":
                    yield f"{place} does not answer {status} any more"
                continue
            contents = answer.get("content", {}), new["responses"][status].get("content", {})
            yield from self._contents(f"{place} {status}", *contents, sent=False)

    def _parameters(self, place: str, old: dict[str, Schema], new: dict[str, Schema]) -> Iterator[str]:
        for name, parameter in new.items():
            if parameter.get("required") and not old.get(name, {}).get("required"):
                yield f"{place} needs parameter {name} now"
        for name, parameter in old.items():
            if name not in new:
                yield f"{place} knows no parameter {name} any more"
            else:
                where = f"{place} parameter {name}"
                yield from self._schema(where, parameter["schema"], new[name]["schema"], sent=True)

    def _contents(self, place: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
        for kind, content in old.items():
            if kind not in new:
                yield f"{place} has no {kind} any more"
            else:
                yield from self._schema(place, content["schema"], new[kind]["schema"], sent=sent)

    def _schema(self, place: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
        if "$ref" in old and "$ref" in new:
            pair = (old["$ref"], new["$ref"], sent)
            if pair in self._met:
                return
            self._met.add(pair)
            place = old["$ref"].removeprefix(REF)
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        yield from _narrowed(place, old, new, sent=sent)
        yield from self._members(place, old, new, sent=sent)
        for inner in ("items", "additionalProperties"):
            if isinstance(old.get(inner), dict) and isinstance(new.get(inner), dict):
                yield from self._schema(f"{place}/{inner}", old[inner], new[inner], sent=sent)
        for union in ("oneOf", "anyOf"):
            yield from self._union(f"{place}/{union}", old.get(union, []), new.get(union, []), sent=sent)

    def _members(self, place: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, shape in before.items():
            if name not in after:
                yield f"{place} has no member {name} any more"
            else:
                yield from self._schema(f"{place}.{name}", shape, after[name], sent=sent)
        needed, given = set(new.get("required", ())), set(old.get("required", ()))
        if sent:
            yield from (f"{place} needs member {name} now" for name in needed - given)
        else:
            yield from (f"{place} may lack member {name} now" for name in given - needed if name in after)

    def _union(self, place: str, old: list[Schema], new: list[Schema], *, sent: bool) -> Iterator[str]:
        after = {_label(each): each for each in new}
        for each in old:
            if _label(each) in after:
                yield from self._schema(place, each, after[_label(each)], sent=sent)
            elif sent:
                yield f"{place} has no {_label(each)} any more"


def _narrowed(place: str, old: Schema, new: Schema, *, sent: bool) -> Iterator[str]:
    if old.get("type") != new.get("type") and not (sent and new.get("type") is None):
        yield f"{place} is {new.get('type')} instead of {old.get('type')}"
    if not sent:
        return
    gone = set(map(str, old.get("enum", ()))) - set(map(str, new.get("enum", ()))) if "enum" in new else set()
    yield from (f"{place} takes no '{value}' any more" for value in gone)
    if "enum" in new and "enum" not in old:
        yield f"{place} takes some values only"
    for names, is_less in ((LOWER_IS_LESS, -1), (HIGHER_IS_LESS, 1)):
        for name in names:
            if name in new and (name not in old or (new[name] - old[name]) * is_less > 0):
                yield f"{place} takes less: {name} is {new[name]}, was {old.get(name, 'none')}"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{place} takes no other members any more"


def _named(call: Schema) -> dict[str, Schema]:
    return {f"{each['in']} {each['name']}": each for each in call.get("parameters", ())}


def _resolved(schema: Schema, document: Document) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].removeprefix(REF)]
    return schema


def _label(schema: Schema) -> str:
    return str(schema.get("$ref", "")).removeprefix(REF) or str(schema.get("type"))
