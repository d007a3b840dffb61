"""What a Lance table was found to be is believed until somebody commits to it, whoever that is."""

import shutil
from pathlib import Path

import lance
import pyarrow as pa
import pytest

from adapters.engines.lance_tables import engine as engines
from adapters.engines.lance_tables.engine import LanceEngine
from domain.errors import TableNotFoundAtLocation


@pytest.fixture
def place(tmp_path: Path) -> str:
    lance.write_dataset(pa.table({"id": [1, 2]}), tmp_path / "t.lance")
    return str(tmp_path / "t.lance")


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The locations of tables that were really opened."""
    opened = list[str]()

    def open_table(location: str, options: dict[str, str]) -> lance.LanceDataset:
        opened.append(location)
        return inner(location, options)

    inner = engines.open_table
    monkeypatch.setattr(engines, "open_table", open_table)
    return opened


def test_a_table_that_nobody_touched_is_opened_once(place: str, openings: list[str]) -> None:
    engine = LanceEngine()
    assert engine.inspect(place) == engine.inspect(place)
    assert openings == [place]


def test_every_commit_is_noticed_however_soon_it_comes(place: str) -> None:
    """Also those that fall into one tick of the file system's clock."""
    engine = LanceEngine()
    for rows in range(3, 40):
        lance.write_dataset(pa.table({"id": [rows]}), place, mode="append")
        assert engine.inspect(place).statistics.rows == rows


def test_a_column_added_outside_is_noticed(place: str) -> None:
    engine = LanceEngine()
    engine.inspect(place)
    lance.dataset(place).add_columns({"twice": "id * 2"})
    assert [column.name for column in engine.inspect(place).schema.columns] == ["id", "twice"]


def test_a_table_made_anew_at_the_same_version_is_noticed(place: str) -> None:
    engine = LanceEngine()
    engine.inspect(place)
    shutil.rmtree(place)
    lance.write_dataset(pa.table({"other": ["x"]}), place)
    found = engine.inspect(place)
    assert found.engine_version == "1"
    assert [column.name for column in found.schema.columns] == ["other"]


def test_a_restored_version_is_noticed(place: str) -> None:
    engine = LanceEngine()
    lance.write_dataset(pa.table({"id": [3]}), place, mode="append")
    engine.inspect(place)
    lance.dataset(place, version=1).restore()
    assert engine.inspect(place).statistics.rows == 2


def test_a_table_that_is_gone_is_gone(place: str) -> None:
    engine = LanceEngine()
    engine.inspect(place)
    shutil.rmtree(place)
    with pytest.raises(TableNotFoundAtLocation):
        engine.inspect(place)


def test_tables_with_files_named_the_old_way_are_opened_each_time(tmp_path: Path, openings: list[str]) -> None:
    place = str(tmp_path / "old.lance")
    lance.write_dataset(pa.table({"id": [1]}), place, enable_v2_manifest_paths=False)
    engine = LanceEngine()
    engine.inspect(place)
    lance.write_dataset(pa.table({"id": [2]}), place, mode="append")
    assert engine.inspect(place).statistics.rows == 2
    assert len(openings) == 2
