"""Free text, which is readable as long as the subject that wrote it is not erased."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

ERASED = "[erased]"
"""What a text reads as whose writer was erased."""


class SubjectView(Struct, frozen=True, kw_only=True):
    """``name`` is what the subject is called, if anything; ``writes`` says whether there is text of its to erase."""

    subject: str
    name: str | None
    writes: bool
    named_at: datetime | None


class Subjects(Protocol):
    """Who is who. Every method may raise LogUnavailable."""

    def subject(self, subject: str) -> SubjectView | None:
        """None: it has neither a name nor text that could be erased."""

    def subjects(self, limit: int, after: str | None = None) -> Sequence[SubjectView]:
        """In the order of their ids, those after the one given."""

    def names(self, subjects: Iterable[str]) -> Mapping[str, str]:
        """What they are called, by their ids; those without a name are left out."""

    def name(self, subject: str, name: str) -> None:
        """Calls a subject so from now on."""

    def forget(self, subject: str) -> None:
        """Lets go of what this process remembers of a subject that was erased."""
