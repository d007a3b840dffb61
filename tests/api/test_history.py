"""Asking about the past: what was true, what was known, what became of it, and why."""

from datetime import datetime, timedelta
from typing import Any

import lance
import pytest

from tests.api.conftest import Api
from tests.domain.planning import add


def changed_outside_and_adopted(api: Api) -> tuple[str, dict[int, dict[str, Any]]]:
    """A table of three versions, the last of them adopted, and what is listed of each."""
    table = api.new_table()
    api.finished(api.migrate(table, add("x")).json()["operationId"])
    location = str(api.get(f"/dataset-tables/{table}").json()["location"])
    lance.dataset(location).alter_columns({"path": "name", "name": "label"})
    api.post(f"/dataset-tables/{table}/adopt")
    listed = api.get(f"/dataset-tables/{table}/schema/versions").json()["versions"]
    return table, {version["versionNumber"]: version for version in listed}


def test_a_schema_is_answered_as_it_was_and_as_it_was_known(api: Api) -> None:
    table, versions = changed_outside_and_adopted(api)
    path = f"/dataset-tables/{table}/schema"
    instant = timedelta(microseconds=1)
    applied = {number: datetime.fromisoformat(version["appliedAt"]) for number, version in versions.items()}
    known = {number: datetime.fromisoformat(version["knownAt"]) for number, version in versions.items()}

    def version(**query: datetime) -> int:
        answer = api.get(path, **{name: value.isoformat() for name, value in query.items()})
        assert answer.headers["etag"] == f'"v{answer.json()["versionNumber"]}"'
        return int(answer.json()["versionNumber"])

    assert version(at=known[1]) == 1
    assert version(at=known[2] - instant) == 1
    assert version(at=known[2]) == 2
    # The outside change was true before anybody knew of it.
    assert applied[3] < known[3]
    assert version(at=applied[3] - instant) == 2
    assert version(at=applied[3]) == 3
    assert version(at=applied[3], knownAt=known[3] - instant) == 2
    assert version(at=applied[3], knownAt=known[3]) == 3
    assert version(knownAt=known[3] - instant) == 2
    assert version(at=known[1], knownAt=known[3]) == 1
    assert version(at=known[3] + timedelta(days=9)) == 3
    assert api.get(path, version=3).json() == api.get(path, at=applied[3].isoformat()).json() == api.get(path).json()


def test_a_schema_is_answered_as_of_a_position_of_the_log(api: Api) -> None:
    table, versions = changed_outside_and_adopted(api)
    path = f"/dataset-tables/{table}/schema"
    for number, version in versions.items():
        assert api.get(path, position=version["position"]).json()["versionNumber"] == number
        if number > 1:
            assert api.get(path, position=version["position"] - 1).json()["versionNumber"] == number - 1
    assert api.get(path, position=10**30).json()["versionNumber"] == 3


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"version": 1, "at": "2026-01-01T00:00:00Z"}, ["/at"]),
        ({"version": 1, "position": 1, "knownAt": "2026-01-01T00:00:00Z"}, ["/position", "/knownAt"]),
        ({"position": 1, "at": "2026-01-01T00:00:00Z"}, ["/at"]),
        ({"at": "2026-01-01T00:00:00"}, ["/at"]),
        ({"at": "2026-01-01T00:00:00 02:00"}, ["/at"]),
        ({"knownAt": "yesterday"}, ["/knownAt"]),
        ({"position": 0}, ["/position"]),
    ],
)
def test_what_cannot_be_asked_is_refused_at_its_parameter(
    idle_api: Api, query: dict[str, object], pointers: list[str]
) -> None:
    table = idle_api.new_table()
    refused = idle_api.get(f"/dataset-tables/{table}/schema", **query)
    assert (refused.status_code, refused.json()["code"]) == (400, "validation_failed")
    violations = refused.json()["details"]["violations"]
    assert [(one["pointer"], one["code"]) for one in violations] == [(at, "parameter_invalid") for at in pointers]


def test_before_the_first_version_nothing_is_known(api: Api) -> None:
    api.new_table("earlier")
    table = api.new_table()
    (first,) = api.get(f"/dataset-tables/{table}/schema/versions").json()["versions"]
    early = (
        {"at": "0001-01-01T00:00:00+14:00"},
        {"knownAt": "2001-01-01T00:00:00Z"},
        {"position": first["position"] - 1},
    )
    for query in early:
        refused = api.get(f"/dataset-tables/{table}/schema", **query)
        assert (refused.status_code, refused.json()["code"]) == (404, "schema_not_yet_known")
        assert f"position {first['position']}." in refused.json()["error"]
    assert api.get(f"/dataset-tables/{'0' * 32}/schema", position=1).json()["code"] == "table_not_found"
