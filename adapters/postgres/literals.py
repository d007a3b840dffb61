"""Values written out as SQL, for messages of several statements, which the protocol takes no parameters for.

Every value is a quoted string that PostgreSQL reads as the type it is needed as. ``E'...'`` is read the same whatever
``standard_conforming_strings`` says; connections speak UTF-8 (database.py), in which no byte of a letter looks like
a quote or a backslash. PostgreSQL 14 to 18, sections 4.1.2.2 and 8.15.2.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID


def literal(value: object) -> str:
    """A NUL in a text is replaced: PostgreSQL has no place for it. Raises TypeError for a type not known here."""
    match value:
        case None:
            return "NULL"
        case str():
            return f"E'{_escaped(value)}'"
        case bool() | int() | float() | UUID() | datetime():
            return f"'{value}'"
        case bytes():
            return f"E'\\\\x{value.hex()}'"
        case list() | tuple():
            return f"E'{_escaped(_array(value))}'"
        case _:
            raise TypeError(f"{type(value).__name__} is not written into messages")


def _escaped(text: str) -> str:
    return text.replace("\x00", "\ufffd").replace("\\", "\\\\").replace("'", "''")


def _array(values: Sequence[object]) -> str:
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bytes():
            return f'"\\\\x{value.hex()}"'
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case bool() | int() | float() | UUID() | datetime():
            return f'"{value}"'
        case _:
            raise TypeError(f"{type(value).__name__} is not written into messages")
