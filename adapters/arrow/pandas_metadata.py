"""What pandas writes into a table's metadata about its columns, after columns were renamed, cast or dropped.

pandas reads it back when it makes a frame: an index column that is gone, or a type that is no longer that, stops it.
Its form: https://arrow.apache.org/docs/python/pandas.html and "Storing pandas DataFrame objects" of pandas' developers.
"""

import json
from collections.abc import Mapping
from typing import Any

KEY = "pandas"


AS_READ = {"pandas_type": "object", "numpy_type": "object", "metadata": None}
"""A column of which nothing is said but that it is there: an index column must be."""


def following(text: str, renamed: Mapping[str, str], retyped: frozenset[str]) -> str:
    """The metadata for a table whose columns, by their old names, are called ``renamed`` now.

    Those without a new name are gone, and so is what it says of the types of the ``retyped`` ones, by old name. Text
    that pandas did not write stays.
    """
    try:
        said = json.loads(text)
        columns = [_column(column, renamed, retyped) for column in said["columns"] if _stays(column, renamed)]
        index = [renamed.get(entry) if isinstance(entry, str) else entry for entry in said.get("index_columns", [])]
    except (ValueError, KeyError, TypeError, AttributeError):
        return text
    return json.dumps({**said, "columns": columns, "index_columns": [entry for entry in index if entry is not None]})


def _stays(column: Mapping[str, Any], renamed: Mapping[str, str]) -> bool:
    field = column.get("field_name")
    # An index of numbers has an entry and no column.
    return field is None or field in renamed


def _column(column: Mapping[str, Any], renamed: Mapping[str, str], retyped: frozenset[str]) -> dict[str, Any]:
    field = column.get("field_name")
    if field is None:
        return dict(column)
    name = renamed[field] if column.get("name") == field else column.get("name")
    return {**column, **(AS_READ if field in retyped else {}), "field_name": renamed[field], "name": name}
