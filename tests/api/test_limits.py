"""One caller cannot have everything: calls a minute, bad tokens, streams; and none of it costs the others."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from api.http.limits import (
    MOST_FAILURES,
    MOST_REMEMBERED,
    SECONDS_TRUSTED,
    Buckets,
    CallerLimits,
    FailureLimits,
    OpenCalls,
)
from api.http.waiting import Caller, Waiting
from domain.errors import RateLimited, TooManyFailures, TooManyStreams
from tests.api.conftest import Api, serving
from tests.domain.planning import add


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_minutes_calls_may_come_at_once_and_come_back_evenly() -> None:
    clock = Clock()
    limits = CallerLimits(60, clock)
    standings = [limits.spend("ana") for _ in range(60)]
    assert [standing.left for standing in standings if standing] == list(reversed(range(60)))
    with pytest.raises(RateLimited) as refused:
        limits.spend("ana")
    assert (refused.value.limit, refused.value.seconds) == (60, 1)
    assert limits.spend("ben") == (60, 59, 1)
    clock.seconds += 0.5
    with pytest.raises(RateLimited):
        limits.spend("ana")
    clock.seconds += 0.5
    assert limits.spend("ana") == (60, 0, 60)
    clock.seconds += 3_600
    assert limits.spend("ana") == (60, 59, 1)


def test_callers_are_not_remembered_without_end() -> None:
    buckets = Buckets(10, Clock())
    for number in range(2 * MOST_REMEMBERED):
        buckets.take(str(number))
    assert len(buckets._levels) == MOST_REMEMBERED


def test_guessing_ends_but_not_for_whoever_has_a_good_token_or_one_that_is_only_old() -> None:
    clock = Clock()
    failures = FailureLimits(seconds=clock)
    failures.succeeded("good")
    for _ in range(2 * MOST_FAILURES):
        failures.admit("1.2.3.4", "the old one")
        failures.failed("1.2.3.4", "the old one")
    for guess in range(MOST_FAILURES - 1):
        failures.admit("1.2.3.4", str(guess))
        failures.failed("1.2.3.4", str(guess))
    with pytest.raises(TooManyFailures):
        failures.admit("1.2.3.4", "another guess")
    failures.admit("1.2.3.4", "good")
    failures.admit("5.6.7.8", "another guess")
    clock.seconds += 60 / MOST_FAILURES + 0.01
    failures.admit("1.2.3.4", "another guess")
    failures.failed("1.2.3.4", "another guess")
    failures.failed("1.2.3.4", "good")
    failures.failed("1.2.3.4", "and one more")
    clock.seconds += SECONDS_TRUSTED
    failures.admit("1.2.3.4", "good")


def test_every_answer_says_what_is_left_and_the_last_one_when_there_is_more(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path, rate_limit=3) as api:
        for left in (2, 1, 0):
            answer = api.get("/whoami")
            assert answer.headers["ratelimit-policy"] == '"caller";q=3;w=60'
            assert answer.headers["ratelimit"].startswith(f'"caller";r={left};t=')
        refused = api.get("/whoami")
        assert (refused.status_code, refused.json()["code"], refused.json()["retryable"]) == (429, "rate_limited", True)
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        assert refused.headers["ratelimit"].startswith('"caller";r=0;t=')
        # Refused writes are no denials: they would cost what the limit saves.
        before = api.events()
        assert api.migrate(str(uuid4()), add("x")).status_code == 429
        assert api.events() == before
        for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json"):
            for _ in range(5):
                answer = api.client.get(path)
                assert answer.status_code == 200
                assert "ratelimit" not in answer.headers


def test_an_address_that_guesses_is_not_listened_to(idle_api: Api) -> None:
    def guess(number: int) -> Any:
        return idle_api.client.get("/whoami", headers={"Authorization": f"Bearer sl_{number}"})

    assert idle_api.get("/whoami").status_code == 200
    assert {guess(number).status_code for number in range(MOST_FAILURES)} == {401}
    answers = [guess(1_000 + number) for number in range(20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["code"] == "too_many_failures"
    assert "retry-after" in refused[0].headers
    assert idle_api.get("/whoami").status_code == 200
    # Without a token nobody has guessed anything.
    assert idle_api.client.get("/whoami").status_code == 401


def test_streams_and_long_polls_of_one_caller_are_bounded(database_url: str, tmp_path: Path) -> None:
    calls = OpenCalls(2)
    with serving(database_url, tmp_path, open_calls=calls) as api:
        operation = api.migrate(api.new_table(), add("x")).json()["operationId"]
        with calls.one("admin"), calls.one("admin"), calls.one("ana"):
            for path in (f"/operations/{operation}/events", f"/operations/{operation}?wait=20"):
                refused = api.get(path) if "?" not in path else api.get(f"/operations/{operation}", wait=20)
                assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
            assert api.get(f"/operations/{operation}").status_code == 200
        assert calls.count == 0


def test_a_poll_whose_caller_has_gone_ends_at_once() -> None:
    class Silent:
        def listen(self, operation_id: Any, wake: Any) -> Any:
            return lambda: None

    async def poll() -> None:
        calls, gone = OpenCalls(1), asyncio.Event()

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def look() -> int:
            return 1

        waiting = Waiting(Silent(), calls)
        caller = Caller("ana", receive)
        task = asyncio.create_task(waiting.until(look, lambda _: False, uuid4(), 3_600, caller))
        while not calls.count:
            await asyncio.sleep(0)
        with pytest.raises(TooManyStreams):
            await waiting.until(look, lambda _: False, uuid4(), 3_600, caller)
        gone.set()
        assert await task == 1
        assert (calls.count, waiting._waiters) == (0, set())

    asyncio.run(poll())
