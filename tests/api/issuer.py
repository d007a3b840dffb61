"""A little OpenID Connect issuer on this machine: discovery, its keys, and tokens signed with them."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "schemaledger"
MAKERS: dict[str, Any] = {"RS256": RSAAlgorithm, "PS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


def new_key(algorithm: str, bits: int = 2_048) -> Any:
    match algorithm:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return rsa.generate_private_key(65_537, bits)


class Issuer:
    """``keys`` are those it publishes, by id. ``asked`` counts the questions for them."""

    def __init__(self) -> None:
        self.keys = dict[str, tuple[str, Any]]()
        self.asked, self.broken, self.named = 0, False, ""
        self.slow = 0.0

    def add(self, key_id: str, algorithm: str = "ES256", key: Any = None) -> Any:
        self.keys[key_id] = (algorithm, key or new_key(algorithm))
        return self.keys[key_id][1]

    def described(self) -> list[dict[str, Any]]:
        return [
            {**json.loads(MAKERS[algorithm].to_jwk(key.public_key())), "kid": key_id, "use": "sig", "alg": algorithm}
            for key_id, (algorithm, key) in self.keys.items()
        ]

    def token(self, key_id: str, *, sub: str = "ana", without: tuple[str, ...] = (), **claims: Any) -> str:
        """Signed with that key; good for five minutes unless ``claims`` say otherwise."""
        algorithm, key = self.keys[key_id]
        now = int(time.time())
        said = {"iss": self.url, "aud": AUDIENCE, "sub": sub, "iat": now, "exp": now + 300, **claims}
        return jwt.encode(
            {name: value for name, value in said.items() if name not in without}, key, algorithm, {"kid": key_id}
        )

    @contextmanager
    def serving(self, port: int = 0) -> Iterator["Issuer"]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(issuer.slow)
                if self.path.endswith("/openid-configuration"):
                    answer: dict[str, Any] = {"issuer": issuer.named or issuer.url, "jwks_uri": f"{issuer.url}/keys"}
                else:
                    issuer.asked += 1
                    answer = {"keys": issuer.described()}
                body = json.dumps(answer).encode()
                self.send_response(500 if issuer.broken else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
