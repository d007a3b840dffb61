"""What the service calls by itself, for the published document: the messages to webhooks, one for each type."""

from typing import Any, get_args, get_type_hints

from api.http.webhook_wire import MESSAGES

HEADERS = {
    "webhook-id": "The id of the message, the same in every try.",
    "webhook-timestamp": "When this try was made, in seconds since 1970.",
    "webhook-signature": "`v1,` and the base64 of the HMAC-SHA256 over id, timestamp and body, joined by dots; one for "
    "each secret that signs, with a space between.",
}
ANSWERS = {
    "2XX": "Taken. The challenge of a verification is sent back in the body.",
    "410": "Nothing is wanted any more: the webhook is disabled.",
    "default": "Not taken. The message comes again.",
}


def messages() -> dict[str, Any]:
    """By the type of the event."""
    return {kind: {"post": _call(kind, shape)} for shape in MESSAGES for kind in types_of(shape)}


def types_of(shape: type[Any]) -> tuple[str, ...]:
    """The types of the messages of a shape."""
    return get_args(get_type_hints(shape)["type"])


def _call(kind: str, shape: type[Any]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{shape.__name__}"}
    return {
        "summary": kind,
        "description": (shape.__doc__ or "").replace("``", "`"),
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {status: {"description": text} for status, text in ANSWERS.items()},
    }
