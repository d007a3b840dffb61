"""Server-sent events of an operation: told from the log, resumed anywhere, ended at its end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import msgspec
import pytest

from api.compose import Parts, composed
from api.groundwork import prepare
from api.http.following import BEGINNING, KEEP_ALIVE, Following
from api.http.wire import OperationBody
from domain.facts import Append, Fact, Origin
from domain.operation.events import OperationCompleted, OperationPublishing, OperationStarted
from tests.adapters.conftest import requested
from tests.api.conftest import Api, settings_for
from tests.domain.planning import add

STARTED, DONE = OperationStarted(attempt=1, worker="w"), OperationCompleted(message="done")
LONG, SHORT = 3_600.0, 0.01


def parsed(stream: str) -> list[tuple[int, str, OperationBody]]:
    """Version, kind and operation of each event of a stream."""
    found = []
    for block in stream.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        if "id" in fields:
            body = msgspec.json.decode(fields["data"], type=OperationBody)
            found.append((int(fields["id"]), fields["event"], body))
    return found


@pytest.fixture
def ended(api: Api) -> str:
    """The id of an operation that has ended."""
    operation = api.migrate(api.new_table(), add("x")).json()["operationId"]
    api.finished(operation)
    return str(operation)


def test_the_whole_life_is_told_with_the_operation_as_it_was(api: Api, ended: str) -> None:
    answer = api.get(f"/operations/{ended}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = parsed(answer.text)
    assert [version for version, _, _ in events] == list(range(1, len(events) + 1))
    kinds = [kind for _, kind, _ in events]
    assert (kinds[:2], kinds[-2:]) == (["requested", "started"], ["publishing", "completed"])
    assert [body.status for _, _, body in events] == ["pending", *["running"] * (len(events) - 2), "completed"]
    percents = [body.progress_percent for _, _, body in events]
    assert percents == sorted(percents)
    assert all(percent < 100 for percent in percents[:-1])
    now = msgspec.json.decode(api.get(f"/operations/{ended}").content, type=OperationBody)
    assert events[-1][2] == now


def test_a_stream_goes_on_after_the_last_event_seen(api: Api, ended: str) -> None:
    everything = parsed(api.get(f"/operations/{ended}/events").text)
    table = everything[0][2].table_id
    for path in (f"/operations/{ended}/events", f"/dataset-tables/{table}/operations/{ended}/events"):
        for seen, _, _ in everything[:-1]:
            rest = api.client.get(path, headers={**api.headers, "Last-Event-ID": str(seen)})
            assert parsed(rest.text) == everything[seen:]
        nothing = api.client.get(path, headers={**api.headers, "Last-Event-ID": str(everything[-1][0])})
        assert (nothing.status_code, nothing.content) == (204, b"")


def test_what_cannot_be_followed_is_refused(api: Api, ended: str) -> None:
    assert api.get(f"/operations/{uuid4()}/events").json()["code"] == "operation_not_found"
    assert api.get(f"/dataset-tables/{uuid4()}/operations/{ended}/events").json()["code"] == "operation_not_found"
    assert api.client.get(f"/operations/{ended}/events").json()["code"] == "token_missing"
    odd = api.client.get(f"/operations/{ended}/events", headers={**api.headers, "Last-Event-ID": "latest"})
    assert (odd.status_code, odd.json()["code"]) == (400, "header_invalid")


@pytest.fixture
def parts(database_url: str, tmp_path) -> Iterator[Parts]:  # type: ignore[no-untyped-def]
    settings = settings_for(tmp_path, database_url)
    prepare(settings, database_url)
    with composed(settings, database_url) as made:
        assert made.feed.listening.wait(20)
        yield made


def write(parts: Parts, operation: UUID, version: int, *facts: Fact) -> None:
    parts.house.store.append([Append(stream=operation, expected_version=version, facts=facts)], Origin())


async def versions(stream: AsyncIterator[bytes]) -> AsyncIterator[int]:
    async for chunk in stream:
        for version, _, _ in parsed(chunk.decode()):
            yield version


def test_events_come_as_they_happen_and_the_end_ends_the_stream(parts: Parts) -> None:
    operation = uuid4()
    write(parts, operation, 0, requested())

    async def watch() -> list[int]:
        following = Following(parts.house.store, parts.feed, LONG)
        seen = list[int]()
        async for version in versions(following.stream(operation, 0)):
            seen.append(version)
            following_facts: dict[int, tuple[Fact, ...]] = {1: (STARTED,), 2: (OperationPublishing(), DONE)}
            if facts := following_facts.get(version):
                await asyncio.to_thread(write, parts, operation, version, *facts)
        return seen

    assert asyncio.run(watch()) == [1, 2, 3, 4]


def test_followers_share_one_look_and_leave_nothing_behind(parts: Parts) -> None:
    operation = uuid4()
    write(parts, operation, 0, requested(), STARTED)
    looks = list[int]()

    class Counted:
        def load(self, stream: UUID, after: int = 0) -> object:
            looks.append(after)
            return parts.house.store.load(stream, after)

    async def watch() -> list[list[int]]:
        following = Following(Counted(), parts.feed, LONG)  # type: ignore[arg-type]
        begun = [asyncio.Event() for _ in range(50)]

        async def follow(number: int) -> list[int]:
            seen = list[int]()
            async for version in versions(following.stream(operation, number % 2)):
                seen.append(version)
                begun[number].set()
            return seen

        tasks = [asyncio.create_task(follow(number)) for number in range(50)]
        for event in begun:
            await event.wait()
        assert following.followers == 50
        await asyncio.to_thread(write, parts, operation, 2, DONE)
        seen = await asyncio.gather(*tasks)
        assert (following.followers, following._followed) == (0, {})
        return list(seen)

    assert asyncio.run(watch()) == [[1, 2, 3], [2, 3]] * 25
    assert len(looks) < 10


def test_a_silent_stream_says_that_it_is_alive(parts: Parts) -> None:
    operation = uuid4()
    write(parts, operation, 0, requested())

    async def watch() -> list[bytes]:
        stream = Following(parts.house.store, parts.feed, SHORT).stream(operation, 1)
        chunks = [await anext(stream) for _ in range(3)]
        await stream.aclose()  # type: ignore[attr-defined]
        return chunks

    assert asyncio.run(watch()) == [BEGINNING, KEEP_ALIVE, KEEP_ALIVE]


def test_stopping_ends_every_stream_at_once_and_new_ones_too(parts: Parts) -> None:
    operation = uuid4()
    write(parts, operation, 0, requested())

    async def watch() -> list[bytes]:
        following = Following(parts.house.store, parts.feed, LONG)
        stream = following.stream(operation, 0)
        assert await anext(stream) == BEGINNING
        assert b"event: requested" in await anext(stream)
        waiting = asyncio.create_task(anext(stream, b"ended"))
        await asyncio.sleep(0)
        following.stop()
        return [await waiting, *[chunk async for chunk in following.stream(operation, 1)]]

    assert asyncio.run(watch()) == [b"ended", BEGINNING]
