"""Pieces of a page. What is handed in is text and is made safe here, but for what other pieces have made."""

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Shown = tuple[str, str | Html]
"""A name, and a text or a piece."""

KINDS = {"when": "moment", "before": "before", "after": "after"}
"""How the columns of a table look that are not plain text."""


def facts(*shown: Shown) -> Html:
    """Names on the left, what they are on the right."""
    pairs = (f"<div><dt>{escape(name)}</dt><dd>{_made(value)}</dd></div>" for name, value in shown)
    return Html(f"<dl>{''.join(pairs)}</dl>")


def sentences(said: Sequence[str]) -> Html:
    """One below the other."""
    return Html("".join(f"<p>{_breakable(one)}</p>" for one in said))


def prints(*found: str | None) -> Html:
    """Fingerprints and ids: letter by letter, to be compared."""
    return Html("".join(f"<code>{escape(one)}</code>" for one in found if one) or "—")


def one_of_each(items: Iterable[str]) -> Html:
    return Html(f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>")


def tiles(figures: Iterable[tuple[str, int]]) -> Html:
    """Numbers to be seen from afar."""
    made = (f"<li><b>{number:,}</b> {escape(name)}</li>" for name, number in figures)
    return Html(f"<ul class=tiles>{''.join(made)}</ul>")


def rows(head: Sequence[str], lines: Iterable[Sequence[str]]) -> Html:
    """A table, whose head is printed anew on each page."""
    kinds = [f' class="{KINDS[name]}"' if name in KINDS else "" for name in head]
    names = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(head, kinds, strict=True))
    cells = (
        "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(line, kinds, strict=True)) for line in lines
    )
    body = "".join(f"<tr>{line}</tr>" for line in cells)
    return Html(f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>")


def _made(value: str | Html) -> str:
    return value if isinstance(value, Html) else _breakable(value)


def _breakable(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text.startswith("sha256-") else escape(text)
