"""What the service answered instead, by kind: catch what you can do something about.

ServiceError
    NoAnswer              nobody answered; whether the call was carried out is not known
        NobodyThere       nobody could be connected to; it was not
    Refused               the service said no: ``body`` is its envelope
        Unauthenticated   401: no token, or one that is not good
        Forbidden         403: the token lacks a scope
        NotFound          404
        Conflict          409: with what is there, or with somebody who was first
        Stale             412: the table is no longer what was planned on
        Invalid           400, 422 and others: the request makes no sense; ``violations`` says where
        Busy              429, 503: not now
"""

from typing import Any

from msgspec import MsgspecError, convert

from api.http.wire import ErrorBody
from domain.errors import Violation


class ServiceError(Exception):
    """What the service answered instead, or that it did not answer."""

    def __init__(self, message: str, body: ErrorBody | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.body, self.status = body, status
        self.retry_after: float | None = None

    @property
    def code(self) -> str | None:
        """The stable code, of docs/reference/errors.md; None where there was no answer of the service's own."""
        return self.body.code if self.body else None

    @property
    def retryable(self) -> bool:
        """Whether the very same call may succeed later."""
        return self.body is not None and self.body.retryable

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Every place of the request that is wrong."""
        given: Any = (self.body.details or {}).get("violations", ()) if self.body else ()
        try:
            return convert(given, tuple[Violation, ...])
        except MsgspecError:
            return ()


class NoAnswer(ServiceError):
    """Nobody answered. Whether the call was carried out is not known; its idempotency key makes a repeat harmless."""


class NobodyThere(NoAnswer):
    """There was nobody to connect to: nothing was carried out."""


class Refused(ServiceError):
    """The service said no."""


class Unauthenticated(Refused):
    pass


class Forbidden(Refused):
    pass


class NotFound(Refused):
    pass


class Conflict(Refused):
    pass


class Stale(Refused):
    pass


class Invalid(Refused):
    pass


class Busy(Refused):
    pass


KINDS: dict[int, type[Refused]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Stale,
    429: Busy,
    503: Busy,
}


def refusal(status: int, url: str, content: ErrorBody | None) -> ServiceError:
    """What an answer with such a status means; without a body of ours, somebody else answered."""
    if content is None:
        return ServiceError(f"{url} answered {status}, and not as this service does.", None, status)
    kind = KINDS.get(status, Invalid if status < 500 else Refused)
    named = ServiceError("", content).violations
    places = [f"  {one.pointer or '/'}: {one.message}" for one in named] if len(named) > 1 else []
    return kind("\n".join([f"{content.error} ({content.code})", *places]), content, status)
