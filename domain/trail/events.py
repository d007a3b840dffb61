"""What callers did that changed no table: commands that were refused, and reads of the audit trail. For ever."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import field

from domain.facts import Fact, FreeText

Deed = Literal["denied", "read"]
"""What is kept of callers, each in a stream of its own by caller and hour."""


class CommandDenied(Fact, frozen=True, kw_only=True, tag="trail.command_denied"):
    """The caller wanted what was not allowed or made no sense; ``code`` and ``message`` are the refusal's.

    ``command`` is the call as the published document names it, ``target`` what it was about where that is no table.
    """

    command: str
    code: str
    message: FreeText
    table_id: UUID | None = None
    target: str | None = None


class TrailRead(Fact, frozen=True, kw_only=True, tag="trail.read"):
    """The caller read the audit trail, or what is made of it: ``what`` in which ``format``, chosen by ``filters``."""

    what: str
    format: str
    filters: dict[str, str] = field(default_factory=dict)


class FurtherCounted(Fact, frozen=True, kw_only=True, tag="trail.further_counted"):
    """In the hour that began at ``hour`` the caller did the same ``count`` more times than were written down."""

    deed: Deed
    caller: str
    hour: datetime
    count: int


TrailFact = CommandDenied | TrailRead | FurtherCounted
