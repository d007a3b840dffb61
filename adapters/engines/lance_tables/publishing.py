"""Publishing: one commit that makes every change of a migration visible at once."""

import json
from collections.abc import Mapping, Sequence

import lance
from lance.dataset import LanceOperation, Transaction
from lance.fragment import FragmentMetadata
from lance.schema import LanceSchema

from adapters.arrow import pandas_metadata
from adapters.arrow.cooking import written_field
from adapters.arrow.recipes import Recipe
from adapters.arrow.types import COMMENT
from adapters.engines.lance_tables.fields import column_of, stored_in
from adapters.engines.lance_tables.marker import KEY, marked
from adapters.engines.lance_tables.places import options_of
from adapters.engines.lance_tables.protos import Root, fresh_roots, metadata_of, roots_of, schema_from
from adapters.engines.lance_tables.restoring import old_root, reattached
from domain.drift import columns_differ
from domain.engine import Job
from domain.errors import PlanNotKept
from domain.schema import schema_of


def commit_operation(table: lance.LanceDataset, operation: LanceOperation.BaseOperation, migration_id: str) -> int:
    """Commits on top of exactly this version of the table and returns the new one."""
    transaction = Transaction(table.version, operation, transaction_properties={KEY: migration_id})
    # No retry inside: what a conflict means for what was prepared is for the caller to say.
    after = lance.LanceDataset.commit(table.uri, transaction, storage_options=options_of(table), max_retries=0)
    return int(after.version)


def migration_of_files(
    table: lance.LanceDataset,
    recipes: Sequence[Recipe],
    prepared: Mapping[int, FragmentMetadata],
    migration_id: str,
) -> LanceOperation.Merge | LanceOperation.Project:
    """The operation that takes this version of the table to the target.

    ``prepared`` holds the fragments with new files by fragment id; without any, no value is written.
    """
    fragments = [prepared.get(fragment.fragment_id, fragment.metadata) for fragment in table.get_fragments()]
    new = _new_roots(table, recipes)
    for recipe in recipes:
        if (step := recipe.restored) is not None and not recipe.writes:
            fragments = reattached(table, fragments, step.column, step.gone_as, new[recipe.column.id])
    kept = roots_of(table.lance_schema)
    metadata = marked(_for_pandas(metadata_of(table.lance_schema), recipes), migration_id)
    schema = schema_from([_final(recipe, kept, new) for recipe in recipes], metadata)
    writes = prepared and any(recipe.writes for recipe in recipes)
    if writes or any(recipe.restored is not None for recipe in recipes) or not _is_remapped(recipes, kept):
        # Also where no value is written: what others say of a field meanwhile is in the way of this kind alone.
        return LanceOperation.Merge(fragments, schema)
    return LanceOperation.Project(schema)


def _is_remapped(recipes: Sequence[Recipe], kept: Mapping[str, Root]) -> bool:
    """Whether a field gets another nullability, or the name of another one: Lance takes that with new files only."""
    taken_over = any(
        recipe.column.name in kept and (recipe.stored is None or recipe.stored.name != recipe.column.name)
        for recipe in recipes
    )
    return taken_over or any(recipe.changes_nullability for recipe in recipes)


def refuse_otherwise(schema: LanceSchema, job: Job) -> None:
    """The last look before a commit: raises PlanNotKept where the table would not become what the log will say."""
    columns = (column_of(*both) for both in zip(schema.to_pyarrow(), stored_in(schema), strict=True))
    if sentence := columns_differ(schema_of(tuple(columns)), job.target):
        raise PlanNotKept(job.location, sentence)


def _new_roots(table: lance.LanceDataset, recipes: Sequence[Recipe]) -> dict[int, Root]:
    """By column id, the fields that get new ids: those written first, in the order of the files, then the rest."""
    kept = roots_of(table.lance_schema)
    written = [recipe for recipe in recipes if recipe.writes]
    rest = [recipe for recipe in recipes if recipe.stored is None and not recipe.writes]
    next_id, new = table.max_field_id + 1, dict[int, Root]()
    for recipe in (*written, *rest):
        if recipe.restored is not None:
            root = old_root(table, recipe.restored.column, recipe.restored.gone_as).renumbered(next_id)
        elif recipe.stored is not None and recipe.keeps_values:
            root = kept[recipe.stored.name].renumbered(next_id)
        else:
            (root,) = fresh_roots([written_field(recipe)], next_id)
        new[recipe.column.id] = root
        next_id += len(root.messages)
    return new


def _final(recipe: Recipe, kept: Mapping[str, Root], new: Mapping[int, Root]) -> Root:
    root = new.get(recipe.column.id)
    if root is None:
        assert recipe.stored is not None
        root = kept[recipe.stored.name]
    comment = recipe.column.comment
    noted = root.noted(COMMENT, None if comment is None else comment.encode())
    return noted.named(recipe.column.name, nullable=recipe.column.nullable)


def _for_pandas(metadata: str, recipes: Sequence[Recipe]) -> str:
    """Schema metadata, a JSON object of byte arrays, in which what pandas said of the columns is still true."""
    entries = json.loads(metadata)
    if (said := entries.get(pandas_metadata.KEY)) is None:
        return metadata
    stored = [(recipe.stored, recipe) for recipe in recipes if recipe.stored is not None]
    renamed = {before.name: recipe.column.name for before, recipe in stored}
    retyped = frozenset(before.name for before, recipe in stored if before.data_type != recipe.column.data_type)
    text = pandas_metadata.following(bytes(said).decode(errors="replace"), renamed, retyped)
    return json.dumps({**entries, pandas_metadata.KEY: list(text.encode())})
