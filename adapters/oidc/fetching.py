"""Asking the issuer over HTTP: little, briefly, and of nobody but whom it names."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

SECONDS_TO_ANSWER = 3.0
MOST_BYTES = 512 * 1024
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Fetch = Callable[[str], dict[str, Any]]


class NotHad(Exception):
    """Why something could not be had of the issuer, in words that may be shown."""


def fetch(url: str) -> dict[str, Any]:
    """The JSON object at the URL. Raises NotHad, after a few seconds at most; redirections are not followed."""
    if not is_safe(url):
        raise NotHad(f"{url} is neither https nor on this machine")
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    try:
        with httpx.Client(timeout=SECONDS_TO_ANSWER) as client, client.stream("GET", url) as answer:
            if answer.status_code != httpx.codes.OK:
                raise NotHad(f"{url} answered {answer.status_code}")
            return msgspec.json.decode(_body(url, answer, deadline), type=dict[str, Any])
    except httpx.HTTPError as error:
        raise NotHad(f"{url} does not answer ({type(error).__name__})") from None
    except msgspec.MsgspecError:
        raise NotHad(f"{url} answered no JSON object") from None


def is_safe(url: str) -> bool:
    """Whether nobody on the way can put his own keys in place of the issuer's."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def _body(url: str, answer: httpx.Response, deadline: float) -> bytes:
    body = b""
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > MOST_BYTES:
            raise NotHad(f"{url} answered more than {MOST_BYTES} bytes")
        if time.monotonic() > deadline:
            raise NotHad(f"{url} takes longer than {SECONDS_TO_ANSWER:.0f} s")
    return body
