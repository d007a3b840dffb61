"""Preparing: new column files of one fragment, written where no version refers to them yet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import lance
import pyarrow as pa
import pyarrow.compute as pc
from lance.fragment import FragmentMetadata, LanceFragment
from lance.udf import BatchUDF
from msgspec import structs

from adapters.arrow.cooking import Cook, constant, written_field
from adapters.arrow.keys import refuse_duplicates
from adapters.arrow.recipes import Recipe, fold_recipes, key_checks
from adapters.engines.lance_tables.digests import contents_of, digest
from adapters.engines.lance_tables.fields import staged, stored_fields
from adapters.engines.lance_tables.lineage import ROW_BITS
from adapters.engines.lance_tables.marker import migration_of
from adapters.engines.lance_tables.places import data_files, remove
from adapters.engines.lance_tables.restoring import restored_values, version_before, with_restored_values
from adapters.engines.lance_tables.weighing import rows_of_a_batch, sampled_width, sorting, streaming
from domain.engine import Job, Unit

SCHEMA_UNIT, FRAGMENT_UNIT, KEY_UNIT = "schema", "fragment", "key"
ROW_ADDRESS = "_rowaddr"
NOTHING_RESTORED: Mapping[int, pa.Array] = {}


def lance_recipes(table: lance.LanceDataset, job: Job) -> tuple[Recipe, ...]:
    """The job's recipes, knowing what the table has of their columns, and what must be written beside them.

    Some columns are written that need not be for their values' sake.

    Lance refuses a commit that brings new files and changes the nullability of fields it keeps, or gives the name of
    one field to another (one without new files may). And it cannot read a fragment without any file: where all stored
    columns go, one new column is written though it is null.
    """
    recipes = [
        recipe if recipe.restored is None else with_restored_values(table, recipe, job.source)
        for recipe in _written_recipes(job)
    ]
    rewritten = {recipe.stored.name for recipe in recipes if recipe.writes and recipe.stored is not None}
    fields = stored_fields(table, rewritten) if rewritten else {}
    return tuple(_with_source(recipe, fields) for recipe in recipes)


def _with_source(recipe: Recipe, fields: Mapping[str, pa.Field]) -> Recipe:
    if not recipe.writes or recipe.stored is None:
        return recipe
    return replace(recipe, source_field=fields.get(recipe.stored.name))


def _written_recipes(job: Job) -> tuple[Recipe, ...]:
    recipes = fold_recipes(job)
    if all(recipe.stored is None and recipe.restored is None and not recipe.writes for recipe in recipes):
        return (recipes[0].copied(), *recipes[1:])
    if not any(recipe.writes or recipe.restored is not None for recipe in recipes):
        return recipes
    return tuple(recipe.copied() if _must_be_written(recipe, job) else recipe for recipe in recipes)


def _must_be_written(recipe: Recipe, job: Job) -> bool:
    """Whether Lance accepts the column beside new files only with files of its own."""
    if recipe.restored is not None:
        return False
    named_so = job.source.find(recipe.column.name)
    takes_a_name_over = named_so is not None and named_so.id != recipe.column.id
    return recipe.changes_nullability or takes_a_name_over


def list_units(table: lance.LanceDataset, job: Job, recipes: Sequence[Recipe]) -> tuple[Unit, ...]:
    """One unit for each fragment when values are read or written, one for each key, else one for the schema alone.

    The names hold a digest of the fragment's files and deletions, of the last migration and of the highest field id:
    whatever of these changes, work done before no longer fits. A key is looked at in all fragments at once.
    """
    fragments = [fragment.metadata for fragment in table.get_fragments()]
    everything = digest([*_base(table), *map(contents_of, fragments)])
    rows = sum(fragment.num_rows for fragment in fragments)
    keys = [
        Unit(name=f"{KEY_UNIT}-{number}-{everything}", rows=rows, memory=sorting(rows, _stored_width(table, of_key)))
        for number, (_, of_key) in enumerate(key_checks(job))
    ]
    if fragments and any(recipe.writes or recipe.looks for recipe in recipes):
        width, columns = width_of(table, recipes), sum(recipe.writes or recipe.looks for recipe in recipes)
        units, whole = [unit_of(fragment, table) for fragment in fragments], _restored_width(table, recipes)
        memory = [round(streaming(unit.rows, width, columns) + unit.rows * whole) for unit in units]
        return (*(structs.replace(unit, memory=held) for unit, held in zip(units, memory, strict=True)), *keys)
    return tuple(keys) or (Unit(name=f"{SCHEMA_UNIT}-{digest(_base(table))}", rows=0),)


def unit_of(fragment: FragmentMetadata, table: lance.LanceDataset) -> Unit:
    name = f"{FRAGMENT_UNIT}-{fragment.id}-{digest([*_base(table), *contents_of(fragment)])}"
    return Unit(name=name, rows=fragment.num_rows)


def fragment_of(unit: Unit) -> int:
    """The id of the fragment that a unit covers."""
    return int(unit.name.split("-")[1])


def _base(table: lance.LanceDataset) -> list[object]:
    return [migration_of(table), table.max_field_id]


def prepare_fragment(fragment: LanceFragment, recipes: Sequence[Recipe], first_row: int) -> FragmentMetadata:
    """Reads what the recipes read and writes what they write, in one pass; the fragment with its new files.

    ``first_row`` is the table's row the fragment begins with. Raises the first refusal after looking at every row, and
    leaves no file behind then.
    """
    cooks = [Cook(recipe, first_row) for recipe in recipes if recipe.writes or recipe.looks]
    reads = [cook.recipe.stored.name for cook in cooks if cook.recipe.stored is not None]
    written = [cook for cook in cooks if cook.recipe.writes]
    # No call of Lance may come from inside its own call to write.
    restored = {
        cook.recipe.column.id: restored_values(fragment._ds, fragment.metadata, cook.recipe)
        for cook in written
        if cook.recipe.restored is not None
    }
    reads += [ROW_ADDRESS] if restored else []
    width = width_of(fragment._ds, recipes)
    if not written:
        for batch in fragment.to_batches(columns=reads, batch_size=rows_of_a_batch(width)):
            _cook(cooks, batch)
        _refuse(cooks)
        return fragment.metadata
    output = pa.schema([staged(written_field(cook.recipe), cook.recipe.column.id) for cook in written])

    def transform(batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = _cook(cooks, batch, restored)
        return pa.record_batch([_writable(cook, columns) for cook in written], schema=output)

    prepared, _ = fragment.merge_columns(
        BatchUDF(transform, output_schema=output), columns=reads, batch_size=rows_of_a_batch(width)
    )
    try:
        _refuse(cooks)
    except Exception:
        remove_files(fragment._ds, new_files(fragment.metadata, prepared))
        raise
    return prepared


def width_of(table: lance.LanceDataset, recipes: Sequence[Recipe]) -> float:
    """Bytes of a row as a fragment's unit holds it: what it reads and what it writes."""
    cooks = [recipe for recipe in recipes if recipe.writes or recipe.looks]
    stored = _stored_width(table, cooks)
    made: int = sum(constant(recipe.constant, recipe.start_type, 1).nbytes for recipe in cooks if recipe.stored is None)
    # What is written of what is read is taken to be as wide again.
    return 2 * stored + made


def _restored_width(table: lance.LanceDataset, recipes: Sequence[Recipe]) -> float:
    """Bytes of a row in columns that are held whole while they are written again."""
    steps = [recipe.restored for recipe in recipes if recipe.writes and recipe.restored is not None]
    return sum(sampled_width(version_before(table, step.column, step.gone_as), [step.column.name]) for step in steps)


def _stored_width(table: lance.LanceDataset, recipes: Sequence[Recipe]) -> float:
    return sampled_width(table, [recipe.stored.name for recipe in recipes if recipe.stored is not None])


def check_key(table: lance.LanceDataset, job: Job, number: int) -> None:
    """Raises DuplicateKeys when the so-manieth key of the job does not tell the table's rows apart."""
    step, recipes = list(key_checks(job))[number]
    cooks = [Cook(recipe) for recipe in recipes]
    # A fragment is read by a column at least, also where every value of the key is a constant.
    reads = [recipe.stored.name for recipe in recipes if recipe.stored is not None] or table.schema.names[:1]
    found = [
        [cooked[recipe.column.id] for recipe in recipes]
        for batch in table.to_batches(columns=list(dict.fromkeys(reads)))
        for cooked in [_cook(cooks, batch)]
    ]
    refuse_duplicates(step.names, found)


def new_files(before: FragmentMetadata, after: FragmentMetadata) -> list[str]:
    known = {file.path for file in before.files}
    return [file.path for file in after.files if file.path not in known]


def missing_files(table: lance.LanceDataset, fragments: Sequence[FragmentMetadata]) -> list[str]:
    """Data files of the fragments that are no longer there: cleaned away by somebody while they were unpublished.

    A clone's files lie in the table that it was made of, and there they are looked for.
    """
    files = [file for fragment in fragments for file in fragment.files]
    there = data_files(table, {file.base_id for file in files})
    return [file.path for file in files if (file.base_id, file.path) not in there]


def remove_files(table: lance.LanceDataset, names: Sequence[str]) -> None:
    """Removes data files of a table; those that are gone already are fine."""
    for name in names:
        remove(table, f"data/{name}")


def _cook(
    cooks: Sequence[Cook], batch: pa.RecordBatch, restored: Mapping[int, pa.Array] = NOTHING_RESTORED
) -> dict[int, pa.Array]:
    """The columns of a batch by id. ``restored`` has values of whole columns, by id and by place in the fragment."""
    made = dict[int, pa.Array]()
    for cook in cooks:
        stored, whole = cook.recipe.stored, restored.get(cook.recipe.column.id)
        if whole is not None:
            values = whole.take(pc.bit_wise_and(batch.column(ROW_ADDRESS), pa.scalar(2**ROW_BITS - 1, pa.uint64())))
        else:
            values = None if stored is None else batch.column(stored.name)
        made[cook.recipe.column.id] = cook.batch(values, batch.num_rows)
    return made


def _writable(cook: Cook, columns: dict[int, pa.Array]) -> pa.Array:
    """Lance stops at a null where a nested field allows none; what is going to be refused is counted to its end."""
    values = columns[cook.recipe.column.id]
    return pa.nulls(len(values), values.type) if cook.findings else values


def _refuse(cooks: Sequence[Cook]) -> None:
    for cook in cooks:
        cook.refuse()
