"""The words of type text: names of types with what they mean, and how much of it there may be."""

from domain.column_types import Binary, Bool, DataType, Float, Integer, Null, Utf8

MAX_DEPTH = 100
MAX_SIZE = 2**31 - 1

SIMPLE: dict[str, DataType] = {
    "null": Null(),
    "bool": Bool(),
    "boolean": Bool(),
    **{f"int{bits}": Integer(bits, True) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": Integer(bits, False) for bits in (8, 16, 32, 64)},
    **{f"float{bits}": Float(bits) for bits in (16, 32, 64)},
    "half": Float(16),
    "halffloat": Float(16),
    "float": Float(32),
    "double": Float(64),
    "utf8": Utf8(),
    "string": Utf8(),
    "large_utf8": Utf8(large=True),
    "large_string": Utf8(large=True),
    "binary": Binary(),
    "large_binary": Binary(large=True),
}
DIMENSIONED = (
    "date32",
    "date64",
    "time32",
    "time64",
    "timestamp",
    "duration",
    "decimal128",
    "decimal256",
    "fixed_size_binary",
)
NESTED = ("list", "large_list", "fixed_size_list", "struct", "map", "dictionary")
OPAQUE = "opaque"
