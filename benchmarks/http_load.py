"""A load over HTTP/1.1 from a process of its own: so many connections, each with one request after the other.

``python -m benchmarks.http_load`` reads its Load as JSON from standard input and writes its Outcome. It parses no more
of an answer than its status and length, so that what is measured is the server.
"""

import asyncio
import subprocess
import sys
import time
from urllib.parse import urlsplit

import msgspec

CONNECTIONS = 16


class Load(msgspec.Struct):
    """``requests``: whole requests as text, sent in order, each once, by whichever connection is free."""

    host: str
    port: int
    requests: list[str]
    connections: int = CONNECTIONS


class Outcome(msgspec.Struct):
    """``seconds`` from the first request to the last answer; ``bodies`` are the answers', in the order they came."""

    seconds: float
    statuses: dict[str, int]
    bodies: list[str]


def request(url: str, method: str, path: str, token: str, body: str = "") -> str:
    host = urlsplit(url).netloc
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n"
    return f"{head}\r\n{body}"


def put_under_load(url: str, requests: list[str], expected: int, connections: int = CONNECTIONS) -> Outcome:
    """Sends them all; every answer must have the expected status."""
    parts = urlsplit(url)
    load = Load(str(parts.hostname), int(parts.port or 80), requests, connections)
    command = [sys.executable, "-m", "benchmarks.http_load"]
    done = subprocess.run(command, input=msgspec.json.encode(load), capture_output=True, check=True)
    outcome = msgspec.json.decode(done.stdout, type=Outcome)
    assert outcome.statuses == {str(expected): len(requests)}, (outcome.statuses, outcome.bodies[:1])
    return outcome


async def _run(load: Load) -> Outcome:
    waiting, outcome = iter([text.encode() for text in load.requests]), Outcome(0.0, {}, [])

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(load.host, load.port)
        for text in waiting:
            writer.write(text)
            status, body = await _answer(reader)
            outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
            outcome.bodies.append(body)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(load.connections)))
    outcome.seconds = time.perf_counter() - began
    return outcome


async def _answer(reader: asyncio.StreamReader) -> tuple[str, str]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = head.lower().partition("content-length:")[2].partition("\r\n")[0]
    return head[9:12], (await reader.readexactly(int(length or 0))).decode()


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(_run(given))))
