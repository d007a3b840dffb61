"""Publishing: one commit that makes every change of a migration visible at once."""

from collections.abc import Mapping, Sequence

import lance
from lance.dataset import LanceOperation, Transaction
from lance.fragment import FragmentMetadata
from lance.schema import LanceSchema

from adapters.arrow.recipes import Recipe
from adapters.engines.lance_tables.marker import KEY, marked
from adapters.engines.lance_tables.protos import Root, fresh_roots, metadata_of, roots_of, schema_from
from adapters.engines.lance_tables.staging import staged_field


def commit_migration(
    table: lance.LanceDataset,
    recipes: Sequence[Recipe],
    prepared: Mapping[int, FragmentMetadata],
    migration_id: str,
) -> int:
    """Commits on top of exactly this version of the table and returns the new one.

    ``prepared`` holds the fragments with new files by fragment id; without any, only the schema changes.
    """
    schema = target_schema(table, recipes, migration_id)
    operation: LanceOperation.BaseOperation = LanceOperation.Project(schema)
    if any(recipe.writes for recipe in recipes) and prepared:
        fragments = [fragment.metadata for fragment in table.get_fragments()]
        operation = LanceOperation.Merge([prepared.get(fragment.id, fragment) for fragment in fragments], schema)
    transaction = Transaction(table.version, operation, transaction_properties={KEY: migration_id})
    # No retry inside: what a conflict means for what was prepared is for the caller to say.
    return int(lance.LanceDataset.commit(table.uri, transaction, max_retries=0).version)


def target_schema(table: lance.LanceDataset, recipes: Sequence[Recipe], migration_id: str) -> LanceSchema:
    """The schema after the migration, in the target's order: kept fields keep their ids, written ones have new ids."""
    kept = roots_of(table.lance_schema)
    written = [recipe for recipe in recipes if recipe.writes]
    empty = [recipe for recipe in recipes if recipe.stored is None and not recipe.writes]
    made = [*written, *empty]
    fresh = fresh_roots([staged_field(recipe) for recipe in made], table.max_field_id + 1)
    new = {recipe.column.id: root for recipe, root in zip(made, fresh, strict=True)}
    metadata = marked(metadata_of(table.lance_schema), migration_id)
    return schema_from([_final(recipe, kept, new) for recipe in recipes], metadata)


def _final(recipe: Recipe, kept: Mapping[str, Root], new: Mapping[int, Root]) -> Root:
    root = new.get(recipe.column.id)
    if root is None:
        assert recipe.stored is not None
        root = kept[recipe.stored.name]
    return root.named(recipe.column.name, nullable=recipe.column.nullable)
