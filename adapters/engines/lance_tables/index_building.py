"""Building one index of any type over a version of a table, with the settings that it has or had. pylance 14.0.2."""

from collections.abc import Mapping, Sequence
from typing import Any

import lance
from lance.dataset import Index as Segment
from lance.fragment import FragmentMetadata
from lance.indices import IndexConfig

from adapters.engines.lance_tables.border import said
from adapters.engines.lance_tables.digests import digest, files_of
from adapters.engines.lance_tables.index_settings import settings_of
from adapters.engines.lance_tables.places import remove_folder
from adapters.engines.lance_tables.segments import Digests, HowBuilt, dumped
from domain.errors import IndexNotBuilt
from domain.schema import Index

TEXT = "inverted"
IN_PARTS = (TEXT,)
"""Types whose segments are parts of an index until they are merged: committed before, no query could read them."""
CODE = "code"
NO_VECTORS = "KMeans cannot train"
NOT_ACCEPTED = (ValueError, OverflowError, TypeError, NotImplementedError)
"""How Lance says that it cannot build such an index at all."""
PARTS_OF_A_VECTOR = (16, 8, 4, 2, 1)
PACKED_BITS = 4
"""Two codes of so many bits share a byte."""


def how_to_build(index: Index, before: lance.LanceDataset | None) -> HowBuilt:
    """What the log says of it, and for the rest how the index of that name in ``before`` was built."""
    read = None if before is None else settings_of(before, index.name)
    if read is None:
        return HowBuilt(metric=index.metric, settings=index.settings)
    return HowBuilt(metric=index.metric or read.metric, settings={**read.settings, **index.settings})


def build_index(table: lance.LanceDataset, index: Index, unit: str, path: str, how: HowBuilt) -> bytes:
    """Builds it over all fragments of this version of the table; returns what ``commit_indexes`` needs.

    ``unit`` is the name it is built under: an index that is to make room for it is there still.
    """
    fragments = [fragment.metadata for fragment in table.get_fragments()]
    segment = None
    if fragments:
        ids = [fragment.id for fragment in fragments]
        try:
            segment = _segment(table, index, path, how, name=unit, fragment_ids=ids)
        except NOT_ACCEPTED as error:
            raise IndexNotBuilt(index.name, said(error)) from error
    return dumped(digests_of(fragments), segment, how)


def create_empty(table: lance.LanceDataset, index: Index, path: str, how: HowBuilt) -> None:
    """On a table without rows, in a version of its own."""
    try:
        if _is_vector(index):
            settings = _vector_settings(table, index, path, how)
            table.create_index(path, index.index_type.upper(), name=index.name, train=False, **settings)
        else:
            kind, more = _scalar_kind(index, how)
            table.create_scalar_index(path, kind, name=index.name, replace=False, **more)
    except NOT_ACCEPTED as error:
        raise IndexNotBuilt(index.name, said(error)) from error


def digests_of(fragments: Sequence[FragmentMetadata]) -> Digests:
    return {str(fragment.id): digest(files_of(fragment)) for fragment in fragments}


def _segment(table: lance.LanceDataset, index: Index, path: str, how: HowBuilt, **where: Any) -> Segment:
    if _is_vector(index):
        return _vector_segment(table, index, path, _vector_settings(table, index, path, how) | where)
    kind, more = _scalar_kind(index, how)
    segment = table.create_index_uncommitted(path, kind, **more, **where)
    if index.index_type in IN_PARTS:
        parts = segment
        segment = table.merge_existing_index_segments([parts])
        if segment.uuid != parts.uuid:
            remove_folder(table, f"_indices/{parts.uuid}")
    return segment


def _vector_segment(table: lance.LanceDataset, index: Index, path: str, how: Mapping[str, Any]) -> Segment:
    kind = index.index_type.upper()
    try:
        return table.create_index_uncommitted(path, kind, **how)
    except RuntimeError as error:
        if NO_VECTORS not in str(error):
            raise
        # Every vector is null. The index waits for the first, as it does on a table without rows.
        return table.create_index_uncommitted(path, kind, train=False, **how)


def _is_vector(index: Index) -> bool:
    return index.metric is not None or index.index_type.startswith("ivf_")


def _vector_settings(table: lance.LanceDataset, index: Index, path: str, how: HowBuilt) -> dict[str, Any]:
    settings: dict[str, Any] = {"metric": how.metric or "l2", **how.settings}
    if index.index_type.endswith("pq"):
        settings.setdefault("num_sub_vectors", _usual_parts(table, path, even=settings.get("num_bits") == PACKED_BITS))
    return settings


def _usual_parts(table: lance.LanceDataset, path: str, *, even: bool) -> int:
    """Into how many parts a vector is cut: Lance wants to be told."""
    field: Any = table.lance_schema.field_case_insensitive(path)
    data_type = field.to_arrow().type
    while not hasattr(data_type, "list_size"):
        data_type = data_type.value_type
    size = int(data_type.list_size)
    counts = (size // part for part in PARTS_OF_A_VECTOR if size % part == 0)
    return next((count for count in counts if not even or count % 2 == 0), size)


def _scalar_kind(index: Index, how: HowBuilt) -> tuple[Any, dict[str, Any]]:
    """The type as Lance wants to be told it, and what goes beside it."""
    kind = index.index_type.upper()
    if index.index_type == TEXT:
        is_code = how.settings.get("base_tokenizer") == CODE
        return kind, {**how.settings, **({"analyzer": CODE} if is_code else {})}
    return (IndexConfig(index.index_type, dict(how.settings)) if how.settings else kind), {}
