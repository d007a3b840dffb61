"""Types that somebody asks for: within limits that the tables of others need not keep."""

from domain.column_types import DataType, opaque_types
from domain.errors import TypeTextInvalid
from domain.type_text import parse_type

MAX_REQUESTED_LENGTH = 10_000
MAX_REQUESTED_DEPTH = 32


def parse_requested(text: str) -> DataType:
    """The type, as ``parse_type``; raises TypeTextInvalid for what is too long, too deep, or opaque."""
    if len(text) > MAX_REQUESTED_LENGTH:
        raise TypeTextInvalid(f"{text[:60]}...", f"it is longer than {MAX_REQUESTED_LENGTH} characters")
    data_type = parse_type(text, MAX_REQUESTED_DEPTH)
    if any(opaque_types(data_type)):
        raise TypeTextInvalid(text, "opaque types are those of columns that others made, and cannot be asked for")
    return data_type
