"""What planning must know of Lance: what it can hold, what indexes it has, how fast it works. pylance 14.0.2.

Every line was tried: types and names written and read back, each type of index built on a column of each type. What a
table can hold depends on its storage version as well, and on how its manifests are named.
"""

from functools import lru_cache
from typing import Final

import lance
import pyarrow as pa
from lance.schema import LanceSchema
from msgspec.structs import replace

from adapters.arrow.types import OF_A_TYPE, from_arrow, to_arrow
from adapters.engines.lance_tables.border import ENGINE
from adapters.engines.lance_tables.places import is_there
from domain.column_types import DataType
from domain.engine import EngineProfile

NESTED = ("list", "large_list", "fixed_size_list", "struct", "map", "dictionary")
TEXT = ("utf8", "large_utf8")
BYTES = ("binary", "large_binary")
NUMBERS = (
    *("int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64"),
)
MOMENTS = ("date32", "date64", "time32", "time64", "timestamp")
ORDERED = frozenset(
    [*NUMBERS, *MOMENTS, *TEXT, *BYTES, "bool", "float16", "fixed_size_binary", "duration", "decimal128", "decimal256"]
)
UNCOPIED_TYPES = ("extension<lance.blob",)
"""Reading them gives where their bytes lie, which means nothing anywhere else."""
NOT_IN_FIXED_SIZE_LISTS = (*TEXT, *BYTES, "list", "large_list", "struct", "map", "dictionary")
TRAINING = {"max_iters": int, "sample_rate": int}
GRAPH = {"m": int, "ef_construction": int, "max_level": int}


@lru_cache(maxsize=4096)
def kept_as(data_type: DataType) -> DataType | None:
    """The type that Lance's own schema has for it: items of lists of a fixed size become nullable, for one."""
    try:
        schema = LanceSchema.from_pyarrow(pa.schema([pa.field("v", to_arrow(data_type))]))
        return from_arrow(schema.to_pyarrow().field(0).type)
    except (ValueError, OSError, pa.ArrowException):
        return None


PROFILE = EngineProfile(
    name=ENGINE,
    maintenance=("compact", "migrate_manifest_paths", "rewrite_storage"),
    kept_as=kept_as,
    type_metadata=tuple(prefix.decode() for prefix in OF_A_TYPE),
    key_metadata="lance-schema:unenforced-primary-key",
    uncopied_types=UNCOPIED_TYPES,
    unsupported_types=frozenset(
        [f"fixed_size_list<{name}>" for name in NOT_IN_FIXED_SIZE_LISTS]
        + [f"dictionary<{name}>" for name in NESTED]
        + ["struct<>"]
    ),
    reserved_names=frozenset(
        ["_rowid", "_rowaddr", "_rowoffset", "_row_created_at_version", "_row_last_updated_at_version"]
    ),
    unreadable_characters="`",
    scalar_indexes={
        "btree": ORDERED,
        "bitmap": ORDERED,
        "zonemap": ORDERED,
        "bloomfilter": frozenset([*NUMBERS, *MOMENTS, *TEXT, *BYTES]),
        "inverted": frozenset(TEXT),
        "ngram": frozenset(TEXT),
        "label_list": frozenset({"list", "large_list"}),
    },
    list_indexes=frozenset({"inverted"}),
    index_settings={
        "btree": {"zone_size": int},
        "zonemap": {"rows_per_zone": int},
        "bloomfilter": {"number_of_items": int, "probability": float},
        "inverted": {
            **dict.fromkeys(("base_tokenizer", "language", "document_granularity"), str),
            **dict.fromkeys(("with_position", "lower_case", "stem", "remove_stop_words", "ascii_folding"), bool),
            **dict.fromkeys(("prefix_only", "split_identifiers", "split_on_numerics", "preserve_original"), bool),
            **dict.fromkeys(("min_ngram_length", "max_ngram_length", "block_size"), int),
            "max_token_length": (int, type(None)),
            "custom_stop_words": list,
            "index_operators": bool,
        },
        **{name: {**TRAINING, **GRAPH} for name in ("ivf_hnsw_flat", "ivf_hnsw_sq")},
        "ivf_hnsw_pq": {**TRAINING, **GRAPH, "num_bits": int},
        "ivf_pq": {**TRAINING, "num_bits": int},
        "ivf_flat": TRAINING,
        "ivf_sq": TRAINING,
    },
    # Lance would take every text for English and cut its words down to stems.
    index_defaults={"inverted": {"stem": False}},
    vector_indexes={
        "ivf_flat": 1,
        "ivf_sq": 1,
        "ivf_pq": 256,
        "ivf_hnsw_flat": 1,
        "ivf_hnsw_sq": 1,
        "ivf_hnsw_pq": 256,
    },
    vector_metrics=("l2", "cosine", "dot"),
)

STORAGE_VERSION: Final = "2.2"
"""The newest one that is not marked as unstable."""
WITHOUT_NULLS = "0.1"
"""The storage version that writes 0 for null in columns of fixed width."""
WITHOUT_MAPS = frozenset({"0.1", "2.0", "2.1"})
REWRITE = (
    "its storage version {version} writes 0 where null should be; have it rewritten in a newer one with "
    "POST .../rewrite-storage, then send this again"
)
MANIFESTS = (
    "its manifests are named as by Lance's first version, where no index can be built before the values it "
    "covers are published; rename them with POST .../migrate-manifest-paths, then send this again"
)


def profile_of(table: lance.LanceDataset) -> EngineProfile:
    """What this very table can hold."""
    return _profile(table.data_storage_version, is_there(table, f"_versions/{table.version}.manifest"))


@lru_cache(maxsize=64)
def _profile(storage_version: str, old_manifests: bool) -> EngineProfile:
    lacks = frozenset({"map"}) if storage_version in WITHOUT_MAPS else frozenset[str]()
    return replace(
        PROFILE,
        unsupported_types=PROFILE.unsupported_types | lacks,
        writes_refused=REWRITE.format(version=storage_version) if storage_version == WITHOUT_NULLS else "",
        indexes_refused=MANIFESTS if old_manifests else "",
    )
