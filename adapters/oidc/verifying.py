"""Whether a token is the issuer's, meant for us, and good now; and what it says of whom it speaks for."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
from jwt.exceptions import InvalidAudienceError, InvalidIssuerError, InvalidSignatureError, PyJWTError
from msgspec import Struct

from adapters.oidc.keys import IssuerKeys
from domain.errors import TokenExpired, TokenNotAccepted

LEEWAY_SECONDS = 30
"""How far the issuer's clock and ours may be apart."""
LATEST = 253_402_300_799
"""The last second that a moment can be: the year 9999."""
MOST_CHARACTERS = 16_384
ACCESS_KINDS = ("jwt", "at+jwt")
"""What a token may say that it is, if it says so (RFC 7519, RFC 9068)."""
LONGEST_SUBJECT = 250
MOST_GROUPS = 200
LONGEST_GROUP = 255

_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


class Provider(Struct, frozen=True, kw_only=True):
    """Whose tokens are taken: of this issuer, for this audience, signed with one of these algorithms.

    ``groups_claim`` names the claim with the groups; dots lead into claims inside.
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    groups_claim: str


class Claims(Struct, frozen=True, kw_only=True):
    subject: str
    groups: tuple[str, ...]
    expires_at: datetime


class Verifier:
    """``now`` is the clock that tokens begin and end by."""

    def __init__(self, provider: Provider, keys: IssuerKeys, now: Callable[[], datetime]) -> None:
        self._provider, self._keys, self._now = provider, keys, now

    def claims(self, token: str) -> Claims:
        """Raises TokenNotAccepted, TokenExpired, and IssuerUnavailable when nobody can say now."""
        if len(token) > MOST_CHARACTERS:
            raise TokenNotAccepted(f"it is longer than {MOST_CHARACTERS} characters")
        claims = self._signed(token)
        if "events" in claims:
            # RFC 8417: it tells of something that happened, such as a logout, whatever its header says.
            raise TokenNotAccepted("it tells of an event, and is no token to come in with")
        ends = self._within_its_time(claims)
        return Claims(subject=_subject(claims), groups=_groups(claims, self._provider.groups_claim), expires_at=ends)

    def _signed(self, token: str) -> dict[str, Any]:
        key_id, algorithm = self._header(token)
        key = self._keys.key(key_id, algorithm)
        if key is None:
            raise TokenNotAccepted(f"the issuer has no key of its id for {algorithm}")
        provider = self._provider
        try:
            # Time is judged below, by our own clock.
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=provider.audience,
                issuer=provider.issuer,
                options={
                    "require": ["exp", "iss", "aud", "sub"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except InvalidSignatureError:
            raise TokenNotAccepted("its signature is not the issuer's") from None
        except InvalidIssuerError:
            raise TokenNotAccepted(f"its issuer is not {provider.issuer}") from None
        except InvalidAudienceError:
            raise TokenNotAccepted(f"it is not meant for the audience {provider.audience}") from None
        except (PyJWTError, ValueError, TypeError, RecursionError):
            raise TokenNotAccepted("its claims are malformed, or some of exp, iss, aud and sub are missing") from None

    def _header(self, token: str) -> tuple[str | None, str]:
        try:
            header = jwt.get_unverified_header(token)
        except (PyJWTError, ValueError, TypeError, RecursionError):
            raise TokenNotAccepted("it is malformed") from None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in self._provider.algorithms:
            raise TokenNotAccepted(f"its algorithm is none of {', '.join(self._provider.algorithms)}")
        if not _is_for_access(header.get("typ")):
            raise TokenNotAccepted("its typ says that it is something else than a token to come in with")
        if "crit" in header or not (key_id is None or isinstance(key_id, str)):
            raise TokenNotAccepted("its header asks for what is not understood here")
        return key_id, str(algorithm)

    def _within_its_time(self, claims: dict[str, Any]) -> datetime:
        now, ends = self._now().timestamp(), _seconds(claims, "exp")
        if ends is None:
            raise TokenNotAccepted("its exp is no moment")
        if ends + LEEWAY_SECONDS <= now:
            raise TokenExpired(datetime.fromtimestamp(ends, UTC).isoformat())
        for name in ("nbf", "iat"):
            begins = _seconds(claims, name)
            if name in claims and (begins is None or begins - LEEWAY_SECONDS > now):
                raise TokenNotAccepted(f"its {name} is no moment, or is still to come")
        return datetime.fromtimestamp(ends + LEEWAY_SECONDS, UTC)


def _is_for_access(kind: object) -> bool:
    """A JWT may be many things, by the same issuer with the same key: a notice of logout, a proof of possession.

    What says nothing is taken for what it is used as. RFC 7515, section 4.1.9: ``application/`` may be left out.
    """
    return kind is None or (isinstance(kind, str) and kind.lower().removeprefix("application/") in ACCESS_KINDS)


def _seconds(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST - LEEWAY_SECONDS:
        return None
    return value


def _subject(claims: dict[str, Any]) -> str:
    subject = claims["sub"]
    if not _is_word(subject, LONGEST_SUBJECT):
        raise TokenNotAccepted(f"its sub is no printable text of 1 to {LONGEST_SUBJECT} characters")
    return str(subject)


def _groups(claims: dict[str, Any], path: str) -> tuple[str, ...]:
    """Whatever is no text that could be bound is passed over. A name with dots is looked for as a whole first."""
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    words = (word for word in listed if _is_word(word, LONGEST_GROUP))
    return tuple(sorted(set(words)))[:MOST_GROUPS]


def _is_word(value: object, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and _PRINTABLE.fullmatch(value) is not None
