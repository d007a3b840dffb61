"""docs/reference/access.md: every call, the scope it needs, and what each kind of caller is answered.

It is made from what the routes declare; tests/api/test_access_table.py asks the real application for every line.
"""

from collections.abc import Iterator
from typing import Any

from litestar import Litestar
from msgspec import Struct

from api.http.access import NARROWED, NEEDS, OPEN, SIGNED_IN
from api.http.app import PROVIDED, ROUTES, _dependencies
from api.http.document import camel_path
from api.http.errors import STATUSES
from domain.access import ROLES, Scope
from tests.docs.pages import error_link, table

INTRO = """# Access

What every call needs, and what callers are answered who do not have it. [Giving access](../how-to/give-access.md) tells how
to. *Elsewhere* is a caller who has the scope in another dataset only; *here* one who has it where the call is about, or
everywhere. A test asks all of it, with every scope, of the real service.

## Roles

Sets of scopes with a name. A token or a binding keeps the scopes that its role stood for when it was made.
"""
CALLS = """## Calls

Without a token every call but the open ones is 401 `token_missing`, with one that is wrong 401 `token_invalid` or
`token_not_accepted`, with one that has ended 401 `token_expired`, and with one that lacks the scope everywhere 403
`scope_missing`, which names it.
"""
MORE = {
    "executeMigration": "`migrations:destructive` when the plan has the hazard `data_loss`; `migrations:emergency` for an emergency",
    "revertMigration": "as `executeMigration`",
    "retryOperation": "as `executeMigration`",
    "createWebhook": "the scopes of [what it is told of](../how-to/receive-webhooks.md)",
    "changeWebhook": "as `createWebhook`",
    "listAuditEvents": "`audit:export` for all formats but JSON",
}
"""What some calls need beside, by what is sent."""

LEFT_OUT = "what is out of reach is left out"
NARROWED_TO: dict[str, str] = {
    "createTable": "scope_missing",
    "listAuditEvents": "table_not_found",
    "getAuditReport": "table_not_found",
    "getEvidence": "no_events_found",
    "createToken": "grant_exceeds_own",
    "createRoleBinding": "grant_exceeds_own",
    "getToken": "token_not_found",
    "revokeToken": "token_not_found",
    "rotateToken": "token_not_found",
    "getRoleBinding": "role_binding_not_found",
    "deleteRoleBinding": "role_binding_not_found",
    "getWebhook": "webhook_not_found",
    "changeWebhook": "webhook_not_found",
    "deleteWebhook": "webhook_not_found",
    "verifyWebhook": "webhook_not_found",
    "rotateWebhookSecret": "webhook_not_found",
    "listDeliveries": "webhook_not_found",
    "getDelivery": "webhook_not_found",
    "resendDelivery": "webhook_not_found",
}
"""What is answered elsewhere by calls that narrow down themselves; lists that are not named here leave out."""


class Declared(Struct, frozen=True, kw_only=True):
    """What a route says of itself. ``needs`` None: nothing, or any good token."""

    called: str
    method: str
    path: str
    is_open: bool
    needs: Scope | None
    narrowed: bool

    @property
    def elsewhere(self) -> str:
        """The code that is answered to who has the scope in another dataset only, or LEFT_OUT."""
        if self.narrowed:
            return NARROWED_TO.get(self.called, LEFT_OUT)
        if "{tableId}" in self.path:
            return "table_not_found"
        return "operation_not_found" if "{operationId}" in self.path else "scope_missing"


def declared() -> list[Declared]:
    """Every published route."""
    app = Litestar(ROUTES, dependencies=_dependencies(PROVIDED), openapi_config=None, logging_config=None)
    return sorted(_of(app), key=lambda one: (one.path, one.method))


def _of(app: Litestar) -> Iterator[Declared]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if handler.http_methods == {"OPTIONS"}:
                continue
            options: dict[str, Any] = handler.opt
            needs = options.get(NEEDS)
            yield Declared(
                called=str(handler.operation_id),
                method=min(handler.http_methods - {"HEAD", "OPTIONS"}),
                path=camel_path(route.path_format),
                is_open=bool(options.get(OPEN)),
                needs=None if needs == SIGNED_IN else needs,
                narrowed=bool(options.get(NARROWED)),
            )


def page() -> str:
    scopes = [(f"`{scope}`", *("yes" if scope in role else "" for role in ROLES.values())) for scope in Scope]
    calls = [(f"`{one.method} {one.path}`", *_row(one)) for one in declared()]
    head = ("call", "needs", "more", "other scope", "elsewhere", "here")
    return "\n".join([INTRO, table(("scope", *ROLES), scopes), CALLS, table(head, calls)])


def _row(one: Declared) -> tuple[str, ...]:
    if one.is_open:
        return "*open*", "", "yes", "yes", "yes"
    if one.needs is None:
        return "any good token", "", "yes", "yes", "yes"
    return f"`{one.needs}`", MORE.get(one.called, ""), _said("scope_missing"), _said(one.elsewhere), "yes"


def _said(code: str) -> str:
    return code if code == LEFT_OUT else f"{STATUSES[code]} {error_link(code)}"
