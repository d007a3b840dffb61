"""A table stays where it was allowed to lie: folders that become links are followed before every look and every commit."""

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import lance
import pyarrow as pa
import pytest

from adapters.engines.lance_tables.engine import LanceEngine
from adapters.locations import RootedLocations
from domain.engine import Job
from domain.errors import LocationNotAllowed
from domain.schema import Column, schema_of
from domain.steps import AddField

WIDER = Column(id=2, name="x", data_type="utf8", initial_default="y", write_default="y")


class Place:
    """A table under a root, the same table outside of it, and an engine that is told the root."""

    def __init__(self, folder: Path) -> None:
        self.root, self.outside = folder / "root", folder / "outside"
        self.table, self.evil = self.root / "parent" / "t.lance", self.outside / "parent" / "t.lance"
        for place in (self.table, self.evil):
            lance.write_dataset(pa.table({"id": pa.array(range(3), pa.int64())}), place)
        self.engine = LanceEngine(allowed=RootedLocations([self.root]).allowed)
        source = self.engine.inspect(str(self.table)).schema
        self.job = Job(
            migration_id=UUID(int=1),
            table_id=UUID(int=2),
            location=str(self.table),
            source=source,
            target=schema_of((*source.columns, WIDER)),
            steps=(AddField(column=WIDER, position=1),),
        )

    def prepared(self) -> dict[str, bytes]:
        return {unit.name: self.engine.prepare(self.job, unit, {}) for unit in self.engine.units(self.job, {})}

    def swap(self, what: Path, target: Path) -> None:
        shutil.rmtree(what)
        what.symlink_to(target)

    def lead_outside(self) -> None:
        self.swap(self.table, self.evil)

    def files_outside(self) -> set[Path]:
        return set(self.outside.rglob("*"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("what", ["", "parent", "parent/t.lance", "parent/t.lance/data", "parent/t.lance/_versions"])
def test_a_folder_that_leads_outside_is_neither_read_nor_written(place: Place, what: str) -> None:
    before, prepared = place.files_outside(), place.prepared()
    (unit,) = place.engine.units(place.job, {})
    swapped = place.root / what
    shutil.rmtree(swapped)
    swapped.symlink_to(place.outside / what)
    schema, location, job = place.job.source, place.job.location, place.job
    for look in (
        lambda: place.engine.inspect(location),
        lambda: place.engine.create(location, schema),
        lambda: place.engine.outside(location, schema),
        lambda: place.engine.identity(location, "1"),
        lambda: place.engine.recoverable(location, schema.columns[0], "1"),
        lambda: place.engine.tidy(location),
        lambda: place.engine.units(job, {}),
        lambda: place.engine.prepare(job, unit, {}),
        lambda: place.engine.publish(job, prepared),
        lambda: place.engine.published(job),
        lambda: place.engine.is_visible(job),
        lambda: place.engine.bar(job),
        lambda: place.engine.discard(job, prepared),
    ):
        refused(look)
    assert place.files_outside() == before


def refused(look: Callable[[], object]) -> None:
    with pytest.raises(LocationNotAllowed):
        look()


def test_the_last_look_before_a_commit_is_at_where_the_table_lies(place: Place) -> None:
    before = place.files_outside()
    prepared = place.prepared()
    with pytest.raises(LocationNotAllowed):
        place.engine.publish(place.job, prepared, place.lead_outside)
    assert place.files_outside() == before


def test_a_table_that_moves_within_the_roots_right_before_the_commit_is_opened_there(place: Place) -> None:
    first, aside = place.root / "first.lance", place.root / "aside.lance"
    place.table.rename(first)
    place.table.symlink_to(first)

    def moved() -> None:
        if not aside.exists():
            shutil.copytree(first, aside)
            place.table.unlink()
            place.table.symlink_to(aside)

    place.engine.publish(place.job, place.prepared(), moved)
    assert [lance.dataset(where).schema.names for where in (first, aside)] == [["id"], ["id", "x"]]


def test_a_link_within_the_roots_is_followed_as_it_is_when_a_table_is_registered(place: Place) -> None:
    aside = place.root / "aside.lance"
    place.table.rename(aside)
    place.table.symlink_to(aside)
    assert place.engine.publish(place.job, place.prepared()) == "2"
    assert lance.dataset(aside).schema.names == ["id", "x"]


def test_a_loop_of_links_is_no_place_for_a_table(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(LocationNotAllowed):
        RootedLocations([tmp_path]).allowed(str(tmp_path / "loop"))
