"""docs/reference/engines.md: what each engine does of every change on every kind of column."""

from domain.engine import EngineProfile
from tests.contracts.engines.matrix import CHANGES, ENGINES, KINDS, Outcome, name_of
from tests.docs.pages import error_link, table

INTRO = """# What engines can do

Every change was carried out on a small table of every engine, on a column of every kind of type, with values and a null
in it (keys: without). `✓` says that it was done, that the table had the promised schema afterwards, and that its rows
are the same on every engine that does it; a code says why it was refused, and is explained in [errors](errors.md).

A change that takes something away or brings it back
(`drop_column_default`, `drop_primary_key`, `drop_scalar_index`, `drop_vector_index`, `restore_column`) is tried once
that thing is there; where it cannot be there, the code is the one that says so.

* `add_column` adds a column of the type with a default, so that stored rows get values.
* `change_column_type` goes to `int64` where that has a meaning, else to a type nearby; nested types to a roomier one.
  Which type goes to which is in [casts](casts.md).
* `alter_column_nullability` makes the column not nullable and fills the null.
* `add_scalar_index` builds a `btree`, `add_vector_index` an `ivf_flat` measured by `l2`.

Fields inside structs change like columns do; see [the changes](changes/README.md).
"""

ABOUT = {
    "lance": "Tables on disk, in the Lance format.",
    "memory": "Tables that live as long as the process: for trying things out, and as a second opinion on the others.",
}

Outcomes = dict[str, dict[str, Outcome]]


def page(found: dict[str, Outcomes]) -> str:
    """``found`` is by engine, type and change."""
    return INTRO + "".join(section(engine, found[engine]) for engine in ENGINES)


def section(engine: str, found: Outcomes) -> str:
    names = [name_of(kind) for kind in CHANGES]
    heads = ("type", *(f"[{name}](changes/{name}.md)" for name in names))
    rows = [(f"`{data_type}`", *(_cell(found[data_type][name]) for name in names)) for data_type in KINDS]
    return f"\n## {engine}\n\n{ABOUT[engine]}\n\n{table(heads, rows)}\n{_indexes(ENGINES[engine])}"


def _indexes(profile: EngineProfile) -> str:
    """What the engine says of its indexes."""
    scalar = [
        (f"`{kind}`", ", ".join(f"`{name}`" for name in sorted(held))) for kind, held in profile.scalar_indexes.items()
    ]
    vector = [(f"`{kind}`", f"{rows}") for kind, rows in profile.vector_indexes.items()]
    metrics = ", ".join(f"`{metric}`" for metric in profile.vector_metrics)
    return (
        f"{table(('scalar index', 'columns it can be on'), scalar)}\n"
        f"{table(('vector index', 'rows it needs'), vector)}\nVectors are measured by {metrics}.\n"
    )


def _cell(outcome: Outcome) -> str:
    return "✓" if outcome.code is None else error_link(outcome.code)
