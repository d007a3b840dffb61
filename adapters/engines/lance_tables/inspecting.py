"""What a Lance table is: its schema, its indexes, its size."""

import lance

from adapters.engines.lance_tables.fields import column_of, fields_of
from adapters.engines.lance_tables.profile import profile_of
from domain.engine import Inspection, TableStatistics
from domain.schema import Index, Schema, schema_of


def inspect_table(table: lance.LanceDataset) -> Inspection:
    fragments = [fragment.metadata for fragment in table.get_fragments()]
    statistics = TableStatistics(
        rows=sum(fragment.num_rows for fragment in fragments),
        bytes_stored=sum(file.file_size_bytes or 0 for fragment in fragments for file in fragment.files),
        fragments=len(fragments),
    )
    schema = schema_of(tuple(column_of(*both) for both in zip(table.schema, fields_of(table), strict=True)))
    with_indexes = Schema(columns=schema.columns, indexes=_indexes(table, schema), last_column_id=schema.last_column_id)
    return Inspection(
        schema=with_indexes,
        statistics=statistics,
        engine_version=str(table.version),
        profile=profile_of(table),
    )


def _indexes(table: lance.LanceDataset, schema: Schema) -> tuple[Index, ...]:
    found = list[Index]()
    for description in table.describe_indices():
        columns = [schema.find(name) for name in description.field_names]
        ids = tuple(column.id for column in columns if column is not None)
        if ids:
            found.append(Index(name=description.name, column_ids=ids, index_type=_type_name(description.index_type)))
    return tuple(found)


def _type_name(shown: str) -> str:
    """``label_list`` of ``LabelList``, ``ivf_pq`` of ``IVF_PQ``."""
    return {"labellist": "label_list"}.get(shown.lower(), shown.lower())
