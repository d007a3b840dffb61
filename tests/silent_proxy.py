"""A proxy in front of PostgreSQL whose connections can fall silent, as after a failover that nobody announced."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit


class SilentProxy:
    """``freeze``: what is open passes nothing on any more and stays open; what is opened afterwards works."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host = parse_qs(parts.query).get("host", [parts.hostname or "127.0.0.1"])[0]
        self._target = f"{host}/.s.PGSQL.5432" if host.startswith("/") else (host, parts.port or 5432)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._pairs = list[tuple[socket.socket, socket.socket]]()
        self._frozen = set[socket.socket]()
        user = parts.netloc.rpartition("@")[0] or "postgres"
        self.url = f"postgresql://{user}@127.0.0.1:{self._server.getsockname()[1]}{parts.path}"
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> int:
        """How many connections are silent from now on."""
        self._frozen.update(one for pair in self._pairs for one in pair)
        return len(self._pairs)

    def close(self) -> None:
        self._server.close()
        for one in (one for pair in self._pairs for one in pair):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET)
            far.connect(self._target)
            self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(65_536):
                if source not in self._frozen:
                    sink.sendall(content)
            if source not in self._frozen:
                sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def silent_proxy(url: str) -> Iterator[SilentProxy]:
    proxy = SilentProxy(url)
    try:
        yield proxy
    finally:
        proxy.close()
