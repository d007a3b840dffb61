"""What Lance knows a table and its columns by: its line of versions, and its field ids. pylance 14.

A Lance table has no id of its own. One of its versions and the moment it was made stand for it: a table made anew at
its place has no such version, or has made it at another moment. The id of a dropped field may be given to another, so
an id proves something only together with a file, or with every version in between.
"""

from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime
from threading import Lock

import lance
from lance.dataset import LanceOperation

from adapters.engines.lance_tables.places import reopened
from domain.table.identity import Identity, Replaced

MOST_VERSIONS_READ = 1_000
MOST_ANSWERS = 5_000
OF_ROWS = (
    LanceOperation.Append,
    LanceOperation.Delete,
    LanceOperation.Rewrite,
    LanceOperation.CreateIndex,
    LanceOperation.UpdateConfig,
)
"""Commits after which every column is the one it was."""


def identity_of(table: lance.LanceDataset) -> Identity:
    return Identity(table=_mark(table), columns=_ids(table))


def identity_in(table: lance.LanceDataset, engine_version: str) -> Identity | None:
    """As the table was in that version; None where it was cleaned away."""
    try:
        return identity_of(reopened(table, int(engine_version)))
    except (ValueError, OSError):
        return None


class Replacements:
    """What took the place of what was known, looked for once for each version of a table."""

    def __init__(self, most: int = MOST_ANSWERS) -> None:
        self._found, self._most, self._guard = OrderedDict[tuple[str, str, str], Replaced](), most, Lock()

    def of(self, table: lance.LanceDataset, known: Identity) -> Replaced:
        key = table.uri, known.table, _mark(table)
        with self._guard:
            if (answer := self._found.get(key)) is not None:
                return answer
        answer = replaced_in(table, known)
        with self._guard:
            self._found[key] = answer
            if len(self._found) > self._most:
                self._found.popitem(last=False)
        return answer


def replaced_in(table: lance.LanceDataset, known: Identity) -> Replaced:
    """What took the place of what was known, as far as can be told: versions are cleaned away."""
    version = int(known.table.partition("@")[0])
    if version > table.version:
        return Replaced(table=True)
    try:
        then = reopened(table, version)
    except (ValueError, OSError):
        then = None
    if then is not None and _mark(then) != known.table:
        return Replaced(table=True)
    doubtful = set(known.columns) & set(table.schema.names)
    if then is not None:
        doubtful -= _proven(table, then)
    gone = set[str]()
    for ids in _schemas_between(table, version) if doubtful else ():
        # One that was called otherwise for a while kept its field.
        gone |= {name for name in doubtful - ids.keys() if known.columns[name] not in ids.values()}
    return Replaced(columns=tuple(name for name in known.columns if name in gone))


def _schemas_between(table: lance.LanceDataset, version: int) -> Iterator[dict[str, str]]:
    """The ids of the fields in each version after that one whose commit may have changed them."""
    for number in range(max(version + 1, table.version - MOST_VERSIONS_READ), table.version):
        try:
            transaction = table.read_transaction(number)
            if transaction is None or not isinstance(transaction.operation, OF_ROWS):
                yield _ids(reopened(table, number))
        except (ValueError, OSError, TypeError):
            # Cleaned away, or of a kind that the library cannot read.
            continue


def _proven(table: lance.LanceDataset, then: lance.LanceDataset) -> set[str]:
    """The columns that keep their field, and some file that held it then."""
    now, before = _files(table), _files(then)
    kept = _ids(table).items() & _ids(then).items()
    return {name for name, own in kept if not now.get(own, set()).isdisjoint(before.get(own, set()))}


def _files(table: lance.LanceDataset) -> dict[str, set[str]]:
    """The files that hold a field, by its id."""
    found = dict[str, set[str]]()
    for fragment in table.get_fragments():
        for file in fragment.metadata.files:
            for field in file.fields:
                found.setdefault(str(field), set()).add(file._path)
    return found


def _ids(table: lance.LanceDataset) -> dict[str, str]:
    return {field.name(): str(field.id()) for field in table.lance_schema.fields()}


def _mark(table: lance.LanceDataset) -> str:
    moment = table.get_version()["timestamp"]
    assert isinstance(moment, datetime)
    return f"{table.version}@{moment.timestamp():.6f}"
