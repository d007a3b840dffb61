"""A receiver of webhooks on the loopback, which answers as it is told and remembers what it was sent."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any

from standardwebhooks.webhooks import Webhook

PATIENCE = 30.0

Answer = tuple[int, bytes]
Behave = Callable[["Receiver", bytes], Answer]


def echoing(_: "Receiver", body: bytes) -> Answer:
    """Takes everything, and sends a challenge back."""
    challenge = json.loads(body)["data"].get("challenge")
    return 200, json.dumps({"challenge": challenge}).encode() if challenge else b""


class Receiver:
    """``behave`` answers each request; ``sent`` has them all, in the order in which they came."""

    def __init__(self) -> None:
        self.behave: Behave = echoing
        self.sent = list[tuple[dict[str, str], bytes]]()
        self.secret = ""
        self._news = Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with receiver._news:
                    receiver.sent.append(({name.lower(): value for name, value in self.headers.items()}, body))
                    receiver._news.notify_all()
                status, said = receiver.behave(receiver, body)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", said.decode())
                    said = b""
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(condition, PATIENCE), f"it never came; sent: {self.sent}"

    def messages(self, *, verify: bool = True) -> list[dict[str, Any]]:
        """The bodies, each of whose signatures holds."""
        if verify:
            for headers, body in self.sent:
                Webhook(self.secret).verify(body, headers)
        return [json.loads(body) for _, body in self.sent]

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.sent]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def receiving() -> Iterator[Receiver]:
    made = Receiver()
    made.start()
    try:
        yield made
    finally:
        made.stop()
