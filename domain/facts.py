"""What is written in the log: facts, who caused them, and where they stand.

A fact is a frozen Struct in the past tense whose tag is its permanent stored name; classes and files may move freely,
tags may not. A fact may learn a new member whose absence means what it meant before; one that must change otherwise
gets a new tag, and adapters/event_log/upcasters.py reads the old one.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Annotated, ClassVar, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

T = TypeVar("T", bound=Struct)

FREE_TEXT = "free_text"
FreeText = Annotated[str, Meta(extra={FREE_TEXT: True})]
"""Words that people write, which may be about anybody: a member of a fact that holds them says so by this type."""

SYSTEM = "system"
"""The actor of what the service does by itself: followers, first start."""
WORKER = "worker:"
"""What the actors that are workers begin with."""


class Fact(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="type"):
    """Something that became true about one aggregate."""

    supersedes_itself: ClassVar[bool] = False
    """Whether of facts of this kind that follow each other only the last matters to the situation."""

    @property
    def topic(self) -> str:
        """The permanent stored name: the Struct's tag."""
        tag = self.__struct_config__.tag
        assert isinstance(tag, str)
        return tag


class Origin(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who asked, how they proved who they are, from where, and why.

    ``actor`` and ``on_behalf_of`` are opaque subject ids, never names. ``traceparent`` is the span that the request was
    (W3C Trace Context), where requests are traced.
    """

    actor: str = SYSTEM
    on_behalf_of: str | None = None
    authentication: str = SYSTEM
    source_address: str | None = None
    request_id: str | None = None
    causation_id: UUID | None = None
    correlation_id: UUID | None = None
    reason: FreeText | None = None
    traceparent: str | None = None


class Metadata(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every event carries beside its fact. ``moment`` is the application's clock, in UTC."""

    event_id: UUID
    moment: datetime
    origin: Origin


class Recorded(Struct, frozen=True, kw_only=True, gc=False):
    """A fact as it stands in the log.

    ``position`` counts from 1 without gaps over the whole log, ``version`` from 1 within the stream. ``recorded_at`` is
    the database's clock, which never goes back from one position to the next.
    """

    position: int
    stream: UUID
    version: int
    recorded_at: datetime
    metadata: Metadata
    fact: Fact


class Standing(NamedTuple):
    """What the situation of a stream at ``version`` follows from: its facts but for those that the next supersedes."""

    facts: tuple[Fact, ...]
    version: int


class Append(Struct, frozen=True, kw_only=True):
    """New facts for one stream, on the condition that it stands at ``expected_version`` (0: it does not exist yet)."""

    stream: UUID
    expected_version: int
    facts: tuple[Fact, ...]


def writer_of(origin: Origin) -> str | None:
    """The subject whose words the free text of an event is; None for what the service itself says."""
    return None if origin.actor == SYSTEM or origin.actor.startswith(WORKER) else origin.actor


def with_free_text(said: T, change: Callable[[str], str]) -> T:
    """The same with every free text in it changed; itself, where there is none."""
    texts = {name: text for name in free_texts(type(said)) if (text := getattr(said, name)) is not None}
    return replace(said, **{name: change(text) for name, text in texts.items()}) if texts else said


@cache
def free_texts(kind: type[Struct]) -> tuple[str, ...]:
    """The members that hold free text."""
    described = msgspec.inspect.type_info(kind)
    assert isinstance(described, msgspec.inspect.StructType)
    return tuple(member.name for member in described.fields if _is_free(member.type))


def _is_free(kind: msgspec.inspect.Type) -> bool:
    match kind:
        case msgspec.inspect.Metadata(extra=extra):
            return bool(extra and extra.get(FREE_TEXT))
        case msgspec.inspect.UnionType(types=types):
            return any(map(_is_free, types))
        case _:
            return False
