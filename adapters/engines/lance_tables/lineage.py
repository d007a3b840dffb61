"""Which rows of an earlier version the rows of now are, also after compactions. pylance 14.

A fragment keeps its id while its rows are the same. A compaction makes new fragments of the live rows of old ones, in
their order, and its transaction says of which. Rows that were updated since are new rows: nothing says what they were.
In a table with stable row ids every row, updated ones too, is known by its own id instead.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import lance
import numpy as np
import pyarrow as pa
from lance.dataset import LanceOperation
from lance.fragment import FragmentMetadata

from adapters.engines.lance_tables.places import reopened

MOST_VERSIONS_READ = 1_000
"""How far back compactions are followed."""
ROW_BITS = 32
"""A row's address is its fragment's id and, in so many bits, its place there."""
PLACE = np.uint64(2**ROW_BITS - 1)
UNKNOWN = np.uint64(2**64 - 1)

Addresses = np.ndarray[tuple[int], np.dtype[np.uint64]]
"""What each row of a fragment, deleted ones too, is known by in the earlier version: its address or its stable id.

``UNKNOWN`` where the row was not there.
"""


@dataclass(frozen=True)
class _Origin:
    """What a fragment was made of, as the table was in ``version``, and the rows before its own in what came of it."""

    version: int
    fragments: tuple[FragmentMetadata, ...]
    rows_before: int


class Lineage:
    """Follows the rows of ``table`` back to ``earlier``, one of its versions."""

    def __init__(self, table: lance.LanceDataset, earlier: lance.LanceDataset) -> None:
        self._table, self._earlier = table, earlier
        self._before: Mapping[int, FragmentMetadata] = {
            fragment.fragment_id: fragment.metadata for fragment in earlier.get_fragments()
        }
        self._origins = dict[int, _Origin]()
        self._is_whole = self._read_transactions()

    def same(self, fragment: FragmentMetadata) -> FragmentMetadata | None:
        """The fragment of the earlier version that holds the very same rows; None where there is none.

        Ids are given anew once a table is overwritten, so an id alone is no proof.
        """
        old = self._before.get(fragment.id)
        if old is None or old.physical_rows != fragment.physical_rows:
            return None
        shares_a_file = not {file.path for file in old.files}.isdisjoint(file.path for file in fragment.files)
        return old if self._is_whole or shares_a_file else None

    def is_traced(self, fragment: FragmentMetadata) -> bool:
        """Whether some rows lie in fragments that are no longer there."""
        return self.same(fragment) is None and bool(self.rows(fragment))

    def rows(self, fragment: FragmentMetadata) -> int:
        """How many of the fragment's rows were there in the earlier version, deleted ones aside."""
        if self.same(fragment) is not None:
            return fragment.num_rows
        if fragment.id not in self._origins and fragment.row_id_meta is None:
            return 0
        known = self.addresses(fragment) != UNKNOWN
        live = self._live_rows(self._table, fragment)
        return int(np.count_nonzero(known[live]))

    def addresses(self, fragment: FragmentMetadata) -> Addresses:
        if fragment.row_id_meta is not None:
            return self._stable_ids(fragment)
        if self.same(fragment) is not None:
            return np.arange(fragment.physical_rows, dtype=np.uint64) + np.uint64(fragment.id << ROW_BITS)
        unknown = np.full(fragment.physical_rows, UNKNOWN, dtype=np.uint64)
        if (origin := self._origins.get(fragment.id)) is None:
            return unknown
        then = reopened(self._table, origin.version)
        parts = [self.addresses(old)[self._live_rows(then, old)] for old in origin.fragments]
        mine = np.concatenate(parts)[origin.rows_before :][: fragment.physical_rows]
        return mine if len(mine) == fragment.physical_rows else unknown

    def _stable_ids(self, fragment: FragmentMetadata) -> Addresses:
        """Of the rows that are not deleted and were there."""
        rows = _rows_of(self._table, fragment)
        ids, places = rows.column("_rowid").to_numpy(), rows.column("_rowaddr").to_numpy() & PLACE
        known = np.isin(ids, self._earlier_ids)
        found = np.full(fragment.physical_rows, UNKNOWN, dtype=np.uint64)
        found[places[known]] = ids[known]
        return found

    @cached_property
    def _earlier_ids(self) -> Addresses:
        ids: Addresses = self._earlier.to_table(columns=[], with_row_id=True).column("_rowid").to_numpy()
        return ids

    @staticmethod
    def _live_rows(table: lance.LanceDataset, fragment: FragmentMetadata) -> Addresses:
        """The places in the fragment of the rows that were not deleted in that version."""
        if fragment.num_rows == fragment.physical_rows:
            return np.arange(fragment.physical_rows, dtype=np.uint64)
        places: Addresses = _rows_of(table, fragment).column("_rowaddr").to_numpy() & PLACE
        return places

    def _read_transactions(self) -> bool:
        """Notes what every compaction made of what. False where one of the versions between cannot be read."""
        first, last = self._earlier.version + 1, self._table.version
        if last - first >= MOST_VERSIONS_READ:
            return False
        whole = True
        for version in range(first, last + 1):
            try:
                transaction = self._table.read_transaction(version)
            except (OSError, ValueError, TypeError):
                transaction = None
            operation = None if transaction is None else transaction.operation
            whole &= operation is not None and not isinstance(
                operation, LanceOperation.Overwrite | LanceOperation.Restore
            )
            if isinstance(operation, LanceOperation.Rewrite):
                for group in operation.groups:
                    self._origins.update(_origins(version - 1, group))
        return whole


def _rows_of(table: lance.LanceDataset, fragment: FragmentMetadata) -> pa.Table:
    """The ids and addresses of the fragment's live rows in that version."""
    found = table.get_fragment(fragment.id)
    assert found is not None
    return found.to_table(columns=[], with_row_id=True, with_row_address=True)


def _origins(version: int, group: LanceOperation.RewriteGroup) -> Iterator[tuple[int, _Origin]]:
    rows = 0
    for made in group.new_fragments:
        yield made.id, _Origin(version, tuple(group.old_fragments), rows)
        rows += made.physical_rows


def values_at(table: lance.LanceDataset, column: str, addresses: Addresses) -> pa.Array:
    """The column's values at these addresses of the table, null where one is unknown."""
    known = addresses != UNKNOWN
    found = table._take_rows(addresses[known].tolist(), columns=[column, "_rowid"])
    # Rows come in the order of the table, whatever order they are asked for in.
    ids = found.column("_rowid").to_numpy()
    if not len(ids):
        return pa.nulls(len(addresses), found.schema.field(column).type)
    order = np.argsort(ids)
    places = order[np.searchsorted(ids[order], np.where(known, addresses, ids[0]))]
    return found.column(column).combine_chunks().take(pa.array(places.astype(np.int64), mask=~known))
