"""Every call x every scope x (no token, a wrong one, one that has ended, another dataset, the right one), really asked."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.postgres.database import Database
from domain.access import Scope
from tests.api.conftest import Api
from tests.api.test_access import caller, table_in
from tests.docs.access import LEFT_OUT, NARROWED_TO, Declared, declared, page
from tests.docs.pages import assert_fresh
from tests.domain.planning import change

NOBODY = "00000000-0000-4000-8000-000000000000"
CALLS = {one.called: one for one in declared()}
Ask = Callable[[Api, Declared], httpx.Response]


def test_the_page_is_fresh_and_names_calls_that_there_are() -> None:
    assert_fresh("access.md", page())
    assert set(NARROWED_TO) <= set(CALLS)
    assert len(CALLS) > 50


@pytest.fixture
def ask(api: Api) -> Ask:
    """Makes a call about what lies in the dataset ``shop``, with nothing in the body that would change much."""
    tables = [table_in(api, "shop", "orders")]
    operation = api.migrate(tables[0], change("rename_column", oldName="id", newName="key")).json()
    api.finished(operation["operationId"])
    while api.get("/audit/evidence", tableId=tables[0]).status_code != 200:
        time.sleep(0.05)
    # No more than whoever may call it has in any case.
    grant = {"scopes": ["tokens:manage"], "datasets": ["shop"]}
    bodies: dict[str, Any] = {
        "createTable": {"datasetId": "shop", "tableName": "orders", "fields": [{"name": "id", "arrowType": "int64"}]},
        "createToken": {"subject": "x", "grants": [grant]},
        "createRoleBinding": {"group": "x", **grant},
    }
    queries = {called: {"tableId": tables[0]} for called in ("listAuditEvents", "getAuditReport", "getEvidence")}

    def made(called: str) -> str:
        if called == "unregisterTable":
            tables.append(table_in(api, "shop", f"t{len(tables)}"))
            return tables[-1]
        return tables[0]

    def asking(who: Api, call: Declared) -> httpx.Response:
        known = {
            "tableId": made(call.called) if "{tableId}" in call.path else "",
            "operationId": operation["operationId"],
            "migrationId": operation["migrationId"],
            "datasetId": "shop",
        }
        path = call.path
        for part in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
            path = path.replace(f"{{{part}}}", known.get(part, "1" if part == "version" else NOBODY))
        body = bodies.get(call.called, {}) if call.method in ("POST", "PUT") else None
        return who.client.request(
            call.method, path, headers=who.headers, json=body, params=queries.get(call.called, {})
        )

    return asking


def refused(answer: httpx.Response) -> tuple[int, str] | None:
    """Status and code, if it is a refusal of access; None: the caller was let in, whatever came of it."""
    if answer.status_code in (401, 403, 404, 429):
        return answer.status_code, answer.json()["code"]
    return None


def test_without_a_good_token_only_open_calls_answer(api: Api, ask: Ask, database_url: str) -> None:
    ending = datetime.now(UTC) + timedelta(hours=1)
    body = {"subject": "late", "grants": [{"roles": ["admin"]}], "expiresAt": ending.isoformat()}
    late = Api(api.client, api.post("/tokens", body).json()["secret"], api.settings)
    database = Database(database_url, size=1)
    database.rows("UPDATE access_tokens SET expires_at = now() WHERE subject = 'late' RETURNING 1 AS one", {})
    database.close()
    nobody = Api(api.client, "", api.settings)
    nobody.headers = {}
    callers = {
        "token_missing": nobody,
        "token_invalid": Api(api.client, "sl_wrong", api.settings),
        "token_expired": late,
    }
    for call in CALLS.values():
        for code, who in callers.items():
            assert refused(ask(who, call)) == (None if call.is_open else (401, code)), (call, code)


@pytest.mark.parametrize("scopes", [list(Scope)[::2], list(Scope)[1::2]], ids=["even", "odd"])
def test_a_scope_lets_do_what_it_is_for_where_it_is_given_and_nothing_else(
    api: Api, ask: Ask, scopes: list[Scope]
) -> None:
    for scope in scopes:
        try_every_call(api, ask, scope)


def try_every_call(api: Api, ask: Ask, scope: Scope) -> None:
    grants: dict[str, dict[str, Any]] = {
        "everywhere": {},
        "here": {"datasets": ["shop"]},
        "elsewhere": {"datasets": ["x"]},
    }
    callers = {
        place: caller(api, {"scopes": [scope], **within}, subject=f"{scope}-{place}")
        for place, within in grants.items()
    }
    for call in CALLS.values():
        for place, who in callers.items():
            answer, expected = ask(who, call), expectation(call, scope, place)
            if expected is None:
                # What is not there is not there for anybody.
                assert refused(answer) is None or refused(answer) == refused(ask(api, call)), (call, place)
            else:
                assert refused(answer) == expected, (call, place, answer.text)
            if expected == (403, "scope_missing"):
                assert f"'{call.needs}'" in answer.json()["error"]


def expectation(call: Declared, scope: Scope, place: str) -> tuple[int, str] | None:
    """What refuses a caller with this scope there; None: nothing."""
    if call.is_open or call.needs is None:
        return None
    if scope != call.needs:
        return 403, "scope_missing"
    if place == "everywhere" or (place == "elsewhere" and call.elsewhere == LEFT_OUT):
        return None
    about_no_place = not call.narrowed and not any(
        part in call.path for part in ("{tableId}", "{operationId}", "{datasetId}")
    )
    if place == "here":
        return (403, "scope_missing") if about_no_place else None
    return (403 if call.elsewhere in ("scope_missing", "grant_exceeds_own") else 404), call.elsewhere
