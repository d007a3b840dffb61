"""docs/reference/http.md: every call, from the published OpenAPI document."""

import json
import re
from collections.abc import Iterator
from typing import Any

from api.http.errors import FRAMEWORK_CODES, STATUSES
from tests.docs.pages import error_link, table

INTRO = """# HTTP

Bodies are JSON, names camelCase. Every call but those marked *open* wants `Authorization: Bearer <token>`; `schemaledger
serve` writes the first token to the file `token` in its data folder. The header `On-Behalf-Of` says
[for whom](../how-to/give-access.md#acting-for-others) a call is made. Every answer has `X-Request-Id`, and to known callers
`RateLimit`: [what is left](../how-to/give-access.md#limits). The same, for machines, is at `/openapi.json`, and to be tried
out at `/docs`. What goes into `operations` is in [changes](changes/README.md).

Whatever is refused, with whatever status, has the body [`ErrorBody`](#errorbody) and a code of [errors](errors.md):
"""

Document = dict[str, Any]
ERROR = {"$ref": "#/components/schemas/ErrorBody"}
METHODS = ("get", "post", "put", "patch", "delete")


def page(document: Document) -> str:
    calls = list(_calls(document))
    schemas = document["components"]["schemas"]
    rows = [(f"[`{method} {path}`](#{_anchor(f'{method} {path}')})", call["summary"]) for method, path, call in calls]
    parts = [
        INTRO,
        table(("status", "meaning", "codes"), list(_statuses(calls))),
        f"## Calls\n\n{table(('call', 'what it does'), rows)}",
        *(_call(method, path, call) for method, path, call in calls),
        "## Bodies\n\nMembers that are not required are left out when there is nothing to say.\n",
        *(_body(name, schemas[name]) for name in sorted(_reached(calls, schemas))),
    ]
    return "\n".join(parts)


def _calls(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def _statuses(calls: list[tuple[str, str, dict[str, Any]]]) -> Iterator[tuple[str, str, str]]:
    """What the errors of each status mean, and their codes; those of 400 are all the others."""
    said = {
        status: answer["description"]
        for _, _, call in calls
        for status, answer in call["responses"].items()
        if status[0] in "45" and not _is_open(call)
    }
    for status, meaning in sorted(said.items()):
        codes = {code for code, number in STATUSES.items() if number == int(status)}
        codes |= {code for number, code in FRAMEWORK_CODES.items() if number == int(status)}
        links = ", ".join(error_link(code) for code in sorted(codes))
        yield f"`{status}`", meaning, f"{links} and all others" if status == "400" else links


def _call(method: str, path: str, call: dict[str, Any]) -> str:
    text = f"### `{method} {path}`\n\n{_sentence(call['summary'])}{' *Open.*' if _is_open(call) else ''}\n"
    if call.get("description"):
        text += f"\n{call['description']}\n"
    if call["parameters"]:
        rows = [
            (
                f"`{parameter['name']}`",
                parameter["in"],
                _type(parameter["schema"]),
                "yes" if parameter.get("required") else "no",
                parameter.get("description", ""),
            )
            for parameter in call["parameters"]
        ]
        text += f"\n{table(('parameter', 'in', 'type', 'required', 'meaning'), rows)}"
    if body := call.get("requestBody"):
        optional = "" if body["required"] else ", may be left out"
        text += f"\nBody: {_type(_content(body)[1])}{optional}.\n"
    return f"{text}\n{''.join(_answer(status, answer) for status, answer in sorted(call['responses'].items()))}"


def _answer(status: str, answer: dict[str, Any]) -> str:
    """A line for an answer that is no error."""
    if answer.get("content", {}).get("application/json", {}).get("schema", {}) == ERROR:
        return ""
    if not answer.get("content"):
        return f"* `{status}`: no body.\n"
    media_type, schema = _content(answer)
    headers = ", ".join(f"`{name}`" for name in answer.get("headers", ()))
    kind = _type(schema) if media_type == "application/json" else f"`{media_type}`"
    return f"* `{status}`: {kind}{f', with {headers}' if headers else ''}.\n"


def _content(described: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    media_type, content = next(iter(described["content"].items()))
    return media_type, content["schema"]


def _body(name: str, schema: dict[str, Any]) -> str:
    text = f"### {name}\n\n"
    if description := schema.get("description", ""):
        text += description.replace("``", "`") + "\n\n"
    required = schema.get("required", ())
    rows = [
        (f"`{member}`", _type(shape), _need(member in required, shape), shape.get("description", ""))
        for member, shape in schema.get("properties", {}).items()
    ]
    head = ("member", "type", "required", "meaning")
    if not any(meaning for *_, meaning in rows):
        head, rows = head[:3], [row[:3] for row in rows]
    return text + table(head, rows)


def _need(required: bool, shape: dict[str, Any]) -> str:
    default = shape.get("default")
    return "yes" if required else "no" if default in (None, [], {}) else f"no, `{json.dumps(default)}`"


def _reached(calls: list[tuple[str, str, dict[str, Any]]], schemas: dict[str, Any]) -> set[str]:
    """The objects that calls send and answer, and those inside them; changes have pages of their own."""
    found, todo = set[str](), [name for _, _, call in calls for name in _references(call)]
    while todo:
        name = todo.pop()
        if name not in found and "properties" in schemas[name]:
            found.add(name)
            todo += _references(schemas[name])
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.rpartition("/")[2]
        if "discriminator" not in value:
            for inner in value.values():
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _type(schema: dict[str, Any]) -> str:
    """A shape in a few words, with links to the objects."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[`{name}`](#{name.lower()})"
    if "discriminator" in schema:
        return "[change](changes/README.md)"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(one) for one in options))
    if "enum" in schema:
        return " or ".join("null" if value is None else f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    kind = schema.get("type", "any")
    return (
        str(schema.get("format", kind)) if kind == "string" else " or ".join([kind] if isinstance(kind, str) else kind)
    )


def _sentence(text: str) -> str:
    return text if text.endswith("?") else f"{text}."


def _is_open(call: dict[str, Any]) -> bool:
    return call.get("security") == []


def _anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
