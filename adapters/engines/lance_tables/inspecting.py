"""What a Lance table is: its schema, its indexes, its size."""

import lance
from msgspec.structs import replace

from adapters.engines.lance_tables.field_places import places
from adapters.engines.lance_tables.fields import column_of, fields_of
from adapters.engines.lance_tables.identity import identity_of
from adapters.engines.lance_tables.index_settings import read_settings, type_name
from adapters.engines.lance_tables.profile import PROFILE, profile_of
from domain.column_types import ListOf
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
    indexes, doubts = _indexes(table, schema)
    return Inspection(
        schema=replace(schema, indexes=indexes),
        statistics=statistics,
        engine_version=str(table.version),
        profile=profile_of(table),
        identity=identity_of(table),
        index_doubts=doubts,
    )


def _indexes(table: lance.LanceDataset, schema: Schema) -> tuple[tuple[Index, ...], dict[str, str]]:
    """The indexes, and by their names what is not known of them. Those that Lance keeps for itself are on no field."""
    found, doubts = list[Index](), dict[str, str]()
    descriptions = table.describe_indices()
    by_id = places(table, schema) if descriptions else {}
    for description in descriptions:
        on = [by_id[number] for number in description.fields if number in by_id]
        if not on or len(on) != len(description.fields):
            continue
        kind, read = type_name(description.index_type), read_settings(table, description)
        if read.doubt is not None:
            doubts[description.name] = read.doubt
        list_path = next((place.list_path for place in on if place.list_path is not None), None)
        if list_path is None and kind in PROFILE.list_indexes and _is_list(schema, on[0].field_id):
            list_path = ""
        found.append(
            Index(
                name=description.name,
                column_ids=tuple(place.field_id for place in on),
                index_type=kind,
                metric=read.metric,
                settings=read.settings,
                list_path=list_path,
            )
        )
    return tuple(found), doubts


def _is_list(schema: Schema, field_id: int) -> bool:
    path = schema.path_of(field_id)
    found = None if path is None else schema.find_field(path)
    return found is not None and isinstance(found[2], ListOf)
