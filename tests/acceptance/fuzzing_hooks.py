"""What schemathesis is told beside the document; it reads this file itself."""

import json

import schemathesis

FORM = {"malformed", "json_invalid", "parameter_invalid"}
"""Codes of violations of the form. All others are about sense: of the table, of its data, of ids that were given out."""


@schemathesis.check
def form_is_as_published(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """Whatever the document allows is read; and every error, of every status, has the envelope."""
    if response.status_code >= 400:
        body = json.loads(response.content)
        if case.operation.label != "GET /health/ready":
            assert set(body) == {"error", "code", "details", "retryable"}, body
            assert "requestId" in body["details"], body
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    violations = body["details"].get("violations", ())
    # JSON Schema takes 7.0 for an integer; it is not read as one.
    codes = {each["code"] for each in violations if "got `float`" not in each["message"]} | {body["code"]}
    assert not codes & (FORM | {"header_invalid"}), body
