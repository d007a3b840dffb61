"""How wide a row is, is known by its types, before any of it is read."""

from uuid import UUID

import pytest

from domain.engine import Job
from domain.errors import RowTooWide
from domain.schema import Column, Index, schema_of
from domain.steps import (
    BuildIndex,
    CastField,
    CheckNoNulls,
    CheckUnique,
    Compact,
    DropField,
    RenameField,
    RenameManifests,
    RewriteStorage,
    Step,
)
from domain.weight import COPIES, refuse_what_does_not_fit

WIDE, SLIM = "fixed_size_list<float32>[250000]", "int64"
MB = 1_000_000
SCHEMA = schema_of((Column(id=0, name="id", data_type=SLIM), Column(id=0, name="wide", data_type=WIDE)))


def job(step: Step) -> Job:
    return Job(
        migration_id=UUID(int=1), table_id=UUID(int=2), location="x", source=SCHEMA, target=SCHEMA, steps=(step,)
    )


def cast(column_id: int) -> Step:
    return CastField(column_id=column_id, name="x", from_type=SLIM, to_type="int32", checked=True)


INDEX = Index(name="i", column_ids=(2,), index_type="ivf_pq")


@pytest.mark.parametrize(
    "step",
    [
        Compact(),
        RewriteStorage(),
        cast(2),
        CheckNoNulls(column_id=2, name="wide"),
        CheckUnique(column_ids=(1, 2), names=("id", "wide")),
        BuildIndex(index=INDEX, names=("wide",)),
    ],
)
def test_a_job_is_refused_where_the_worker_cannot_hold_one_row_of_what_it_touches(step: Step) -> None:
    refuse_what_does_not_fit(job(step), COPIES * MB + 100)
    refuse_what_does_not_fit(job(step), None)
    with pytest.raises(RowTooWide, match="'wide' most of them") as refused:
        refuse_what_does_not_fit(job(step), COPIES * MB - 100)
    assert refused.value.width in (MB, MB + 8)


@pytest.mark.parametrize("step", [cast(1), DropField(column_id=2, name="wide"), RenameManifests()])
def test_what_reads_no_wide_value_fits_everywhere(step: Step) -> None:
    refuse_what_does_not_fit(job(step), 1_000)


def test_a_wide_column_is_renamed_by_any_worker() -> None:
    refuse_what_does_not_fit(job(RenameField(column_id=2, old_name="wide", new_name="w")), 1_000)
