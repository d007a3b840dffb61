"""Sending over real sockets: to addresses that were looked at, within the time there is, and no further."""

import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.webhooks.sending import HttpMessenger, resolved
from domain.webhook.addresses import PUBLIC_ONLY, Address, allowance
from domain.webhook.deliveries import Answered, NotSent
from tests.receiver import Receiver, receiving

LOOPBACK = allowance(["127.0.0.0/8", "::1"])


class Names:
    """A resolver that answers as it is told, one answer after the other, and counts how often it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked += 1
        return [ip_address(text) for text in self._answers[min(self.asked, len(self._answers)) - 1]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        made.behave = lambda *_: (200, b"taken")
        yield made


@contextmanager
def speaking(speak: Callable[[socket.socket], None], address: str = "127.0.0.1") -> Iterator[int]:
    """A server that does with its one caller whatever ``speak`` does; its port."""
    with socket.create_server((address, 0)) as server:

        def serve() -> None:
            try:
                caller, _ = server.accept()
                with caller:
                    caller.settimeout(20)
                    speak(caller)
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.close()


def heard(caller: socket.socket) -> None:
    """Reads the whole request: whoever closes before that takes his answer back."""
    request = b""
    while not request.endswith(b"{}"):
        request += caller.recv(10_000)


def foreign(caller: socket.socket) -> None:
    heard(caller)
    caller.sendall(b"SSH-2.0-x\r\n")


def send(messenger: HttpMessenger, url: str, *, listen: bool = False) -> Answered | NotSent:
    return messenger.send(url, {"Content-Type": "application/json", "webhook-id": "m"}, b"{}", listen=listen)


def test_what_is_sent_arrives_as_it_is(receiver: Receiver) -> None:
    assert send(HttpMessenger(LOOPBACK), receiver.url) == Answered(200)
    assert send(HttpMessenger(LOOPBACK), receiver.url, listen=True) == Answered(200, b"taken")
    headers, body = receiver.sent[0]
    assert (headers["webhook-id"], headers["host"], body) == ("m", f"127.0.0.1:{receiver.port}", b"{}")


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "::1", "0.0.0.0"])
def test_nothing_is_sent_into_our_own_networks(receiver: Receiver, address: str) -> None:
    names = Names([address])
    found = send(HttpMessenger(PUBLIC_ONLY, names), f"http://ci.example.com:{receiver.port}/")
    assert found == NotSent("address_not_allowed")
    assert receiver.sent == []


def test_a_name_that_leads_elsewhere_after_it_was_looked_at_leads_nowhere(receiver: Receiver) -> None:
    # The first answer is allowed and nobody listens there; the second is where the receiver is.
    names, allowed = Names(["127.0.0.2"], ["127.0.0.1"]), allowance(["127.0.0.2"])
    assert send(HttpMessenger(allowed, names), f"http://ci.example.com:{receiver.port}/") == NotSent(
        "connection_failed"
    )
    assert names.asked == 1
    assert receiver.sent == []


def test_of_several_addresses_only_those_are_used_that_are_allowed(receiver: Receiver) -> None:
    names, allowed = Names(["10.0.0.1", "127.0.0.2", "127.0.0.1"]), LOOPBACK
    assert send(HttpMessenger(allowed, names), f"http://ci.example.com:{receiver.port}/") == Answered(200)
    assert receiver.sent[0][0]["host"] == f"ci.example.com:{receiver.port}"


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    receiver.behave = lambda *_: (302, receiver.url.encode())
    assert send(HttpMessenger(LOOPBACK), receiver.url) == Answered(302)
    assert len(receiver.sent) == 1


def test_a_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert send(HttpMessenger(LOOPBACK), receiver.url) == Answered(200)


def dripping(caller: socket.socket) -> None:
    """Says a little, again and again, so that no single wait is long."""
    try:
        caller.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            caller.sendall(b"X-More: x\r\n")
            if threading.Event().wait(0.05):
                break
    except OSError:
        return


def silent(caller: socket.socket) -> None:
    while caller.recv(1_000):
        pass


@pytest.mark.parametrize("speak", [dripping, silent])
def test_whoever_is_slow_is_left_when_the_time_is_over(speak: Callable[[socket.socket], None]) -> None:
    with speaking(speak) as port:
        found = send(HttpMessenger(LOOPBACK, seconds=0.5), f"http://127.0.0.1:{port}/", listen=True)
    assert found == NotSent("timeout")


def endless(caller: socket.socket) -> None:
    try:
        heard(caller)
        caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            caller.sendall(b"x" * 10_000)
    except OSError:
        return


def test_of_an_answer_without_end_only_the_beginning_is_read() -> None:
    with speaking(endless) as port:
        found = send(HttpMessenger(LOOPBACK), f"http://127.0.0.1:{port}/", listen=True)
    assert found == Answered(200, b"x" * 1_024)


def test_what_is_no_answer_is_told_apart() -> None:
    with speaking(foreign) as port:
        assert send(HttpMessenger(LOOPBACK), f"http://127.0.0.1:{port}/") == NotSent("no_http_answer")
    with speaking(lambda caller: None) as port:
        found = send(HttpMessenger(LOOPBACK), f"http://127.0.0.1:{port}/")
        assert found in (NotSent("no_http_answer"), NotSent("connection_failed"))
    assert send(HttpMessenger(LOOPBACK), f"http://127.0.0.1:{port}/") == NotSent("connection_failed")

    def unknown(host: str, port: int) -> Sequence[Address]:
        raise OSError("no such host")

    assert send(HttpMessenger(LOOPBACK, unknown), "http://ci.example.com/") == NotSent("name_not_resolved")
    assert send(HttpMessenger(LOOPBACK, Names([])), "http://ci.example.com/") == NotSent("name_not_resolved")


def test_the_system_resolves_names() -> None:
    assert ip_address("127.0.0.1") in resolved("localhost", 80)
    assert resolved("127.0.0.1", 80) == [ip_address("127.0.0.1")]


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, private


def test_the_certificate_is_asked_for_the_name_wherever_the_connection_goes(tmp_path: Path) -> None:
    pem, private = certificate(tmp_path, "ci.example.com")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem, private)

    def speak(caller: socket.socket) -> None:
        with tls.wrap_socket(caller, server_side=True) as secured:
            heard(secured)
            secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    trusting = ssl.create_default_context(cafile=str(pem))
    for host, context, expected in (
        ("ci.example.com", trusting, Answered(204)),
        ("other.example.com", trusting, NotSent("tls_failed")),
        ("ci.example.com", None, NotSent("tls_failed")),
    ):
        with speaking(speak) as port:
            messenger = HttpMessenger(LOOPBACK, Names(["127.0.0.1"]), tls=context)
            assert send(messenger, f"https://{host}:{port}/") == expected
