"""What planning must know of Lance: what it can hold, what indexes it has, how fast it works. pylance 14.0.2.

Every line was tried: types and names written and read back, each type of index built on a column of each type.
"""

from adapters.engines.lance_tables.border import ENGINE
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
NOT_IN_FIXED_SIZE_LISTS = (*TEXT, *BYTES, "list", "large_list", "struct", "map", "dictionary")

PROFILE = EngineProfile(
    name=ENGINE,
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
