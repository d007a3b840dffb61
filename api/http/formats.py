"""Which of several formats an answer has: the one that the query names, else the one that ``Accept`` likes best."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request
from litestar.params import QueryParameter

from api.http.moments import CODE
from domain.errors import ValidationFailed, Violation

Format = Annotated[
    str | None,
    QueryParameter(name="format", required=False, description="Instead of `Accept`: the format by its short name."),
]


def chosen(request: Request[Any, Any, Any], named: str | None, offered: Mapping[str, str]) -> str:
    """The short name of a format, of which ``offered`` has the media types; the first where nothing else is liked.

    Raises ValidationFailed for a name that is not among them.
    """
    if named is not None:
        if named not in offered:
            sentence = f"Parameter 'format': '{named}' is none of {', '.join(offered)}."
            raise ValidationFailed((Violation(pointer="/format", code=CODE, message=sentence),))
        return named
    liked = _liked(request.headers.get("accept", ""))
    by_type = {media_type.partition(";")[0]: name for name, media_type in offered.items()}
    return next((by_type[media_type] for media_type in liked if media_type in by_type), next(iter(offered)))


def _liked(accept: str) -> list[str]:
    """Media types, the most wanted first (RFC 9110, section 12.5.1)."""
    weighed = [(_weight(part), part.partition(";")[0].strip().lower()) for part in accept.split(",")]
    return [media_type for weight, media_type in sorted(weighed, key=lambda one: -one[0]) if weight > 0]


def _weight(part: str) -> float:
    given = part.replace(" ", "").partition(";q=")[2].partition(";")[0]
    try:
        return float(given) if given else 1.0
    except ValueError:
        return 0.0
