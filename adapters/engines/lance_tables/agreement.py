"""Whether a table is still what a job was made for: asked before anything is prepared, and again before publishing.

A commit names every column of the new schema, so one that another writer added meanwhile would be dropped in silence.
"""

from collections.abc import Sequence

import lance

from adapters.arrow.recipes import Recipe, refuse_missing_values
from adapters.engines.lance_tables.inspecting import inspect_table
from adapters.engines.lance_tables.restoring import recoverable_rows
from domain.drift import difference
from domain.engine import Job
from domain.errors import NullsPresent, SchemaDrifted, ValuesGone


def agree(table: lance.LanceDataset, job: Job, recipes: Sequence[Recipe]) -> None:
    """Raises SchemaDrifted, also for an index that would be lost without a word, TableNotEmpty or NullsPresent."""
    found = inspect_table(table)
    if sentence := difference(found.schema, job.source):
        raise SchemaDrifted(job.location, sentence)
    refuse_missing_values(recipes, found.statistics.rows)
    for recipe in recipes:
        if recipe.stored is not None and recipe.writes:
            column = found.schema.column(recipe.stored.name)
            for index in found.schema.indexes_on(column.id):
                if job.source.index(index.name) is None:
                    raise SchemaDrifted(job.location, f"it has an index '{index.name}' that the log does not know")
        if (step := recipe.restored) is not None:
            rows = found.statistics.rows
            missing = rows - recoverable_rows(table, step.column, step.gone_as)
            if missing and not recipe.column.nullable:
                raise NullsPresent(recipe.column.name, missing, rows)
            if missing and all(other.stored is None and not other.writes for other in recipes):
                raise ValuesGone(recipe.column.name, f"{missing} rows written since would have no column at all")
