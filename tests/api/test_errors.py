"""Whatever is asked wrongly: the right status, the envelope, a pointer, every violation, and nothing written."""

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.domain.planning import add, drop, nullability, rename, retype


def assert_envelope(body: dict[str, Any]) -> None:
    assert set(body) == {"error", "code", "details", "retryable"}
    assert isinstance(body["error"], str)
    assert isinstance(body["retryable"], bool)
    assert body["details"]["requestId"]


BAD: list[tuple[str, list[Any], list[tuple[str, str]]]] = [
    ("unknown type", [{"type": "explode", "params": {}}], [("/operations/0/type", "malformed")]),
    ("no type", [{"params": {}}], [("/operations/0/type", "malformed")]),
    ("unknown field", [{**drop("age"), "x": 1}], [("/operations/0/x", "malformed")]),
    (
        "unknown parameter",
        [{"type": "drop_column", "params": {"name": "age", "cascade": True}}],
        [("/operations/0/params/cascade", "malformed")],
    ),
    ("missing parameter", [{"type": "drop_column", "params": {}}], [("/operations/0/params/name", "malformed")]),
    ("no operations", [], [("/operations", "malformed")]),
    ("not an object", [5], [("/operations/0", "malformed")]),
    ("duplicate column", [add("age")], [("/operations/0/params/name", "column_already_exists")]),
    ("missing column", [drop("nobody")], [("/operations/0/params/name", "column_not_found")]),
    ("old type", [retype("age", "int64", "utf8")], [("/operations/0/params/oldType", "old_type_mismatch")]),
    ("bad type text", [add("x", "int33")], [("/operations/0/params/dataType", "type_invalid")]),
    ("bad default", [add("x", "int8", defaultValue="a")], [("/operations/0/params/defaultValue", "default_not_valid")]),
    ("wrong kind", [nullability("age", "no")], [("/operations/0/params/nullable", "malformed")]),  # type: ignore[arg-type]
    (
        "several at once",
        [drop("nobody"), rename("name", "age"), add("age", "int33")],
        [
            ("/operations/0/params/name", "column_not_found"),
            ("/operations/1/params/newName", "column_already_exists"),
            ("/operations/2/params/dataType", "type_invalid"),
        ],
    ),
    (
        "several malformed",
        [{"type": "drop_column", "params": {"name": 1}}, drop("age"), {"type": "x"}],
        [("/operations/0/params/name", "malformed"), ("/operations/2/type", "malformed")],
    ),
]


@pytest.mark.parametrize(("operations", "expected"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_migration_is_refused_at_every_place(
    idle_api: Api, operations: list[Any], expected: list[tuple[str, str]]
) -> None:
    table = idle_api.new_table()
    before = idle_api.events()
    for path in ("migrations", "migrations/plan"):
        answer = idle_api.post(f"/dataset-tables/{table}/{path}", {"operations": operations})
        if path.endswith("plan") and answer.status_code == 200:
            violations = answer.json()["violations"]
        else:
            assert answer.status_code == 400
            assert_envelope(answer.json())
            assert (answer.json()["code"], answer.json()["retryable"]) == ("validation_failed", False)
            violations = answer.json()["details"]["violations"]
        assert [(violation["pointer"], violation["code"]) for violation in violations] == expected
    assert idle_api.events() == before


def test_not_null_without_a_default_is_refused_when_there_are_rows(idle_api: Api) -> None:
    import lance
    import pyarrow as pa

    table = idle_api.new_table()
    assert idle_api.migrate(table, add("a", nullable=False)).status_code == 202
    other = idle_api.new_table("others")
    location = idle_api.get(f"/dataset-tables/{other}").json()["location"]
    rows = pa.Table.from_pylist([{"id": 1}], schema=lance.dataset(location).schema)
    lance.write_dataset(rows, location, mode="append")
    refused = idle_api.migrate(other, add("a", nullable=False)).json()
    assert refused["details"]["violations"][0]["code"] == "default_required"
    assert "1 rows" in refused["error"]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b'{"operations": [', "not valid JSON"), (b"", "empty"), (b"\xff\xfe", "not valid JSON"), (b"[]", "object")],
)
def test_what_is_no_json_object_is_refused(idle_api: Api, content: bytes, says: str) -> None:
    table = idle_api.new_table()
    answer = idle_api.client.post(
        f"/dataset-tables/{table}/migrations",
        content=content,
        headers={**idle_api.headers, "Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert_envelope(answer.json())
    assert says in answer.json()["error"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", None])
def test_other_kinds_of_bodies_are_refused(idle_api: Api, content_type: str | None) -> None:
    headers = dict(idle_api.headers)
    if content_type is not None:
        headers["Content-Type"] = content_type
    answer = idle_api.client.post("/dataset-tables", content=b'{"datasetId": "d"}', headers=headers)
    assert answer.status_code == 415
    assert_envelope(answer.json())


def test_a_huge_body_is_refused(idle_api: Api) -> None:
    content = b'{"operations": [' + b" " * (5 * 1024 * 1024) + b"]}"
    answer = idle_api.client.post(
        f"/dataset-tables/{idle_api.new_table()}/migrations",
        content=content,
        headers={**idle_api.headers, "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert_envelope(answer.json())


def test_too_many_operations_are_refused(idle_api: Api) -> None:
    answer = idle_api.migrate(idle_api.new_table(), *[add(f"c{number}") for number in range(1_001)])
    assert answer.json()["details"]["violations"][0]["pointer"] == "/operations"


def test_paths_and_methods_that_are_not_there_have_the_envelope_too(idle_api: Api) -> None:
    nowhere = idle_api.get("/nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")
    assert_envelope(nowhere.json())
    wrong = idle_api.client.put("/dataset-tables", headers=idle_api.headers)
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in wrong.headers["allow"]
    assert_envelope(wrong.json())


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({}, "token_missing"),
        ({"Authorization": "Basic abc"}, "token_missing"),
        ({"Authorization": "Bearer "}, "token_missing"),
        ({"Authorization": "Bearer sl_wrong"}, "token_invalid"),
    ],
)
def test_without_a_good_token_nothing_is_answered(idle_api: Api, header: dict[str, str], code: str) -> None:
    for path in ("/dataset-tables", "/operations", f"/dataset-tables/{idle_api.new_table()}/schema"):
        answer = idle_api.client.get(path, headers=header)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert_envelope(answer.json())


def test_what_needs_no_token_is_answered_without_one(idle_api: Api) -> None:
    for path in ("/health/live", "/health/ready", "/openapi.json", "/docs", "/docs/static/swagger-ui.css"):
        assert idle_api.client.get(path).status_code == 200


def test_every_answer_says_which_request_it_belongs_to(idle_api: Api) -> None:
    given = idle_api.client.get("/nowhere", headers={"X-Request-Id": "abc-1"})
    assert given.headers["x-request-id"] == given.json()["details"]["requestId"] == "abc-1"
    assert idle_api.client.get("/health/live").headers["x-request-id"]
    spoilt = idle_api.client.get("/nowhere", headers={"X-Request-Id": "a b"})
    assert spoilt.headers["x-request-id"] != "a b"


@pytest.mark.parametrize(
    ("query", "value"), [("pageSize", 0), ("pageSize", 201), ("pageSize", "x"), ("status", "done")]
)
def test_parameters_out_of_range_are_named(idle_api: Api, query: str, value: Any) -> None:
    answer = idle_api.get("/operations", **{query: value})
    assert answer.status_code == 400
    assert_envelope(answer.json())
    assert answer.json()["details"]["violations"][0]["pointer"] == f"/{query}"


def test_a_caller_is_told_which_methods_a_path_has(idle_api: Api) -> None:
    answer = idle_api.client.options("/dataset-tables", headers=idle_api.headers)
    assert answer.status_code == 204
    assert answer.headers["allow"] == "GET, OPTIONS, POST"


LONG = "n" * 1_000_000


@pytest.mark.parametrize(
    "operation",
    [
        add(LONG),
        add("x", LONG),
        add("x", "int8", defaultValue=LONG),
        drop(LONG),
        rename(LONG, LONG),
        {"type": LONG, "params": {}},
        {"type": "drop_column", "params": {"name": "age", LONG: True}},
        {"type": "drop_column", "params": {"name": "age"}, LONG: 1},
    ],
    ids=["name", "type", "default", "unknown", "rename", "kind", "parameter", "member"],
)
def test_what_was_sent_is_said_again_in_short_only(idle_api: Api, operation: Any) -> None:
    table = idle_api.new_table()
    for path in ("migrations", "migrations/plan"):
        answer = idle_api.post(f"/dataset-tables/{table}/{path}", {"operations": [operation]})
        assert answer.status_code in (200, 400)
        assert len(answer.content) < 20_000


def test_other_calls_say_long_words_again_in_short_only(idle_api: Api) -> None:
    table = idle_api.new_table()
    grant = {"roles": [LONG]}
    answers = [
        idle_api.post("/dataset-tables", {"datasetId": LONG, "tableName": LONG, "fields": []}),
        idle_api.post("/dataset-tables", {"datasetId": "d", "tableName": "t", "location": LONG}),
        idle_api.post("/tokens", {"subject": "a", "grants": [grant]}),
        idle_api.post("/role-bindings", {"group": "g", **grant}),
        idle_api.post(f"/dataset-tables/{table}/indexes", {"columns": [LONG], "indexType": LONG}),
        idle_api.post("/webhooks", {"url": f"https://{LONG}", "eventTypes": [LONG]}),
        idle_api.post(f"/projections/{'x' * 60_000}/rebuild"),
        idle_api.get("/dataset-tables", pageToken="x" * 60_000),
        idle_api.post("/dataset-tables", {LONG: 1}),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500
        assert len(answer.content) < 20_000, answer.url


def test_no_more_violations_are_listed_than_anybody_reads(idle_api: Api) -> None:
    fields = [{"name": f"c{number}", "arrowType": "nothing"} for number in range(3_000)]
    answer = idle_api.post("/dataset-tables", {"datasetId": "d", "tableName": "t", "fields": fields})
    assert answer.status_code == 400
    assert "(and 2999 more)" in answer.json()["error"]
    assert len(answer.json()["details"]["violations"]) == 1_000
