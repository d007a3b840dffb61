"""The one place where refusals become statuses, and every error of every status gets the envelope."""

import logging
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from api.http.access import request_id
from api.http.wire import ErrorBody
from api.logs import without_tokens
from domain.errors import InternalFault, Refusal, TokenMissing, ValidationFailed, Violation, shortened
from domain.naming import camel

log = logging.getLogger("schemaledger.http")

MOST_VIOLATIONS = 1_000
"""Of one answer; the sentence says how many more there are."""
LONGEST_SENTENCE = 5_000
"""Characters; each of the caller's own words in it is shorter still."""
REFUSAL = "refusal"
"""Where the state of a request keeps what it was refused with."""

STATUSES = {
    "token_missing": 401,
    "token_invalid": 401,
    "database_not_prepared": 503,
    "database_not_usable": 503,
    "approval_awaited": 409,
    "nothing_to_approve": 409,
    "approver_not_allowed": 403,
    "approval_lapsed": 409,
    "policy_not_found": 404,
    "token_expired": 401,
    "token_not_accepted": 401,
    "issuer_unavailable": 503,
    "role_binding_not_found": 404,
    "request_too_slow": 408,
    "rate_limited": 429,
    "too_many_failures": 429,
    "too_many_streams": 429,
    "token_not_found": 404,
    "scope_missing": 403,
    "grant_exceeds_own": 403,
    "webhook_exceeds_own": 403,
    "webhook_not_found": 404,
    "delivery_not_found": 404,
    "webhook_not_enabled": 409,
    "too_many_webhooks": 409,
    "table_not_found": 404,
    "subject_not_found": 404,
    "migration_not_found": 404,
    "operation_not_found": 404,
    "schema_version_not_found": 404,
    "schema_not_there": 404,
    "column_not_known": 404,
    "nothing_sealed": 404,
    "position_not_sealed": 404,
    "checkpoint_not_found": 404,
    "no_events_found": 404,
    "projection_not_found": 404,
    "conflict": 409,
    "table_name_taken": 409,
    "location_taken": 409,
    "location_occupied": 409,
    "table_busy": 409,
    "too_many_queued": 409,
    "operation_not_cancellable": 409,
    "operation_not_retryable": 409,
    "schema_drifted": 409,
    "table_unreadable": 409,
    "engine_refused": 409,
    "plan_not_kept": 409,
    "not_drifted": 409,
    "not_revertible": 409,
    "projection_busy": 409,
    "projection_differs": 409,
    "rebuild_forbidden": 409,
    "index_not_found": 404,
    "schema_version_mismatch": 412,
    "plan_mismatch": 412,
    "content_type_unsupported": 415,
    "idempotency_key_reused": 422,
    "internal_error": 500,
    "log_unavailable": 503,
    "seal_key_missing": 503,
    "not_provable": 503,
    "engine_unavailable": 503,
}
"""Statuses of refusals that are not 400."""

FRAMEWORK_CODES = {
    400: "validation_failed",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "content_type_unsupported",
    500: "internal_error",
}
"""Codes of the errors that the framework itself answers with."""

FRAMEWORK_SENTENCES = {
    404: "There is nothing at this path. GET /openapi.json lists what there is.",
    413: "The body is larger than this service takes.",
}


def refused(request: Request[Any, Any, Any], refusal: Refusal) -> Response[ErrorBody]:
    status = STATUSES.get(refusal.code, 400)
    # Without the frames it came through: they hold the request, and so its connection, until a search for cycles.
    request.scope.setdefault("state", {})[REFUSAL] = refusal.with_traceback(None)
    headers = {"Retry-After": str(getattr(refusal, "seconds", 0) or 1)} if refusal.retryable else {}
    if status == HTTPStatus.UNAUTHORIZED:
        # RFC 6750, section 3.1: no error for a request without a token.
        error = "" if isinstance(refusal, TokenMissing) else ', error="invalid_token"'
        headers["WWW-Authenticate"] = f'Bearer realm="schemaledger"{error}'
    if status == HTTPStatus.REQUEST_TIMEOUT:
        headers["Connection"] = "close"
    violations = refusal.violations if isinstance(refusal, ValidationFailed) else ()
    return envelope(request, status, refusal.code, without_tokens(str(refusal)), refusal.retryable, violations, headers)


def http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorBody]:
    code = FRAMEWORK_CODES.get(error.status_code, f"http_{error.status_code}")
    sentence = FRAMEWORK_SENTENCES.get(error.status_code, error.detail)
    violations = tuple(_parameter(request, extra) for extra in error.extra or () if isinstance(extra, dict))
    if violations:
        sentence = violations[0].message
    # 405 carries Allow in the exception's headers.
    return envelope(request, error.status_code, code, sentence, False, violations, dict(error.headers or {}))


def unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorBody]:
    log.error("request %s failed", request_id(request.scope), exc_info=error)
    # The reason may hold what a caller must not see; it stands in the log under the request's id.
    return refused(request, InternalFault(type(error).__name__))


def envelope(
    request: Request[Any, Any, Any],
    status: int,
    code: str,
    sentence: str,
    retryable: bool,
    violations: tuple[Violation, ...] = (),
    headers: dict[str, str] | None = None,
) -> Response[ErrorBody]:
    details: dict[str, Any] = {"requestId": request_id(request.scope)}
    if violations:
        details["violations"] = [_shown(each) for each in violations[:MOST_VIOLATIONS]]
    body = ErrorBody(error=shortened(sentence, LONGEST_SENTENCE), code=code, details=details, retryable=retryable)
    return Response(body, status_code=status, headers=headers or {}, media_type="application/json")


def _shown(violation: Violation) -> dict[str, Any]:
    """Bounded, however much of what was sent it says again."""
    return {
        "pointer": shortened(violation.pointer, LONGEST_SENTENCE),
        "code": violation.code,
        "message": shortened(without_tokens(violation.message), LONGEST_SENTENCE),
    }


def _parameter(request: Request[Any, Any, Any], extra: dict[str, Any]) -> Violation:
    """The framework's word on a query or path parameter, as a violation."""
    name, message = str(extra.get("key", "")), str(extra.get("message", "invalid"))
    taken = request.route_handler.parsed_fn_signature.parameters.get(name)
    # What it is called on the wire, where that is not what our own code calls it.
    key = getattr(getattr(taken, "kwarg_definition", None), "name", None) or camel(name)
    return Violation(pointer=f"/{key}", code="parameter_invalid", message=f"Parameter '{key}': {message}.")


HANDLERS: ExceptionHandlersMap = {
    Refusal: refused,
    HTTPException: http_error,
    Exception: unforeseen,
}
