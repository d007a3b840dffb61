"""Pages: a size, and an opaque token that says where the next one begins and for which list it is meant."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
from litestar.params import QueryParameter
from msgspec import UNSET, Struct, UnsetType

from domain.errors import PageTokenInvalid

T = TypeVar("T")

PageSize = Annotated[
    int, QueryParameter(name="pageSize", ge=1, le=200, required=False, description="Elements of a page, 1 to 200.")
]
PageToken = Annotated[
    str | None,
    QueryParameter(name="pageToken", required=False, description="`nextPageToken` of the page before, same filters."),
]
DEFAULT_SIZE = 50


class _Place(Struct, frozen=True, array_like=True):
    filters: str
    after: str


def begin(token: str | None, *filters: object) -> str | None:
    """The key after which the page begins; raises PageTokenInvalid for a token of another list or of nobody."""
    if token is None:
        return None
    try:
        place = msgspec.json.decode(urlsafe_b64decode(token.encode() + b"=="), type=_Place)
    except (ValueError, msgspec.DecodeError):
        raise PageTokenInvalid("it is damaged") from None
    if place.filters != _digest(filters):
        raise PageTokenInvalid("it belongs to a list with other filters")
    return place.after


def begin_at_id(token: str | None, *filters: object) -> UUID | None:
    after = begin(token, *filters)
    try:
        return None if after is None else UUID(after)
    except ValueError:
        raise PageTokenInvalid("it is damaged") from None


def begin_at_number(token: str | None, *filters: object) -> int | None:
    after = begin(token, *filters)
    try:
        return None if after is None else int(after)
    except ValueError:
        raise PageTokenInvalid("it is damaged") from None


def cut(
    rows: Sequence[T], size: int, key: Callable[[T], object], *filters: object
) -> tuple[Sequence[T], str | UnsetType]:
    """The page of ``rows``, of which one more than ``size`` was asked for, and the token of the next, if any."""
    if len(rows) <= size:
        return rows, UNSET
    place = _Place(_digest(filters), str(key(rows[size - 1])))
    return rows[:size], urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _digest(filters: tuple[object, ...]) -> str:
    return sha256(repr(filters).encode()).hexdigest()[:16]
