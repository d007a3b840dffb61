"""Logs on standard error: one JSON object per line, or one line for people on a terminal.

Every line says what it is about: the request, the operation, the table, the attempt. Secrets do not get through, not
even inside the words of somebody else's exception.
"""

import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec

FORMATS = ("auto", "json", "text")
"""``auto``: text on a terminal, JSON elsewhere."""
LEVELS = ("debug", "info", "warning", "error")

FIELDS = "fields"
"""The ``extra`` of a log call whose mapping becomes members of the line."""

Fields = Callable[[], Mapping[str, object]]

_about: ContextVar[tuple[Fields, ...]] = ContextVar("about", default=())

_TOKENS = (
    (re.compile(r"\bsl_[\w-]{16,}"), "sl_***"),
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*"), "eyJ***"),
    (re.compile(r"\bwhsec_[\w+/=-]{16,}"), "whsec_***"),
)
_SECRETS = (
    *_TOKENS,
    (re.compile(r"(?i)\bbearer\s+[^\s\"',;]+"), "Bearer ***"),
    (re.compile(r"(://[^:/@\s\"]*):[^@\s\"]+@"), r"\1:***@"),
    (re.compile(r"(?i)\b(password|sslpassword|passwd|pgpassword)(\s*[=:]\s*)('[^']*'|[^\s\"',;]+)"), r"\1\2***"),
)
_HINTS = ("sl_", "eyj", "whsec_", "bearer", "://", "pass")
"""Without any of these there is no secret to look for: most lines are spared the search."""


def set_up_logs(log_format: str = "auto", level: str = "info") -> None:
    """Everything that this process logs goes to standard error in this form."""
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@contextmanager
def about(fields: Fields) -> Iterator[None]:
    """What is logged meanwhile, in this task or thread, has these members; they are looked at with each line."""
    token = _about.set((*_about.get(), fields))
    try:
        yield
    finally:
        _about.reset(token)


class JsonFormatter(logging.Formatter):
    """time (RFC 3339, UTC), level, logger, process, message; then what the line is about, and the exception's trace."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return without_secrets(msgspec.json.encode(line, enc_hook=str).decode())


class TextFormatter(logging.Formatter):
    """The same for people: ``name=value`` after the message, the trace on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        head = f"{_moment(record)} {record.levelname:<7} {record.process} {record.name}: {record.getMessage()}"
        parts = [head, *(f"{name}={value}" for name, value in _fields(record).items())]
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return without_secrets(f"{'  '.join(parts)}{trace}")


def without_secrets(text: str) -> str:
    """With tokens and passwords crossed out."""
    lower = text.lower()
    if any(hint in lower for hint in _HINTS):
        for pattern, replacement in _SECRETS:
            text = pattern.sub(replacement, text)
    return text


def without_tokens(text: str) -> str:
    """With tokens crossed out, where they stand in words that are shown to callers."""
    if "sl_" in text or "eyJ" in text:
        for pattern, replacement in _TOKENS:
            text = pattern.sub(replacement, text)
    return text


def _moment(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{record.msecs:03.0f}Z"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    found = dict[str, Any]()
    for fields in _about.get():
        found.update(fields())
    return {**found, **getattr(record, FIELDS, {})}
