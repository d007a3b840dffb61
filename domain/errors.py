"""Every refusal by name: a stable code for machines, a sentence for people, fields for tests.

A refusal is raised (or collected in a plan) with the facts it speaks of: ``ColumnNotFound(name="age")`` has the code
``column_not_found`` and says "There is no column 'age'.". Codes are an append-only list: docs/reference/errors.md has
a section for each. Nothing here knows HTTP; api/http/errors.py maps codes to statuses.
"""

from dataclasses import dataclass, fields
from typing import ClassVar


class Refusal(Exception):
    """The base of everything this project refuses to do.

    ``code`` is stable for ever, ``sentence`` is a format string over the fields, and ``retryable`` is true only when
    the very same call may succeed later unchanged.
    """

    code: ClassVar[str]
    sentence: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __str__(self) -> str:
        return self.sentence.format(**self.facts())

    def facts(self) -> dict[str, object]:
        """The fields of this refusal, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


# --- schemas, columns and types -----------------------------------------------------------------------------------


@dataclass(unsafe_hash=True)
class TypeTextInvalid(Refusal):
    code = "type_invalid"
    sentence = "'{text}' is not a data type: {reason}."
    text: str
    reason: str


@dataclass(unsafe_hash=True)
class ColumnNotFound(Refusal):
    code = "column_not_found"
    sentence = "There is no column '{name}'."
    name: str


@dataclass(unsafe_hash=True)
class ColumnAlreadyExists(Refusal):
    code = "column_already_exists"
    sentence = "There is a column '{name}' already."
    name: str
