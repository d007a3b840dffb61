"""Hostile text in every place of the published document that takes any: nothing is carried out, nothing gets out."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.api.conftest import Api
from tests.api.published import Call, Place, calls, places, put
from tests.api.test_hostility import HOSTILE, REFUSED, files
from tests.domain.planning import change

ENDLESS = ("followOperation", "followTableOperation")
"""Streams of an operation that goes on end with it; here it has ended."""
NO_HEADER = dict.fromkeys([*range(32), 127])
ALL = bool(os.environ.get("SCHEMALEDGER_TEST_ALL"))
"""Every text in every place, which takes minutes; else every text in some places, and in every place some."""
SHARE = 4
PLACES = [(call, place) for call in calls() for place in places(call)]
TEXTS = [*HOSTILE, *REFUSED, "a\\\x00'\"`$[]{}", "\udcff"]


def test_there_is_much_to_try() -> None:
    assert len({call.called for call, _ in PLACES}) > 50
    assert len(PLACES) > 250
    assert {place.kind for _, place in PLACES} == {"path", "query", "header", "body"}


@pytest.mark.parametrize("half", [0, 1])
def test_no_text_in_any_place_is_carried_out(api: Api, tmp_path: Path, half: int) -> None:
    known = a_table(api)
    before, tables = files(tmp_path), in_database(api)
    events = api.events()
    for number, (call, place) in enumerate(PLACES[half::2]):
        for text in TEXTS if ALL else TEXTS[number % SHARE :: SHARE]:
            attack(api, known, call, place, text)
    assert files(tmp_path) == before
    assert in_database(api) == tables
    assert api.events() >= events
    assert not [*Path.cwd().glob("pwned*"), *Path("/tmp").glob("pwned*")]
    assert api.get(f"/dataset-tables/{known['tableId']}").json()["tableName"] == "people"
    assert api.get("/whoami").json()["subject"] == "admin"


def a_table(api: Api) -> dict[str, str]:
    """Ids to go on from: of a table, and of a migration that was cancelled."""
    table = api.new_table()
    operation = api.migrate(table, change("rename_column", oldName="name", newName="called")).json()
    api.post(f"/operations/{operation['operationId']}/cancel")
    return {
        "tableId": table,
        "operationId": operation["operationId"],
        "migrationId": operation["migrationId"],
        "datasetId": "d",
        "version": "1",
        "name": "age",
    }


def in_database(api: Api) -> dict[str, int]:
    """The database's tables, and how many columns each has."""
    with psycopg.connect(api.settings.database_url or "") as connection:
        query = "SELECT table_name, count(*) FROM information_schema.columns WHERE table_schema = 'public' GROUP BY 1"
        return dict(connection.execute(query).fetchall())


def attack(api: Api, known: dict[str, str], call: Call, place: Place, text: str) -> None:
    # The table that the rest is tried on stays.
    if call.called == "unregisterTable" and text in known.values():
        return
    path = call.path
    for part in [part[1:-1] for part in call.path.split("/") if part.startswith("{")]:
        value = text if place.kind == "path" and place.steps == (part,) else known.get(part, "x")
        if not value.strip("./ ") or "\udcff" in value:
            value = "%2e%2e%2f"
        path = path.replace(f"{{{part}}}", quote(value, safe=""))
    if call.called == "unregisterTable" and place.kind != "path":
        return
    name = place.steps[0] if place.steps else ""
    headers, query, body = {**api.headers, "Content-Type": "application/json"}, {}, call.body
    if body is None:
        del headers["Content-Type"]
    if place.kind == "header":
        headers[name] = text.translate(NO_HEADER).encode("utf-8", "replace").decode("latin-1")
    elif place.kind == "query":
        query[name] = text.encode("utf-8", "replace").decode()
    elif place.kind == "body":
        body = put(call.body, place.steps, text)
    answer = api.client.request(
        call.method,
        path,
        headers={name: value.encode("latin-1") for name, value in headers.items()},
        params=query,
        **as_json(body),
    )
    assert answer.status_code < 500, (call.called, place, text, answer.text)
    if answer.is_error:
        assert set(answer.json()) == {"error", "code", "details", "retryable"}


def as_json(body: Any) -> dict[str, Any]:
    """With half of a surrogate pair as JSON can say it."""
    return {} if body is None else {"content": json.dumps(body).encode()}


NAMES = [
    "select",
    "a b",
    'say "it"',
    "it's",
    "a'; DROP TABLE t; --",
    "back\\slash",
    "sla/sh",
    "[brackets]",
    "{braces}",
    "100%",
    "$1",
    "@x",
    "#",
    "?",
    "a,b",
    "a;b",
    "(a)",
    "ünïcödé",
    "表",
    "🗂️",
    "नाम",
    "اسم",
    "e\u0301",
    "\u202eabc",
    "a\u200bb",
    "\U0010ffff",
    "COUNT(*)",
    "CASE",
    "null",
    "x" * 255,
]


def test_a_column_may_have_any_name_that_the_engine_holds_and_everything_is_done_with_it(api: Api) -> None:
    for number, name in enumerate(NAMES):
        fields = [{"name": name, "arrowType": "int32", "nullable": False}, {"name": "other", "arrowType": "utf8"}]
        made = api.post("/dataset-tables", {"datasetId": "d", "tableName": f"{number} {name}"[:255], "fields": fields})
        assert made.status_code == 201, (name, made.text)
        table, later = made.json()["tableId"], f"{name[:240]} too"
        asked = api.migrate(
            table,
            change("change_column_type", name=name, oldType="int32", newType="int64"),
            change("add_column", name=later, dataType="utf8", nullable=False, defaultValue=name),
            change("alter_column_nullability", name=name, nullable=True),
            change("alter_column_nullability", name=name, nullable=False),
            change("set_primary_key", columns=[name]),
            change("set_column_comment", name=name, comment=name),
            change("add_scalar_index", column=later, indexType="btree", name=f"{name[:240]} idx"),
            change("rename_column", oldName="other", newName=f"{name[:240]} renamed"),
        )
        assert asked.status_code == 202, (name, asked.text)
        ended = api.finished(asked.json()["operationId"])
        assert ended["status"] == "completed", (name, ended)
        schema = api.get(f"/dataset-tables/{table}/schema").json()
        assert [field["name"] for field in schema["fields"]] == [name, f"{name[:240]} renamed", later]
        assert schema["primaryKeyColumns"] == [name]
        shown = api.client.get(f"/dataset-tables/{table}/columns/{quote(name, safe='')}/history", headers=api.headers)
        assert shown.status_code == 200, (name, shown.text)
        dropped = api.migrate(table, change("drop_column", name=later))
        assert api.finished(dropped.json()["operationId"])["status"] == "completed", name


@pytest.mark.parametrize(
    "said", [b'"a\\u0000b"', b'"\\u001b[31m"', b'"a\\u0085b"', b'"\\udc00"', b'"\\ud800x"', b'"a\nb"']
)
def test_control_characters_and_half_characters_are_refused_where_they_stand(idle_api: Api, said: bytes) -> None:
    headers = {**idle_api.headers, "Content-Type": "application/json"}
    for member, pointer in ((b"datasetId", "/datasetId"), (b"tableName", "/tableName")):
        rest = b'"tableName": "t"' if member == b"datasetId" else b'"datasetId": "d"'
        body = b'{"%s": %s, %s, "fields": [{"name": "id", "arrowType": "int64"}]}' % (member, said, rest)
        answer = idle_api.client.post("/dataset-tables", headers=headers, content=body)
        assert answer.status_code == 400
        (violation,) = answer.json()["details"]["violations"]
        # Half a surrogate pair, and a line break within a text, are no JSON at all: the place is told by byte.
        assert violation["pointer"] == pointer or violation["code"] == "json_invalid"
