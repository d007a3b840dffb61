"""What somebody else made of a table: its columns recognised by Lance's own field ids, and since when it is so."""

from collections.abc import Collection
from datetime import UTC, datetime

import lance

from adapters.engines.lance_tables.identity import identity_of, replaced_in
from adapters.engines.lance_tables.inspecting import inspect_table
from adapters.engines.lance_tables.places import reopened
from adapters.engines.lance_tables.protos import field_ids, roots_of
from domain.drift import difference, recognised
from domain.engine import Outside
from domain.schema import Schema
from domain.table.identity import Identity, Replaced

MOST_VERSIONS_READ = 1_000
"""How far back the change is looked for; beyond that it is dated by the earliest version read."""


def look_outside(table: lance.LanceDataset, known: Schema, identity: Identity | None = None) -> Outside:
    """Reads the table's versions back to the last one that was as the log knows it."""
    found = inspect_table(table).schema
    others = Replaced() if identity is None else replaced_in(table, identity)
    if others.table:
        # None of its columns is one of those known, whatever they are called.
        return _outside(table, recognised(found, known, {}), _first(table))
    if difference(found, known) is None and not others.columns:
        by_name = {column.name: column.id for column in known.columns}
        return _outside(table, recognised(found, known, by_name), table)
    since, as_known = table, None
    for version in range(table.version - 1, max(0, table.version - MOST_VERSIONS_READ), -1):
        try:
            earlier = reopened(table, version)
        except (ValueError, OSError):
            # Cleaned up since: what is left says as much as can be said.
            break
        schema = inspect_table(earlier).schema
        if difference(schema, known) is None:
            as_known = earlier
            break
        if since.version == version + 1 and difference(schema, found) is None:
            since = earlier
    return _outside(table, recognised(found, known, _ids(table, as_known, known, others.columns)), since)


def _outside(table: lance.LanceDataset, schema: Schema, since: lance.LanceDataset) -> Outside:
    version = str(since.version)
    return Outside(schema=schema, since=_moment(since), engine_version=version, identity=identity_of(table))


def _first(table: lance.LanceDataset) -> lance.LanceDataset:
    """The earliest version there is."""
    return reopened(table, min(version["version"] for version in table.versions()))


def _ids(
    table: lance.LanceDataset, earlier: lance.LanceDataset | None, known: Schema, others: Collection[str]
) -> dict[str, int]:
    """By the names of now, the ids of known columns: those that kept their field in Lance, then those of their name.

    A cast gives a column a new field in Lance, so a name whose field is new and whose old one is gone is the column
    it was. ``others`` are names of columns that took another's place.
    """
    ids = {} if earlier is None else _kept(table, earlier, known)
    ids = {name: own for name, own in ids.items() if name not in others}
    for name in table.schema.names:
        column = known.find(name)
        if name not in ids and column is not None and column.id not in ids.values() and name not in others:
            ids[name] = column.id
    return ids


def _kept(table: lance.LanceDataset, earlier: lance.LanceDataset, known: Schema) -> dict[str, int]:
    names = {field_ids(root)[0]: name for name, root in roots_of(earlier.lance_schema).items()}
    kept = {name: names.get(field_ids(root)[0]) for name, root in roots_of(table.lance_schema).items()}
    return {name: known.column(old).id for name, old in kept.items() if old is not None}


def _moment(table: lance.LanceDataset) -> datetime:
    """When the version was made, by the clock of whoever made it. Lance tells it in this machine's own zone."""
    moment = table.get_version()["timestamp"]
    assert isinstance(moment, datetime)
    return moment.astimezone(UTC)
