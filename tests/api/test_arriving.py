"""Where requests come from, and what is answered to all who ask the same."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.compose import composed
from api.http.arriving import Forwarded, networks, require_host
from api.http.metrics import Scrapes
from api.metrics import Exposition
from api.settings import read_settings
from domain.errors import HostInvalid
from tests.api.conftest import Api, serving
from tests.api.test_access import caller
from tests.domain.planning import add

PROXY = "10.0.0.7"


def caller_of(peer: str, *sent: str, proxies: tuple[str, ...] = ("10.0.0.0/8", "::1")) -> str:
    """The address that the application is told of."""
    seen = list[str]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])

    headers = [(b"x-forwarded-for", value.encode()) for value in sent]
    scope: Any = {"type": "http", "client": (peer, 1), "headers": headers}
    asyncio.run(Forwarded(app, networks(proxies))(scope, None, None))  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("peer", "sent", "caller"),
    [
        (PROXY, ["1.2.3.4"], "1.2.3.4"),
        (PROXY, ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        (PROXY, ["6.6.6.6, 1.2.3.4, 10.9.9.9"], "1.2.3.4"),
        (PROXY, ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        (PROXY, ["1.2.3.4:8080"], "1.2.3.4"),
        ("::1", ["[2001:db8::5]:80, 10.1.1.1"], "2001:db8::5"),
        ("::ffff:10.0.0.7", ["1.2.3.4"], "1.2.3.4"),
        (PROXY, [], PROXY),
        (PROXY, [""], PROXY),
        (PROXY, ["unknown"], PROXY),
        (PROXY, ["1.2.3.4, unknown"], PROXY),
        (PROXY, ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        # Nobody else's word counts.
        ("8.8.8.8", ["1.2.3.4"], "8.8.8.8"),
    ],
)
def test_the_caller_is_the_last_that_no_trusted_proxy_is(peer: str, sent: list[str], caller: str) -> None:
    assert caller_of(peer, *sent) == caller


def test_without_proxies_that_are_trusted_the_header_says_nothing() -> None:
    assert caller_of(PROXY, "1.2.3.4", proxies=()) == PROXY
    assert read_settings({"SCHEMALEDGER_TRUSTED_PROXIES": "10.0.0.1, ::1"}).trusted_proxies == ("10.0.0.1", "::1")
    with pytest.raises(ValueError, match=r"SCHEMALEDGER_TRUSTED_PROXIES names 'proxy'"):
        read_settings({"SCHEMALEDGER_TRUSTED_PROXIES": "proxy"})


def host(*hosts: bytes, version: str = "1.1") -> None:
    require_host({"headers": [(b"host", each) for each in hosts], "http_version": version})  # type: ignore[typeddict-item]


def test_a_request_names_one_host() -> None:
    host(b"a")
    host(version="1.0")
    for hosts in ((), (b"",), (b"a", b"b"), (b"a", b"a"), (b"", b"")):
        with pytest.raises(HostInvalid):
            host(*hosts)


def arriving(api: Api, change: Callable[[Any], None]) -> None:
    """Has every request arrive with something changed, which a client for tests does not let one say."""
    app = api.client.app
    handler = app.asgi_handler

    async def changed(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            change(scope)
        await handler(scope, receive, send)

    app.asgi_handler = changed


def test_a_doubled_host_is_refused(idle_api: Api) -> None:
    arriving(idle_api, lambda scope: scope["headers"].append((b"host", b"another")))
    answer = idle_api.get("/whoami")
    assert (answer.status_code, answer.json()["code"]) == (400, "host_invalid")


def guess(api: Api, number: int, address: str | None = None) -> int:
    headers = {"Authorization": f"Bearer sl_{number}", **({"X-Forwarded-For": address} if address else {})}
    return api.client.get("/whoami", headers=headers).status_code


def guesses(api: Api, address: str | None = None, first: int = 0) -> set[int]:
    """The statuses of more guesses than come back while they are made."""
    return {guess(api, number, address) for number in range(first, first + 200)}


def test_a_new_good_token_comes_in_from_an_address_that_guesses(idle_api: Api) -> None:
    assert 429 in guesses(idle_api)
    new = caller(idle_api, {"roles": ["reader"]})
    assert new.get("/whoami").status_code == 200
    assert 429 in guesses(idle_api, first=1_000)


def test_behind_a_trusted_proxy_only_the_one_who_guesses_is_slowed(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path, trusted_proxies=("127.0.0.1",)) as api:
        arriving(api, lambda scope: scope.update(client=("127.0.0.1", 1)))
        assert guesses(api, "1.2.3.4") == {401, 429}
        assert guess(api, 1_000, "5.6.7.8") == 401
        named = {"X-Forwarded-For": "9.9.9.9"}
        assert api.migrate(api.new_table(), add("x"), **named).status_code == 202
        with composed(api.settings, api.settings.database_url or "") as parts:
            events = parts.house.store.read(0, 1_000)
        assert {event.metadata.origin.source_address for event in events} >= {"9.9.9.9"}


class Counted(Exposition):
    def __init__(self) -> None:
        self.made, self.go = 0, threading.Event()

    def text(self) -> bytes:
        self.go.wait(20)
        self.made += 1
        return b"%d" % self.made


def test_metrics_are_put_together_once_for_all_who_ask_at_a_time() -> None:
    clock, counted = [0.0], Counted()

    async def ask() -> None:
        scrapes = Scrapes(counted, 2.0, lambda: clock[0])
        waiting = [asyncio.create_task(scrapes.text()) for _ in range(32)]
        await asyncio.sleep(0)
        # One who goes away takes nothing from the others.
        waiting.pop(0).cancel()
        counted.go.set()
        assert set(await asyncio.gather(*waiting)) == {b"1"}
        assert await scrapes.text() == b"1"
        clock[0] = 2.0
        assert await scrapes.text() == b"2"

    asyncio.run(ask())
