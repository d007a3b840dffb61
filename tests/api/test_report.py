"""The compliance report: every change with who, when, why, before, after, approval, result and proof."""

import re
from typing import Any

import pytest

from domain.handlers import reporting
from domain.subject.texts import ERASED
from tests.api.conftest import Api
from tests.api.test_erasure import ADD, DROP, Caller, wrote

EVIL = "<script>alert(1)</script> | `x` **bold**"


@pytest.fixture
def changed(api: Api) -> str:
    """A table that Ann and Bob changed, and on which a command was refused."""
    ann, bob = Caller(api, "u-17"), Caller(api, "u-23")
    api.post("/subjects", {"subjectId": "u-17", "name": "Ann Example"})
    table = ann.new_table("orders")
    assert api.finished(wrote(ann, table, "SHOP-412", ADD))["status"] == "completed"
    assert api.finished(wrote(bob, table, EVIL, DROP))["status"] == "completed"
    assert bob.migrate(table, DROP).status_code == 400
    return table


def report(api: Api, media: str, **query: Any) -> str:
    answer = api.client.get("/audit/report", headers={**api.headers, "Accept": media}, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(media)
    return answer.text


@pytest.mark.parametrize("media", ["text/html", "text/markdown"])
def test_every_change_is_told_with_who_why_before_after_approval_and_result(api: Api, changed: str, media: str) -> None:
    text = report(api, media, tableId=changed)
    told = re.sub(r"<[^>]*>|[\\*]", " ", text)
    for wanted in (
        "d.orders",
        "1 command was refused",
        "Drop 'age'." if media == "text/markdown" else "Drop &#x27;age&#x27;.",
        "data_loss" if media == "text/html" else "data _loss",
        "version 1 to 2",
        "version 2 to 3",
        "Ann Example (u-17)",
        "u-23",
        "SHOP-412",
        "Not required: no policy asked for one.",
        "city utf8",
        "age int32",
        "Succeeded, 20",
        "by worker:w",
        "There is no column 'age'" if media == "text/markdown" else "There is no column &#x27;age&#x27;",
        f"schemaledger audit evidence --table {changed}",
    ):
        assert wanted in told, wanted


def test_the_page_needs_nothing_else_and_nothing_on_it_runs(api: Api, changed: str) -> None:
    text = report(api, "text/html", tableId=changed)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert not re.search(r"https?://|src=|@import|url\(", text)
    assert set(re.findall(r"href=\"(.)", text)) == {"#"}
    assert "@media print" in text


def test_what_people_wrote_has_no_effect_on_the_layout_of_markdown(api: Api, changed: str) -> None:
    text = report(api, "text/markdown", tableId=changed)
    assert r"\<script\>alert(1)\</script\> \| \`x\` \*\*bold\*\*" in text


def test_a_change_says_how_far_it_is_sealed(api: Api, changed: str) -> None:
    positions = [event["position"] for event in api.get("/audit/events", tableId=changed).json()["events"]]
    while True:
        found = api.get("/audit/checkpoints", pageSize=1).json()["checkpoints"]
        if found and found[0]["treeSize"] >= positions[-1]:
            break
    text = report(api, "text/markdown", tableId=changed)
    assert len(re.findall(r"\*\*Proof:\*\* Sealed: positions \d+ to \d+ of the log", text)) == 2


def test_a_period_tells_of_all_tables_and_of_nothing_before_it(api: Api, changed: str) -> None:
    other = api.new_table("later")
    begins = api.get(f"/dataset-tables/{other}").json()["createdAt"]
    text = report(api, "text/markdown", **{"from": begins})
    assert "d.later" in text
    assert "d.orders" not in text
    assert "0 changes" in text
    whole = report(api, "text/markdown", **{"from": "2020-01-01T00:00:00Z"})
    assert whole.count("### Change ") == 2
    assert (
        report(api, "text/markdown", **{"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}).count("## d.")
        == 0
    )


def test_a_report_is_of_something_that_is_there_and_small_enough_to_be_read(
    api: Api, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.get("/audit/report").json()["details"]["violations"][0]["pointer"] == "/tableId"
    unknown = api.get("/audit/report", tableId="00000000-0000-0000-0000-000000000001")
    assert unknown.json()["code"] == "table_not_found"
    monkeypatch.setattr(reporting, "MOST_CHANGES", 1)
    assert api.get("/audit/report", tableId=changed).json()["code"] == "report_too_large"


def test_reading_a_report_is_written_down_and_the_erased_are_not_in_it(api: Api, changed: str) -> None:
    api.post("/subjects/erase", {"subjectId": "u-17"})
    text = report(api, "text/html", tableId=changed)
    assert "SHOP-412" not in text
    assert "Ann Example" not in text
    assert ERASED in text
    read = api.get("/audit/events", type="trail.read").json()["events"][0]["details"]
    assert (read["what"], read["format"], read["filters"]) == ("report", "html", {"tableId": changed})
