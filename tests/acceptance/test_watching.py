"""Watching real processes: two hundred followers over two API processes, one of which is told to stop."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.conftest import PATIENCE, Service, children_of, wait_for
from tests.domain.planning import add, rename

FOLLOWERS = 200


def is_called(pid: int, name: str) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == name
    except OSError:
        return False


def api_processes(service: Service) -> list[int]:
    return [pid for pid in children_of(service.process.pid) if is_called(pid, "run-api")]


@pytest.fixture
def idle(tmp_path: Path, database_url: str) -> Iterator[Service]:
    """Two API processes and no worker: what is accepted stays pending until a test starts one."""
    settings = {"SCHEMALEDGER_API_PROCESSES": "2", "SCHEMALEDGER_WORKER_PROCESSES": "0"}
    made = Service(tmp_path, DATABASE_URL=database_url, **settings).start()
    yield made
    if made.process.poll() is None:
        made.stop()


@contextmanager
def working(service: Service, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "api.cli.main", "worker", *arguments]
    worker = subprocess.Popen(command, env=service._environment, stderr=subprocess.DEVNULL)
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(PATIENCE)


class Follower:
    """Reads a stream to the operation's end; whenever it is cut, it goes on after the last event seen."""

    def __init__(self, http: httpx.AsyncClient, operation: str) -> None:
        self._http, self._path = http, f"/operations/{operation}/events"
        self.seen, self.kinds = list[int](), list[str]()
        self.cuts = 0

    async def follow(self) -> None:
        while True:
            try:
                await self._read()
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            if self.kinds and self.kinds[-1] in ("completed", "failed", "cancelled"):
                return
            self.cuts += 1

    async def _read(self) -> None:
        headers = {"Last-Event-ID": str(self.seen[-1])} if self.seen else {}
        async with self._http.stream("GET", self._path, headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                fields[name] = value
                if not line:
                    if "id" in fields:
                        self.seen.append(int(fields["id"]))
                        self.kinds.append(fields["event"])
                    fields = {}


def open_sockets(pid: int) -> int:
    return sum(str(fd.readlink()).startswith("socket:") for fd in Path(f"/proc/{pid}/fd").iterdir())


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


def test_two_hundred_followers_see_the_end_though_one_process_stops(idle: Service) -> None:
    table = idle.new_table("t", {"id": "int64", "a": "utf8"})["tableId"]
    operation = idle.migrate(table, add("x"), rename("a", "b"))

    async def watch() -> list[Follower]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        token = {"Authorization": f"Bearer {idle.token}"}
        async with httpx.AsyncClient(base_url=idle.url, headers=token, limits=limits, timeout=PATIENCE) as http:
            followers = [Follower(http, operation) for _ in range(FOLLOWERS)]
            tasks = [asyncio.create_task(follower.follow()) for follower in followers]
            await until(lambda: all(follower.seen == [1] for follower in followers))
            # The operation is pending and its streams are open: a process that waited for them would never end.
            # The system shares connections out as it likes, sometimes all to one.
            doomed = max(api_processes(idle), key=open_sockets)
            os.kill(doomed, signal.SIGTERM)
            await until(lambda: not is_called(doomed, "run-api"))
            await until(lambda: any(follower.cuts for follower in followers))
            with working(idle):
                await asyncio.gather(*tasks)
        return followers

    followers = asyncio.run(watch())
    # Sockets other than streams are counted, too, so the one with more of them may have a few streams less.
    assert sum(follower.cuts > 0 for follower in followers) >= FOLLOWERS // 3
    last = idle.finished(operation)
    assert last["status"] == "completed"
    expected = followers[0].seen
    assert expected == list(range(1, len(expected) + 1))
    assert {tuple(follower.seen) for follower in followers} == {tuple(expected)}
    assert {follower.kinds[-1] for follower in followers} == {"completed"}


def test_the_command_line_follows_from_one_process_to_the_other(idle: Service) -> None:
    table = idle.new_table("t", {"id": "int64"})["tableId"]
    operation = idle.migrate(table, add("x"))
    command = [sys.executable, "-m", "api.cli.main", "operations", "follow", operation]
    environment = {**idle._environment, "SCHEMALEDGER_URL": idle.url}
    following = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert following.stdout is not None
    lines = [following.stdout.readline() for _ in range(2)]
    assert lines == [f"operation {operation}\n", "pending\t0.0%\t\n"]
    for number in range(2):
        # One of the two processes holds the stream, whichever; those in their place hold it afterwards.
        processes = api_processes(idle)
        for pid in processes:
            os.kill(pid, signal.SIGTERM if number else signal.SIGKILL)
        wait_for(lambda: len(set(api_processes(idle)) - set(processes)) == 2)  # noqa: B023
    with working(idle):
        rest = following.stdout.read().splitlines()
        assert following.wait(PATIENCE) == 0
    following.stdout.close()
    # Nothing is told twice and nothing is left out.
    assert [line.split("\t")[0] for line in rest[:1]] == ["running"]
    assert rest[-1].startswith("completed\t100.0%")
    assert len(set(rest)) == len(rest)


def test_following_for_a_time_answers_with_what_is_then(workerless: Service) -> None:
    operation = workerless.migrate(workerless.new_table("followed", {"id": "int64"})["tableId"], add("x"))
    ran = workerless.run("operations", "follow", operation, "--timeout", "0.3")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (5, "pending\t0.0%\t")
    with working(workerless):
        workerless.finished(operation)
    ended = workerless.run("operations", "follow", operation, "--timeout", "0", "-o", "json")
    assert (ended.returncode, json.loads(ended.stdout)["status"]) == (0, "completed")
    assert workerless.run("operations", "follow", "nothing").returncode == 1


def metric(text: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def test_any_process_answers_for_all_of_them(own_service: Service) -> None:
    table = own_service.new_table("t", {"id": "int64"})["tableId"]
    operations = [own_service.migrate(table, add(f"x{number}")) for number in range(4)]
    for operation in operations:
        assert own_service.finished(operation)["status"] == "completed"

    def scrape() -> str:
        # A connection of its own each time, so that both processes are asked.
        answer = httpx.get(f"{own_service.url}/metrics", timeout=PATIENCE)
        assert answer.status_code == 200
        return answer.text

    completed = {"operation_type": "migration", "outcome": "completed"}
    for _ in range(8):
        found = scrape()
        assert metric(found, "schemaledger_operation_duration_seconds_count", **completed) == 4
        accepted = {"route": "/dataset-tables/{tableId}/migrations", "status": "202"}
        assert metric(found, "schemaledger_http_requests_total", **accepted) == 4
        assert metric(found, "schemaledger_worker_seen_timestamp_seconds") > 0
        assert metric(found, "schemaledger_operations_unfinished") == 0
    wait_for(lambda: metric(scrape(), "schemaledger_projection_lag_events") == 0)
    assert metric(scrape(), "schemaledger_stream_followers") == 0


def test_followers_are_counted_until_they_leave_or_their_process_dies(idle: Service) -> None:
    operation = idle.migrate(idle.new_table("t", {"id": "int64"})["tableId"], add("x"))

    def followers() -> float | None:
        try:
            text = httpx.get(f"{idle.url}/metrics", timeout=PATIENCE).text
        except httpx.TransportError:
            return None
        return metric(text, "schemaledger_stream_followers")

    @contextmanager
    def following() -> Iterator[Iterator[str]]:
        place, headers = f"{idle.url}/operations/{operation}/events", idle.http.headers
        with httpx.stream("GET", place, headers=headers, timeout=PATIENCE) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "retry: 1000"
            yield lines

    with ExitStack() as streams:
        # Whoever forgets the lines closes the stream.
        opened = [streams.enter_context(following()) for _ in range(5)]
        wait_for(lambda: followers() == len(opened))
    wait_for(lambda: followers() == 0)
    with following():
        wait_for(lambda: followers() == 1)
        victims = api_processes(idle)
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: len(set(api_processes(idle)) - set(victims)) == 2)
    wait_for(lambda: followers() == 0)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_worker_on_its_own_answers_with_its_metrics(idle: Service) -> None:
    port = free_port()
    operation = idle.migrate(idle.new_table("t", {"id": "int64"})["tableId"], add("x"))
    with working(idle, "--worker-metrics-port", str(port)) as worker:
        assert idle.finished(operation)["status"] == "completed"
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert metric(text, "schemaledger_operation_duration_seconds_count", outcome="completed") == 1
        assert metric(text, "schemaledger_worker_seen_timestamp_seconds") > 0
        taken = idle.run(
            "worker", "--worker-metrics-port", str(port), "--database-url", idle._environment["DATABASE_URL"]
        )
        assert taken.returncode == 1
        assert "SCHEMALEDGER_WORKER_METRICS_PORT" in taken.stderr
    assert worker.returncode == 0


def test_every_line_of_the_log_is_an_object_and_none_holds_the_token(own_service: Service) -> None:
    table = own_service.new_table("t", {"id": "int64"})["tableId"]
    own_service.http.headers["X-Request-Id"] = "asked-by-a-test"
    operation = own_service.migrate(table, add("x"))
    assert own_service.finished(operation)["status"] == "completed"
    own_service.stop()
    told = [json.loads(line) for line in own_service.lines if line.startswith("{")]
    mine = [line for line in told if line.get("requestId") == "asked-by-a-test"]
    assert {(line["route"], line["status"]) for line in mine} >= {
        ("/dataset-tables/{tableId}/migrations", 202),
        ("/operations/{operationId}", 200),
    }
    assert {line["operationId"] for line in mine if "operationId" in line} == {operation}
    assert all({"time", "level", "logger", "process", "message"} <= set(line) for line in told)
    # The one place where the token is shown is the announcement to whoever started the own_service.
    assert not [line for line in told if own_service.token in json.dumps(line)]


def test_many_followers_of_one_process_leave_room_for_everybody_else(tmp_path: Path, database_url: str) -> None:
    settings = {"SCHEMALEDGER_API_PROCESSES": "1", "SCHEMALEDGER_WORKER_PROCESSES": "0"}
    service = Service(tmp_path, DATABASE_URL=database_url, **settings).start()
    operation = service.migrate(service.new_table("t", {"id": "int64"})["tableId"], add("x"))

    async def watch() -> list[Follower]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        token = {"Authorization": f"Bearer {service.token}"}
        async with httpx.AsyncClient(base_url=service.url, headers=token, limits=limits, timeout=PATIENCE) as http:
            followers = [Follower(http, operation) for _ in range(2 * FOLLOWERS)]
            tasks = [asyncio.create_task(follower.follow()) for follower in followers]
            await until(lambda: all(follower.seen == [1] for follower in followers))
            cancelled = await http.post(f"/operations/{operation}/cancel", json={})
            assert cancelled.status_code == 202
            await asyncio.gather(*tasks)
        return followers

    try:
        assert {follower.kinds[-1] for follower in asyncio.run(watch())} == {"cancelled"}
    finally:
        service.stop()
