"""Moments in query parameters: RFC 3339, and which of them go together."""

from datetime import datetime

from domain.errors import ValidationFailed, Violation
from domain.history import Moment

CODE = "parameter_invalid"


def asked_moment(version: int | None, at: str | None, known_at: str | None, position: int | None) -> Moment | None:
    """What was asked for, or None where none of it was. Raises ValidationFailed with every violation."""
    given = {"version": version, "at": at, "knownAt": known_at, "position": position}
    names = [name for name, value in given.items() if value is not None]
    violations = []
    for alone in ("version", "position"):
        if alone in names and len(names) > 1:
            others = ", ".join(f"'{name}'" for name in names if name != alone)
            violations.append(conflict(alone, f"it cannot be combined with {others}"))
    moments: dict[str, datetime | None] = {}
    for name, text in (("at", at), ("knownAt", known_at)):
        try:
            moments[name] = None if text is None else moment_of(text)
        except ValueError as error:
            violations.append(_violation(name, str(error)))
    if violations:
        raise ValidationFailed(tuple(violations))
    if not names or version is not None:
        return None
    return Moment(at=moments["at"], known_at=moments["knownAt"], position=position)


def moment_of(text: str) -> datetime:
    """Raises ValueError with what is wrong."""
    try:
        # In a query a plus that was not escaped arrives as a space.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise ValueError(f"'{text}' is no moment; RFC 3339 is expected, such as 2026-03-03T12:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' has no offset; add Z for UTC, or such as +02:00")
    return moment


def conflict(name: str, message: str) -> Violation:
    """A parameter that is good by itself and not with the others."""
    return Violation(pointer=f"/{name}", code="parameters_conflict", message=f"Parameter '{name}': {message}.")


def _violation(name: str, message: str) -> Violation:
    return Violation(pointer=f"/{name}", code=CODE, message=f"Parameter '{name}': {message}.")
