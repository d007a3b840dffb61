"""Whether a table is still what a job was made for: asked before anything is prepared, and again before publishing.

A commit names every column of the new schema, so one that another writer added meanwhile would be dropped in silence.
"""

from collections.abc import Sequence

import lance

from adapters.arrow.recipes import Recipe, refuse_missing_values
from adapters.engines.lance_tables.identity import replaced_in
from adapters.engines.lance_tables.inspecting import inspect_table
from adapters.engines.lance_tables.restoring import recoverable_rows
from domain.drift import columns_differ, indexes_differ
from domain.engine import Job
from domain.errors import NullsPresent, SchemaDrifted, ValuesGone
from domain.table.identity import identity_differs


def agree(table: lance.LanceDataset, job: Job, recipes: Sequence[Recipe]) -> None:
    """Raises SchemaDrifted, TableNotEmpty or NullsPresent.

    An index that the job makes or drops may be there or gone already: some follow others, one version after the other.
    """
    found = inspect_table(table)
    if sentence := columns_differ(found.schema, job.source) or indexes_differ(found.schema, job.source, job.target):
        raise SchemaDrifted(job.location, sentence)
    if sentence := identity_differs(found.identity, job.identity, lambda known: replaced_in(table, known)):
        raise SchemaDrifted(job.location, sentence)
    refuse_missing_values(recipes, found.statistics.rows)
    for recipe in recipes:
        if (step := recipe.restored) is not None:
            rows = found.statistics.rows
            missing = rows - recoverable_rows(table, step.column, step.gone_as)
            if missing and not recipe.column.nullable:
                raise NullsPresent(recipe.column.name, missing, rows)
            if missing and all(other.stored is None and not other.writes for other in recipes):
                raise ValuesGone(recipe.column.name, f"{missing} rows written since would have no column at all")
