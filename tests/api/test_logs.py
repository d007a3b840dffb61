"""Logs: one object per line that says what it is about, and no secret in any of them."""

import json
import logging
import sys
from collections.abc import Iterator
from contextvars import copy_context
from threading import Thread
from typing import Any

import pytest

import api.worker as api_worker
from api.logs import FIELDS, JsonFormatter, TextFormatter, about, set_up_logs
from tests.api.conftest import Api
from tests.domain.planning import add

log = logging.getLogger("schemaledger.test")


class Lines(logging.Handler):
    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.texts = list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    def parsed(self, logger: str) -> list[dict[str, Any]]:
        return [line for text in self.texts if (line := json.loads(text))["logger"] == logger]


def listening(formatter: logging.Formatter) -> Iterator[Lines]:
    root, lines = logging.getLogger(), Lines(formatter)
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(lines)
    root.setLevel(level)


@pytest.fixture
def lines() -> Iterator[Lines]:
    yield from listening(JsonFormatter())


@pytest.fixture
def text() -> Iterator[Lines]:
    yield from listening(TextFormatter())


def test_a_line_says_what_it_is_about(lines: Lines) -> None:
    with about(lambda: {"operationId": "o", "attempt": 1}), about(lambda: {"attempt": 2}):
        log.warning("said %s", "so", extra={FIELDS: {"more": 1.5}})
    log.info("plain")
    said, plain = lines.parsed("schemaledger.test")
    assert (said["level"], said["message"]) == ("warning", "said so")
    assert (said["operationId"], said["attempt"], said["more"]) == ("o", 2, 1.5)
    assert said["time"].endswith("Z")
    assert "operationId" not in plain


def test_a_thread_may_take_the_subject_along(lines: Lines) -> None:
    with about(lambda: {"operationId": "o"}):
        thread = Thread(target=copy_context().run, args=(log.info, "beat"))
        thread.start()
        thread.join()
    assert lines.parsed("schemaledger.test")[0]["operationId"] == "o"


def test_the_line_for_people_has_the_same(text: Lines) -> None:
    with about(lambda: {"operationId": "o"}):
        log.info("said so", extra={FIELDS: {"status": 200}})
    assert text.texts[-1].endswith("schemaledger.test: said so  operationId=o  status=200")


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("Authorization: Bearer sl_abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnop"),
        ("bearer eyJhbGciOi.J9.x failed", "eyJhbGciOi"),
        ("connecting to postgresql://me:hunter2@db:5432/x", "hunter2"),
        ("connection failed: host=db password=hunter2 user=me", "hunter2"),
        ("token sl_Zm9vYmFyYmF6cXV4Zm9vYmFy12345678 was made", "Zm9vYmFy"),
    ],
)
def test_secrets_do_not_get_through(lines: Lines, said: str, secret: str) -> None:
    log.info("%s", said)
    try:
        raise ValueError(said)
    except ValueError:
        log.exception("failed", extra={FIELDS: {"why": said}})
    assert len(lines.parsed("schemaledger.test")) == 2
    assert not [line for line in lines.texts if secret in line]


def test_every_request_is_told_with_its_id_route_status_and_duration(api: Api, lines: Lines) -> None:
    table = api.new_table()
    api.client.get(f"/dataset-tables/{table}", headers={**api.headers, "X-Request-Id": "r-1"})
    api.client.get("/nothing/here")
    api.client.get("/health/live")
    told = lines.parsed("schemaledger.access")
    (one,) = [line for line in told if line["requestId"] == "r-1"]
    assert (one["method"], one["route"], one["status"]) == ("GET", "/dataset-tables/{tableId}", 200)
    assert (one["tableId"], one["actor"], one["level"]) == (table, "admin", "info")
    assert one["durationMs"] >= 0
    assert [line["status"] for line in told if line["route"] == "unmatched"] == [404]
    assert [line["level"] for line in told if line["route"] == "/health/live"] == ["debug"]
    assert not [text for text in lines.texts if api.token in text]


def test_what_a_worker_says_is_about_its_operation_table_and_attempt(
    api: Api, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(api_worker, "_assignment", fail)
    monkeypatch.setattr(api_worker, "MAX_ATTEMPTS", 1)
    table = api.new_table()
    operation = api.migrate(table, add("x")).json()["operationId"]
    assert api.finished(operation)["status"] == "failed"
    said = [line for line in lines.parsed("schemaledger.worker") if "exception" in line]
    assert {(line["operationId"], line["tableId"], line["attempt"]) for line in said} == {(operation, table, 1)}
    assert "ZeroDivisionError" in said[0]["exception"]


def test_the_form_is_chosen_by_setting_or_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        for chosen, terminal, expected in (
            ("auto", True, TextFormatter),
            ("auto", False, JsonFormatter),
            ("json", True, JsonFormatter),
            ("text", False, TextFormatter),
        ):
            monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal, raising=False)
            set_up_logs(chosen, "warning")
            assert isinstance(root.handlers[0].formatter, expected)
            assert root.level == logging.WARNING
    finally:
        root.handlers[:], root.level = handlers, level
        root.setLevel(level)
