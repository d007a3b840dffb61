"""Callers who try to break out: through every name, location and text, and by sheer size."""

from itertools import product
from pathlib import Path
from typing import Any

import httpx

from tests.api.conftest import Api

HOSTILE = [
    "'; DROP TABLE stored_events; --",
    '" OR 1=1; DELETE FROM access_tokens; --',
    "%s %(name)s %%",
    "{0.__class__.__init__.__globals__}",
    "${jndi:ldap://x/y} {{7*7}} <%= 7*7 %>",
    "$(touch pwned) `touch pwned` ; touch pwned",
    "../../../../pwned",
    "/etc/passwd",
    "file:///etc/passwd",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '=HYPERLINK("http://x")',
    "\u202egnp.exe \u200b\ufeff",
    "name\\with\\backslashes",
    "ünïcödé 表 🗂",
    "_rowid",
    "SELECT",
    "a" * 255,
]
REFUSED = ["", "a\x00b", "a\nb", "\x1b[31m", "a" * 256]


def files(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if "/tables/" not in str(path)}


def answered(answer: httpx.Response) -> Any:
    """What a hostile call may end in: a success, or an error in the envelope that names the place."""
    assert answer.status_code < 500, answer.text
    if answer.is_error:
        assert set(answer.json()) == {"error", "code", "details", "retryable"}
    return answer.json()


def test_nothing_in_a_name_or_text_is_carried_out(idle_api: Api, tmp_path: Path) -> None:
    before, safe = files(tmp_path), idle_api.new_table("safe")
    for text in HOSTILE:
        of_a_table(idle_api, tmp_path, text)
        of_calls(idle_api, safe, text)
    assert idle_api.events() > len(HOSTILE)
    assert files(tmp_path) == before
    assert not list(Path.cwd().glob("pwned*"))


def of_a_table(idle_api: Api, tmp_path: Path, text: str) -> None:
    fields = [{"name": "id", "arrowType": "int64"}, {"name": text, "arrowType": "utf8", "comment": text}]
    body = {"datasetId": text, "tableName": text, "description": text, "fields": fields}
    made = idle_api.post("/dataset-tables", body)
    table = answered(made)
    if made.status_code == 201:
        location = Path(table["location"])
        assert location.resolve().is_relative_to((tmp_path / "tables").resolve())
        found = answered(idle_api.get(f"/dataset-tables/{table['tableId']}"))
        assert (found["datasetId"], found["tableName"], found["description"]) == (text, text, text)
        schema = answered(idle_api.get(f"/dataset-tables/{table['tableId']}/schema"))
        assert [field["name"] for field in schema["fields"]] == ["id", text]
        listed = answered(idle_api.get("/dataset-tables", datasetId=text, name=text))
        assert [each["tableId"] for each in listed["tables"]] == [table["tableId"]]
        change = {"type": "add_column", "params": {"name": "more", "dataType": "utf8", "nullable": True}}
        change["params"]["defaultValue"] = text  # type: ignore[index]
        asked = {"operations": [change], "description": text}
        accepted = answered(idle_api.post(f"/dataset-tables/{table['tableId']}/migrations", asked))
        assert accepted["description"] == text
        stopped = answered(idle_api.post(f"/operations/{accepted['operationId']}/cancel", {"reason": text}))
        assert stopped["cancellation"]["reason"] == text


def of_calls(idle_api: Api, safe: str, text: str) -> None:
    path = f"/dataset-tables/{safe}"
    for change in (
        {"type": "add_column", "params": {"name": text, "dataType": text, "nullable": True}},
        {"type": "rename_column", "params": {"oldName": "name", "newName": text}},
        {"type": "drop_column", "params": {"name": text}},
        {"type": "add_scalar_index", "params": {"column": text, "indexType": text, "indexName": text}},
    ):
        answered(idle_api.post(f"{path}/migrations/plan", {"operations": [change]}))
    for query in ("at", "knownAt", "version", "position"):
        answered(idle_api.get(f"{path}/schema", **{query: text}))
    for query in ("pageToken", "status", "targetId", "operationType"):
        answered(idle_api.get("/operations", **{query: text}))
    answered(idle_api.post(f"{path}/migrations", {"operations": []}, Idempotency_Key=ascii(text)[:250]))


OUTSIDE = [
    "/etc",
    "../outside",
    "tables/../../outside",
    "file:///etc",
    "s3://bucket/x",
    "http://x/y",
    "~/x",
    "\x00",
    " ",
]


def test_a_location_outside_the_roots_is_refused(idle_api: Api, tmp_path: Path) -> None:
    fields = [{"name": "id", "arrowType": "int64"}]
    for location in OUTSIDE:
        body: dict[str, Any] = {"datasetId": "d", "tableName": "t", "location": location}
        for asked in (body, {**body, "fields": fields}):
            answer = idle_api.post("/dataset-tables", asked)
            assert answer.status_code == 400, (location, answer.text)
    (tmp_path / "outside").mkdir()
    (tmp_path / "tables" / "link").symlink_to(tmp_path / "outside")
    linked = {**body, "location": str(tmp_path / "tables" / "link" / "t"), "fields": fields}
    assert idle_api.post("/dataset-tables", linked).json()["code"] == "location_not_allowed"
    assert not list((tmp_path / "outside").iterdir())


def test_names_that_cannot_be_are_refused_with_their_place(idle_api: Api) -> None:
    fields = [{"name": "id", "arrowType": "int64"}]
    for member, name in product(("datasetId", "tableName"), REFUSED):
        body = {"datasetId": "d", "tableName": "t", "fields": fields, member: name}
        answer = idle_api.post("/dataset-tables", body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["details"]["violations"][0]["pointer"] == f"/{member}"
    for name in REFUSED:
        body = {"datasetId": "d", "tableName": "t", "fields": [{"name": name, "arrowType": "int64"}]}
        assert idle_api.post("/dataset-tables", body).status_code == 400


def test_sheer_size_is_refused(idle_api: Api) -> None:
    table = idle_api.new_table()
    path = f"/dataset-tables/{table}/migrations"

    def send(content: bytes) -> tuple[int, str]:
        headers = {**idle_api.headers, "Content-Type": "application/json"}
        answer = idle_api.client.post(path, headers=headers, content=content)
        assert set(answer.json()) == {"error", "code", "details", "retryable"}
        return answer.status_code, answer.json()["code"]

    assert send(b"[" * 1_000_000) == (400, "validation_failed")
    assert send(b'{"operations":' * 100_000) == (400, "validation_failed")
    assert send(b'{"operations":[' + b"{}," * 2_000 + b"{}]}") == (400, "validation_failed")
    assert send(b" " * (5 * 1024 * 1024)) == (413, "body_too_large")
    nested = "list<" * 3_000 + "int8" + ">" * 3_000
    change = {"type": "add_column", "params": {"name": "deep", "dataType": nested, "nullable": True}}
    answer = idle_api.post(f"{path}/plan", {"operations": [change]})
    assert answer.status_code == 200
    assert not answer.json()["isValid"]
    assert idle_api.get("/operations", pageSize=201).status_code == 400
    assert idle_api.get("/operations", pageToken="A" * 10_000).status_code == 400
