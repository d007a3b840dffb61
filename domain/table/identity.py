"""What an engine itself knows a table and its columns by, whatever they are called and look like."""

from collections.abc import Callable

from msgspec import Struct


class Identity(Struct, frozen=True, kw_only=True):
    """``table`` tells one state of one table from all others; ``columns`` are the engine's ids by name."""

    table: str
    columns: dict[str, str]


class Replaced(Struct, frozen=True, kw_only=True):
    """What took the place of something known: of the whole table, or of columns, by their names."""

    table: bool = False
    columns: tuple[str, ...] = ()


def identity_differs(
    found: Identity | None, known: Identity | None, look: Callable[[Identity], Replaced]
) -> str | None:
    """A sentence naming what took the place of the table, or of a column; None where all are what they were.

    ``look`` compares the table with one known. Of a table that was recorded before identities were, nothing is known.
    """
    if found is None or known is None or found == known:
        return None
    replaced = look(known)
    if replaced.table:
        return "another table was made in its place"
    names = replaced.columns
    return f"its column '{names[0]}' was dropped and another made of that name" if names else None
