"""The keys that an issuer signs with: found by discovery, remembered, and asked for as seldom as can be."""

import logging
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from adapters.oidc.fetching import Fetch, NotHad
from domain.errors import IssuerUnavailable

log = logging.getLogger("schemaledger.tokens")

SECONDS_FRESH = 300.0
"""How long keys are used without asking again."""
SECONDS_USABLE = 3_600.0
"""How long they are used while the issuer cannot be asked. A key that it withdrew is good for that long at most."""
SECONDS_BETWEEN_QUESTIONS = 5.0
"""Between two questions, whoever presents whatever key id, and however the first one ended."""
LEAST_RSA_BITS = 2_048
MOST_KEYS = 100

ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA",),
    "Ed448": ("EdDSA",),
}
"""What a key may sign with, by its kind. Secrets shared with the issuer (``oct``) are none of them."""


class Known(NamedTuple):
    keys: "Keys"
    since: float


Keys = Mapping[tuple[str | None, str], PyJWK]
"""By key id and algorithm."""


class IssuerKeys:
    """``seconds`` is a monotonic clock. However many ask at once, one question at a time goes to the issuer."""

    def __init__(self, issuer: str, fetch: Fetch, seconds: Callable[[], float] = time.monotonic) -> None:
        self._issuer, self._fetch, self._seconds = issuer, fetch, seconds
        self._known: Known | None = None
        self._asked_at: float | None = None
        self._problem = ""
        self._asking = Lock()

    def key(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        """None: the issuer has no such key, or had none a moment ago. Raises IssuerUnavailable."""
        known = self._current()
        found = known.keys.get((key_id, algorithm))
        if found is None:
            found = self._asked(known).keys.get((key_id, algorithm))
        return found

    def _current(self) -> Known:
        known = self._known
        if known is None:
            return self._asked(None)
        age = self._seconds() - known.since
        if age < SECONDS_FRESH:
            return known
        if age >= SECONDS_USABLE:
            return self._asked(known)
        # Whoever asks waits for the answer; the others do with what there is.
        if not self._asking.acquire(blocking=False):
            return known
        try:
            return self._answer(known)
        except IssuerUnavailable as refusal:
            log.warning("%s", refusal)
            return known
        finally:
            self._asking.release()

    def _asked(self, seen: Known | None) -> Known:
        with self._asking:
            return self._answer(seen)

    def _answer(self, seen: Known | None) -> Known:
        """News since ``seen``: what somebody else was told meanwhile, or what the issuer says now."""
        known = self._known
        if known is not None and known is not seen:
            return known
        if self._asked_at is not None and self._seconds() - self._asked_at < SECONDS_BETWEEN_QUESTIONS:
            if self._problem or known is None:
                raise IssuerUnavailable(self._problem)
            return known
        try:
            self._known = known = Known(self._discover(), self._seconds())
            self._problem = ""
        except NotHad as error:
            self._problem = str(error)
            raise IssuerUnavailable(self._problem) from None
        finally:
            self._asked_at = self._seconds()
        return known

    def _discover(self) -> Keys:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        told = self._fetch(url)
        if told.get("issuer") != self._issuer:
            raise NotHad(f"{url} speaks for another issuer than {self._issuer}")
        place = told.get("jwks_uri")
        if not isinstance(place, str):
            raise NotHad(f"{url} names no jwks_uri")
        listed = self._fetch(place).get("keys")
        if not isinstance(listed, list):
            raise NotHad(f"{place} lists no keys")
        return keys_of(listed[:MOST_KEYS])


def problem_of_issuer(issuer: str, fetch: Fetch) -> str | None:
    """Why none of its tokens could be checked now; None when they could."""
    try:
        IssuerKeys(issuer, fetch).key(None, "")
    except IssuerUnavailable as refusal:
        return refusal.reason
    return None


def keys_of(listed: list[Any]) -> Keys:
    """Those that sign, and that we can use; without an id they are also found by none, if there is no other."""
    found, counted = dict[tuple[str | None, str], PyJWK](), dict[str, list[PyJWK]]()
    for each in listed:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        key_id, kind = each.get("kid"), each.get("crv") if each.get("kty") in ("EC", "OKP") else each.get("kty")
        for algorithm in ALGORITHMS.get(str(kind), ()):
            key = _key(each, algorithm)
            if key is not None:
                counted.setdefault(algorithm, []).append(key)
                if isinstance(key_id, str):
                    found[key_id, algorithm] = key
    return found | {(None, algorithm): keys[0] for algorithm, keys in counted.items() if len(keys) == 1}


def _key(described: dict[str, Any], algorithm: str) -> PyJWK | None:
    if described.get("alg", algorithm) != algorithm:
        return None
    try:
        key = PyJWK(described, algorithm=algorithm)
    except (PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < LEAST_RSA_BITS:
        return None
    return key
