"""Asking for the past: which version, which moments, which position of the log, and what cannot stand together."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar.params import QueryParameter
from msgspec import Meta

from domain.errors import ValidationFailed, Violation

RFC_3339 = "RFC 3339 with an offset"

Version = Annotated[int | None, QueryParameter(name="version", ge=1, required=False, description="That version.")]
TrueAt = Annotated[
    str | None,
    QueryParameter(
        name="at", required=False, format="date-time", description=f"As the table was at this moment, {RFC_3339}."
    ),
]
KnownAt = Annotated[
    str | None,
    QueryParameter(
        name="knownAt", required=False, format="date-time", description=f"By what was recorded until then, {RFC_3339}."
    ),
]
Position = Annotated[
    int | None,
    QueryParameter(name="position", ge=1, required=False, description="As of this position of the event log."),
]


def moment(name: str, text: str | None) -> datetime | None:
    """The moment that a query parameter names; raises ValidationFailed."""
    if text is None:
        return None
    try:
        found: datetime = msgspec.convert(text, Annotated[datetime, Meta(tz=True)])
    except msgspec.ValidationError:
        shown = "Send RFC 3339 with an offset, such as 2026-01-31T12:00:00Z; the + of an offset is written %2B."
        raise ValidationFailed((_violation(name, f"'{text}' is no moment. {shown}"),)) from None
    return found


def check_together(**given: object) -> None:
    """Refuses what cannot stand beside ``version`` (nothing) and ``position`` (no moments); None is not given."""
    named = [name for name, value in given.items() if value is not None]
    for first in ("version", "position"):
        others = [name for name in named if name != first]
        if first in named and others:
            sentence = f"it cannot stand beside '{first}', which says which version already."
            raise ValidationFailed(tuple(_violation(name, sentence) for name in others))


def _violation(name: str, sentence: str) -> Violation:
    return Violation(pointer=f"/{name}", code="parameter_invalid", message=f"Parameter '{name}': {sentence}")
