"""Watching real processes: two hundred followers over two API processes, one of which is told to stop."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.conftest import PATIENCE, Service, children_of, wait_for
from tests.domain.planning import add, rename

FOLLOWERS = 200


def commanded(pid: int, command: str) -> bool:
    try:
        return command in Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return False


def api_processes(service: Service) -> list[int]:
    return [pid for pid in children_of(service.process.pid) if commanded(pid, "run-api")]


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


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


def test_two_hundred_followers_see_the_end_though_one_process_stops(idle: Service) -> None:
    table = idle.new_table("t", {"id": "int64", "a": "utf8"})["tableId"]
    operation = idle.migrate(table, add("x"), rename("a", "b"))
    doomed = api_processes(idle)[0]

    async def watch() -> list[Follower]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        token = {"Authorization": f"Bearer {idle.token}"}
        async with httpx.AsyncClient(base_url=idle.url, headers=token, limits=limits, timeout=PATIENCE) as http:
            followers = [Follower(http, operation) for _ in range(FOLLOWERS)]
            tasks = [asyncio.create_task(follower.follow()) for follower in followers]
            await until(lambda: all(follower.seen == [1] for follower in followers))
            # The operation is pending and its streams are open: a process that waited for them would never end.
            os.kill(doomed, signal.SIGTERM)
            await until(lambda: not commanded(doomed, "run-api"))
            await until(lambda: any(follower.cuts for follower in followers))
            with working(idle):
                await asyncio.gather(*tasks)
        return followers

    followers = asyncio.run(watch())
    # Those of the process that stayed were not disturbed; those of the other one went on elsewhere.
    assert 0 < sum(follower.cuts > 0 for follower in followers) < FOLLOWERS
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


def test_following_for_a_time_answers_with_what_is_then(idle: Service) -> None:
    operation = idle.migrate(idle.new_table("t", {"id": "int64"})["tableId"], add("x"))
    ran = idle.run("operations", "follow", operation, "--timeout", "0.3")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (5, "pending\t0.0%\t")
    with working(idle):
        idle.finished(operation)
    ended = idle.run("operations", "follow", operation, "--timeout", "0", "-o", "json")
    assert (ended.returncode, json.loads(ended.stdout)["status"]) == (0, "completed")
    assert idle.run("operations", "follow", "nothing").returncode == 1
