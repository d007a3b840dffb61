"""What a token lets do, and what it does not even let see."""

import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.postgres.database import Database
from adapters.tokens import SECONDS_REMEMBERED, PostgresTokens, is_well_formed
from api.compose import composed
from api.groundwork import prepare
from domain.errors import TokenExpired
from tests.api.conftest import Api, serving
from tests.domain.planning import add, change

SHOP = {"datasets": ["shop"]}


def token(api: Api, *grants: dict[str, Any], subject: str = "ana", **more: Any) -> httpx.Response:
    return api.post("/tokens", {"subject": subject, "grants": list(grants), **more})


def caller(api: Api, *grants: dict[str, Any], subject: str = "ana") -> Api:
    """A caller with a token of these grants."""
    made = token(api, *grants, subject=subject)
    assert made.status_code == 201, made.text
    return Api(api.client, made.json()["secret"], api.settings)


def table_in(api: Api, dataset: str, name: str) -> str:
    body = {"datasetId": dataset, "tableName": name, "fields": [{"name": "id", "arrowType": "int64"}]}
    answer = api.post("/dataset-tables", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["tableId"])


def test_what_is_out_of_reach_is_as_if_it_were_not_there(idle_api: Api) -> None:
    seen, hidden = table_in(idle_api, "shop", "orders"), table_in(idle_api, "store", "stock")
    operations = {table: idle_api.migrate(table, add("x")).json()["operationId"] for table in (seen, hidden)}
    ana = caller(idle_api, {"roles": ["owner"], **SHOP})
    nowhere = "0" * 8 + "-0000-4000-8000-" + "0" * 12
    for path in (
        "/dataset-tables/{}",
        "/dataset-tables/{}/schema",
        "/dataset-tables/{}/schema/versions",
        "/dataset-tables/{}/migrations",
        "/dataset-tables/{}/operations",
        "/dataset-tables/{}/indexes",
        f"/dataset-tables/{{}}/operations/{operations[hidden]}",
        f"/dataset-tables/{{}}/operations/{operations[hidden]}/events",
    ):
        answers = [ana.get(path.format(table)) for table in (hidden, nowhere)]
        assert [(one.status_code, one.json()["code"]) for one in answers] == [(404, "table_not_found")] * 2
        said = [one.json()["error"].replace(hidden, "").replace(nowhere, "") for one in answers]
        assert said[0] == said[1]
    for path in ("/operations/{}", "/operations/{}?wait=5", "/operations/{}/events"):
        for operation in (operations[hidden], nowhere):
            answer = ana.client.get(path.format(operation), headers=ana.headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "operation_not_found")
    assert ana.post(f"/operations/{operations[hidden]}/cancel").json()["code"] == "operation_not_found"
    assert ana.migrate(hidden, add("y")).json()["code"] == "table_not_found"
    assert ana.get(f"/operations/{operations[seen]}").status_code == 200
    assert ana.get(f"/dataset-tables/{seen}/operations/{operations[hidden]}").json()["code"] == "operation_not_found"


def test_lists_show_what_is_in_reach_page_by_page(idle_api: Api) -> None:
    mine = [table_in(idle_api, "shop", f"t{number}") for number in range(3)]
    one, other = table_in(idle_api, "store", "one"), table_in(idle_api, "store", "other")
    operations = {table: idle_api.migrate(table, add("x")).json()["operationId"] for table in (*mine, one, other)}
    ana = caller(idle_api, {"roles": ["reader"], **SHOP}, {"scopes": ["tables:read"], "tables": [one]})
    found, token = list[str](), None
    while True:
        page = ana.get("/dataset-tables", pageSize=2, **({"pageToken": token} if token else {})).json()
        found += [table["tableId"] for table in page["tables"]]
        if (token := page.get("nextPageToken")) is None:
            break
    assert found == [one, *reversed(mine)]
    # Operations need a scope of their own, which is held in the dataset only.
    listed = ana.get("/operations", pageSize=2).json()
    rest = ana.get("/operations", pageSize=2, pageToken=listed["nextPageToken"]).json()
    seen = [operation["operationId"] for operation in (*listed["operations"], *rest["operations"])]
    assert seen == [operations[table] for table in reversed(mine)]
    idle_api.post(f"/operations/{operations[mine[0]]}/cancel")
    assert idle_api.client.delete(f"/dataset-tables/{mine[0]}", headers=idle_api.headers).status_code == 204
    assert ana.get(f"/operations/{operations[mine[0]]}").status_code == 200
    assert len(ana.get("/operations").json()["operations"]) == 3


def test_a_missing_scope_is_named(idle_api: Api) -> None:
    table = table_in(idle_api, "shop", "orders")
    reader = caller(idle_api, {"roles": ["reader"], **SHOP})
    refused = reader.migrate(table, add("x"))
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert "migrations:write" in refused.json()["error"]
    assert reader.post(f"/dataset-tables/{table}/migrations/plan", {"operations": [add("x")]}).status_code == 200
    body = {"datasetId": "store", "tableName": "t", "fields": [{"name": "id", "arrowType": "int64"}]}
    owner = caller(idle_api, {"roles": ["owner"], **SHOP})
    assert owner.post("/dataset-tables", body).json()["code"] == "scope_missing"
    assert owner.post("/dataset-tables", {**body, "datasetId": "shop"}).status_code == 201
    assert owner.get("/tokens").status_code == 403


def test_what_there_is_to_call_is_told_to_whoever_has_a_token(idle_api: Api) -> None:
    table = idle_api.new_table()
    for headers, status in ((idle_api.headers, 204), ({}, 401)):
        assert idle_api.client.options(f"/dataset-tables/{table}", headers=headers).status_code == status


def test_losing_data_needs_a_scope_of_its_own(idle_api: Api) -> None:
    table = idle_api.new_table()
    editor = caller(idle_api, {"roles": ["editor"]})
    before = idle_api.events()
    refused = editor.migrate(table, change("drop_column", name="age"))
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert "migrations:destructive" in refused.json()["error"]
    assert idle_api.get("/operations").json()["operations"] == []
    assert idle_api.events() - before <= 1
    assert editor.migrate(table, add("x")).status_code == 202
    owner = caller(idle_api, {"roles": ["owner"]})
    assert owner.migrate(table, change("drop_column", name="age")).status_code == 202


def test_a_token_lives_from_its_making_to_its_end(idle_api: Api) -> None:
    made = token(idle_api, {"roles": ["reader"]}, description="dashboards")
    assert made.headers["cache-control"] == "no-store"
    body = made.json()
    ana = Api(idle_api.client, body["secret"], idle_api.settings)
    me = ana.get("/whoami").json()
    assert (me["subject"], me["tokenId"], me["authentication"]) == ("ana", body["tokenId"], "token")
    listed = idle_api.get("/tokens").json()["tokens"]
    assert [(one["subject"], one["status"]) for one in listed] == [("ana", "good"), ("admin", "good")]
    assert "lastUsedAt" in listed[0]
    assert all("secret" not in one for one in listed)
    rotated = idle_api.post(f"/tokens/{body['tokenId']}/rotate").json()
    assert ana.get("/whoami").json()["code"] == "token_invalid"
    again = Api(idle_api.client, rotated["secret"], idle_api.settings)
    assert again.get("/whoami").json()["tokenId"] == body["tokenId"]
    for _ in range(2):
        assert idle_api.client.delete(f"/tokens/{body['tokenId']}", headers=idle_api.headers).status_code == 204
    assert again.get("/whoami").status_code == 401
    assert idle_api.get(f"/tokens/{body['tokenId']}").json()["status"] == "revoked"
    with composed(idle_api.settings, idle_api.settings.database_url or "") as parts:
        events = parts.house.store.read(0, 1_000)
    topics = [event.fact.topic for event in events]
    assert topics == ["token.issued", "token.issued", "token.rotated", "token.revoked"]
    assert [event.metadata.origin.actor for event in events] == ["system", "admin", "admin", "admin"]


def test_nobody_gives_or_takes_over_more_than_he_has(idle_api: Api) -> None:
    bea = caller(idle_api, {"scopes": ["tokens:manage", "tables:read"], **SHOP}, subject="bea")
    assert token(bea, {"scopes": ["tables:read"], **SHOP}).status_code == 201
    for grant in (
        {"scopes": ["tables:read"]},
        {"roles": ["reader"], **SHOP},
        {"scopes": ["tables:read"], "datasets": ["x"]},
    ):
        refused = token(bea, grant)
        assert (refused.status_code, refused.json()["code"]) == (403, "grant_exceeds_own")
    assert [one["createdBy"] for one in bea.get("/tokens").json()["tokens"]] == ["bea"]
    admin = idle_api.get("/tokens").json()["tokens"][-1]["tokenId"]
    assert bea.post(f"/tokens/{admin}/rotate").json()["code"] == "token_not_found"
    for subject in ("system", "worker:1", "oidc:ana"):
        assert token(idle_api, {"roles": ["reader"]}, subject=subject).json()["code"] == "grant_invalid"
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    short = Api(
        idle_api.client, token(idle_api, {"roles": ["admin"]}, expiresAt=soon).json()["secret"], idle_api.settings
    )
    assert token(short, {"roles": ["reader"]}).json()["expiresAt"] == short.get("/whoami").json()["expiresAt"]
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    assert token(short, {"roles": ["reader"]}, expiresAt=later).json()["code"] == "grant_invalid"
    assert token(idle_api, {"roles": ["reader"]}, expiresAt="2020-01-01T00:00:00Z").json()["code"] == "grant_invalid"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url, size=1)
    yield made
    made.close()


def test_an_end_is_kept_to_the_moment_and_a_revocation_within_seconds(idle_api: Api, database: Database) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    made = token(idle_api, {"roles": ["reader"]}, expiresAt=ends.isoformat()).json()
    seconds, now = [0.0], [ends - timedelta(seconds=1)]
    elsewhere = PostgresTokens(database, seconds=lambda: seconds[0], now=lambda: now[0])
    principal = elsewhere.principal(made["secret"])
    assert principal is not None
    assert elsewhere.remembered(made["secret"]) == principal
    now[0] = ends
    with pytest.raises(TokenExpired):
        elsewhere.remembered(made["secret"])
    now[0] -= timedelta(seconds=1)
    idle_api.client.delete(f"/tokens/{made['tokenId']}", headers=idle_api.headers)
    assert elsewhere.principal(made["secret"]) == principal
    seconds[0] += SECONDS_REMEMBERED
    assert elsewhere.principal(made["secret"]) is None


def test_another_process_hears_of_a_revocation(idle_api: Api) -> None:
    made = token(idle_api, {"roles": ["reader"]}).json()
    with composed(idle_api.settings, idle_api.settings.database_url or "") as parts:
        assert parts.feed.listening.wait(20)
        # With a clock that stands still, only news can make it forget.
        elsewhere = PostgresTokens(parts.database, parts.feed, seconds=lambda: 0.0)
        assert elsewhere.principal(made["secret"]) is not None
        idle_api.client.delete(f"/tokens/{made['tokenId']}", headers=idle_api.headers)
        while elsewhere.remembered(made["secret"]) is not None:
            time.sleep(0.01)
        assert elsewhere.principal(made["secret"]) is None


def test_a_file_with_a_token_that_could_be_guessed_is_refused(idle_api: Api) -> None:
    file, good = idle_api.settings.token_file, idle_api.token
    assert is_well_formed(good)
    for bad in ("", "admin", "sl_", f"{good}x", good[:-1], "sl_short" + f"{zlib.crc32(b'short'):08x}"):
        file.write_text(bad)
        with pytest.raises(ValueError, match="holds no token"):
            prepare(idle_api.settings, idle_api.settings.database_url or "")


def test_the_first_token_is_made_once_and_one_from_before_grants_goes_on(idle_api: Api, database: Database) -> None:
    before = idle_api.events()
    assert prepare(idle_api.settings, idle_api.settings.database_url or "") == (False, True)
    assert idle_api.events() == before
    database.rows("UPDATE access_tokens SET grants = NULL, position = NULL RETURNING 1 AS one", {})
    (listed,) = idle_api.get("/tokens").json()["tokens"]
    assert listed["subject"] == "admin"
    assert token(idle_api, {"roles": ["admin"]}).status_code == 201


def tokens_seen(api: Api) -> set[str]:
    return {one["subject"] for one in api.get("/tokens", pageSize=100).json()["tokens"]}


def test_a_token_in_somebody_elses_name_has_none_of_that_ones_tokens_and_bindings(idle_api: Api) -> None:
    """A subject is a text that whoever makes a token chooses."""
    boss = caller(idle_api, {"roles": ["admin"]}, subject="boss")
    manager = caller(idle_api, {"scopes": ["tokens:manage", "tables:read"], **SHOP}, subject="manager")
    victim = token(boss, {"roles": ["editor"], "datasets": ["store"]}, subject="carol").json()
    binding = boss.post("/role-bindings", {"group": "g", "roles": ["reader"], "datasets": ["store"]}).json()[
        "bindingId"
    ]
    masked = caller(manager, {"scopes": ["tokens:manage"], **SHOP}, subject="boss")
    own = token(masked, {"scopes": ["tokens:manage"], **SHOP}, subject="own").json()["tokenId"]
    assert tokens_seen(masked) == {"own"}
    assert masked.get("/role-bindings").json()["roleBindings"] == []
    for call in (
        lambda: masked.get(f"/tokens/{victim['tokenId']}"),
        lambda: masked.post(f"/tokens/{victim['tokenId']}/rotate"),
        lambda: masked.client.delete(f"/tokens/{victim['tokenId']}", headers=masked.headers),
        lambda: masked.get(f"/role-bindings/{binding}"),
        lambda: masked.client.delete(f"/role-bindings/{binding}", headers=masked.headers),
    ):
        assert call().status_code == 404
    assert Api(idle_api.client, victim["secret"], idle_api.settings).get("/whoami").status_code == 200
    # Neither has the one in whose name it is; whoever manages all has.
    assert tokens_seen(manager) == {"boss"}
    assert manager.get(f"/tokens/{own}").status_code == 404
    assert idle_api.get(f"/tokens/{own}").json()["subject"] == "own"


def test_a_caller_in_somebody_elses_name_uses_up_nothing_of_that_ones_share(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path, rate_limit=20) as api:
        manager = caller(api, {"scopes": ["tokens:manage"], **SHOP}, subject="manager")
        masked = caller(manager, {"scopes": ["tokens:manage"], **SHOP}, subject="admin")
        while masked.get("/whoami").status_code == 200:
            pass
        refused = masked.get("/whoami")
        assert (refused.status_code, "'admin' calls too often" in refused.json()["error"]) == (429, True)
        assert api.get("/whoami").status_code == 200


def test_nobody_gives_access_where_he_manages_none(idle_api: Api) -> None:
    manager = caller(idle_api, {"scopes": ["tokens:manage"], **SHOP}, {"roles": ["reader"], "datasets": ["store"]})
    assert token(manager, {"scopes": ["tokens:manage"], **SHOP}).status_code == 201
    beyond = {"scopes": ["tables:read"], "datasets": ["store"]}
    assert token(manager, beyond).json()["code"] == "grant_exceeds_own"
    bound = manager.post("/role-bindings", {"group": "g", **beyond})
    assert bound.json()["code"] == "grant_exceeds_own"


def test_a_token_rotates_none_that_outlives_it(idle_api: Api) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    visitor = token(idle_api, {"roles": ["admin"]}, subject="visitor", expiresAt=soon).json()
    brief = Api(idle_api.client, visitor["secret"], idle_api.settings)
    for more in ({}, {"expiresAt": later}):
        lasting = token(idle_api, {"roles": ["admin"]}, subject="robot", **more).json()["tokenId"]
        refused = brief.post(f"/tokens/{lasting}/rotate")
        assert (refused.status_code, refused.json()["code"]) == (400, "grant_invalid")
        assert brief.client.delete(f"/tokens/{lasting}", headers=brief.headers).status_code == 204
    # What ends no later may be, itself among it.
    sooner = token(brief, {"roles": ["reader"]}, subject="guest").json()["tokenId"]
    assert brief.post(f"/tokens/{sooner}/rotate").status_code == 200
    assert brief.post(f"/tokens/{visitor['tokenId']}/rotate").json()["expiresAt"] == visitor["expiresAt"]
