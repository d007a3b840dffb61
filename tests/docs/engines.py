"""docs/reference/engines.md: what each engine does of every change on every kind of column."""

from tests.contracts.engines.matrix import CHANGES, ENGINES, KINDS, Outcome, name_of
from tests.docs.pages import error_link, table

INTRO = """# What engines can do

Every change was carried out on a small table of every engine, on a column of every kind of type, with values and a null
in it (keys: without). `✓` says that it was done and the table had the promised schema afterwards; a code says why it
was refused, and is explained in [errors](errors.md). A change that takes something away or brings it back
(`drop_column_default`, `drop_primary_key`, `drop_scalar_index`, `drop_vector_index`, `restore_column`) is tried once
that thing is there; where it cannot be there, the code is the one that says so.

* `add_column` adds a column of the type with a default, so that stored rows get values.
* `change_column_type` goes to `int64` where that has a meaning, else to a type nearby; nested types to a roomier one.
  Which type goes to which is in [casts](casts.md).
* `alter_column_nullability` makes the column not nullable and fills the null.
* `add_scalar_index` builds a `btree`, `add_vector_index` an `ivf_flat` measured by `l2`.

Fields inside structs change like columns do; see [the changes](changes/README.md).
"""

Outcomes = dict[str, dict[str, Outcome]]


def page(found: dict[str, Outcomes]) -> str:
    """``found`` is by engine, type and change."""
    return INTRO + "".join(section(engine, found[engine]) for engine in ENGINES)


def section(engine: str, found: Outcomes) -> str:
    names = [name_of(kind) for kind in CHANGES]
    heads = ("type", *(f"[{name}](changes/{name}.md)" for name in names))
    rows = [(f"`{data_type}`", *(_cell(found[data_type][name]) for name in names)) for data_type in KINDS]
    return f"\n## {engine}\n\n{table(heads, rows)}"


def _cell(outcome: Outcome) -> str:
    return "✓" if outcome.code is None else error_link(outcome.code)
