"""What every request for long work has alike: its conditions in the headers, and the operation that answers it."""

import re
from typing import Any

from litestar import Request, Response

from api.http.answers import operation_body
from api.http.wire import OperationBody
from domain.errors import HeaderInvalid
from domain.handlers.house import House
from domain.handlers.migrations import Submitted
from domain.handlers.operations import operation_view
from domain.operation.telling import told

RETRY_AFTER_SECONDS = 1

_KEY = re.compile(r'"(?P<quoted>[ !#-~]{1,255})"|(?P<bare>[!#-~](?:[ !#-~]{0,253}[!#-~])?)')
_VERSION_TAG = re.compile(r'(?:W/)?"?v?(\d{1,9})"?')


def accepted(house: House, submitted: Submitted) -> Response[OperationBody]:
    """202 with the operation to follow, and where it is."""
    asked = submitted.requested
    view = operation_view(house, submitted.operation_id) if asked is None else told(None, house.reader.opened(asked))
    place = f"/operations/{submitted.operation_id}"
    headers = {"Location": place, "Operation-Location": place, "Retry-After": str(RETRY_AFTER_SECONDS)}
    if submitted.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(operation_body(view), status_code=202, headers=headers)


def expected_version(request: Request[Any, Any, Any]) -> int | None:
    """``If-Match: "v3"``: the schema version the caller has seen. ``*`` matches any."""
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    if found := _VERSION_TAG.fullmatch(given.strip()):
        return int(found[1])
    raise HeaderInvalid("If-Match", 'a schema\'s ETag is expected, such as "v3"')


def idempotency_key(request: Request[Any, Any, Any]) -> str | None:
    """The key, quoted or not (draft-ietf-httpapi-idempotency-key-header)."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    found = _KEY.fullmatch(given.strip())
    if found is None:
        raise HeaderInvalid("Idempotency-Key", "1 to 255 printable ASCII characters are expected")
    return found["quoted"] or found["bare"]
