"""Indexes that others made: what they were built with is read back, shown, and used when they are built again."""

import shutil
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest
from lance.indices import IndexConfig

import adapters.engines.lance_tables.engine as lance_engine
from adapters.engines.lance_tables.profile import PROFILE
from domain.changes.change import HazardKind, Setting
from domain.engine import TableStatistics
from domain.errors import EngineUnavailable, IndexNotBuilt
from domain.plan import make_plan
from domain.schema import Index
from tests.adapters.lance_answers import VECTOR, known, table_of_rows
from tests.contracts.engines.drivers import LanceDriver, job_for, migrate, prepared
from tests.domain.planning import change, changes_of, drop, index, nullability, retype, vector_index

SCALAR: list[tuple[str, Any, dict[str, Any]]] = [
    ("number", "BTREE", {}),
    ("number", IndexConfig("btree", {"zone_size": 64}), {"zone_size": 64}),
    ("number", IndexConfig("zonemap", {"rows_per_zone": 50}), {"rows_per_zone": 50}),
    (
        "number",
        IndexConfig("bloomfilter", {"number_of_items": 500, "probability": 0.01}),
        {"number_of_items": 500, "probability": 0.01},
    ),
]
TEXT: list[dict[str, Any]] = [
    {"stem": True},
    {"base_tokenizer": "whitespace", "stem": False, "lower_case": False, "with_position": True, "language": "French"},
    {"stem": True, "custom_stop_words": ["quick", "dogs"], "max_token_length": None, "ascii_folding": False},
    {"base_tokenizer": "ngram", "min_ngram_length": 2, "max_ngram_length": 4, "prefix_only": True, "stem": True},
    {"base_tokenizer": "raw", "remove_stop_words": False, "block_size": 256, "stem": False},
]
VECTORS: list[tuple[str, dict[str, Any]]] = [
    ("ivf_flat", {"num_partitions": 4}),
    ("ivf_sq", {"num_partitions": 3, "max_iters": 9, "sample_rate": 40}),
    ("ivf_pq", {"num_partitions": 2, "num_sub_vectors": 4}),
    ("ivf_pq", {"num_partitions": 2, "num_sub_vectors": 2, "num_bits": 4}),
    ("ivf_rq", {"num_partitions": 2}),
    ("ivf_hnsw_flat", {"num_partitions": 2, "m": 7, "ef_construction": 40}),
    ("ivf_hnsw_sq", {"num_partitions": 2, "m": 9, "ef_construction": 60, "max_level": 4}),
    ("ivf_hnsw_pq", {"num_partitions": 2, "num_sub_vectors": 4, "m": 9}),
]


@pytest.fixture
def table(tmp_path: Path) -> LanceDriver:
    return table_of_rows(tmp_path)


def outside(driver: LanceDriver) -> lance.LanceDataset:
    return lance.dataset(driver.location)


def the_index(driver: LanceDriver) -> Index:
    (found,) = known(driver).indexes
    return found


def as_built(driver: LanceDriver) -> list[Any]:
    """What Lance itself says of the only index, but for what is another in each build."""
    (description,) = outside(driver).describe_indices()
    stated = outside(driver).stats.index_stats(description.name)["indices"][0]
    inner = stated.get("sub_index") or {}
    hints = dict(sorted((description.details.get("runtime_hints") or {}).items()))
    told = {name: value for name, value in description.details.items() if name != "runtime_hints"}
    counted = (
        "num_partitions",
        "metric_type",
        "params",
        "rows_per_zone",
        "number_of_items",
        "probability",
        "num_pages",
    )
    return [
        told,
        hints,
        {name: stated.get(name) for name in counted},
        {name: inner.get(name) for name in ("nbits", "num_bits", "num_sub_vectors", "params")},
    ]


@pytest.mark.parametrize(("column", "index_type", "settings"), SCALAR)
def test_a_scalar_index_is_built_again_as_it_was(
    table: LanceDriver, column: str, index_type: Any, settings: dict[str, Any]
) -> None:
    outside(table).create_scalar_index(column, index_type, name="theirs")
    before = as_built(table)
    assert the_index(table).settings == settings
    migrate(table, known(table), retype(column, "int32", "int64"))
    assert as_built(table) == before
    assert the_index(table).settings == settings


@pytest.mark.parametrize("settings", TEXT)
def test_a_full_text_index_is_built_again_as_it_was(table: LanceDriver, settings: dict[str, Any]) -> None:
    outside(table).create_scalar_index("words", "INVERTED", name="theirs", **settings)
    before = as_built(table)
    assert the_index(table).settings.items() >= settings.items()
    migrate(table, known(table), retype("words", "utf8", "large_utf8"))
    assert as_built(table) == before


@pytest.mark.parametrize(
    ("index_type", "settings", "metric"),
    [(*one, "cosine") for one in VECTORS] + [(*VECTORS[0], metric) for metric in ("dot", "l2")],
)
def test_a_vector_index_is_built_again_as_it_was(
    tmp_path: Path, index_type: str, settings: dict[str, Any], metric: str
) -> None:
    # Lance trains fewer partitions than asked for where there are few rows.
    table = table_of_rows(tmp_path, 700)
    outside(table).create_index("v", index_type.upper(), name="theirs", metric=metric, **settings)
    before, found = as_built(table), the_index(table)
    assert (found.metric, found.index_type) == (metric, index_type)
    assert found.settings.items() >= settings.items()
    migrate(table, known(table), retype("v", VECTOR, "fixed_size_list<float16>[8]"))
    assert as_built(table) == before


def test_an_index_that_the_log_knows_without_settings_is_built_again_as_it_was_too(table: LanceDriver) -> None:
    outside(table).create_index("v", "IVF_FLAT", name="theirs", metric="cosine", num_partitions=4)
    before, found = as_built(table), known(table)
    bare = Index(name="theirs", column_ids=found.indexes[0].column_ids, index_type="ivf_flat")
    schema = type(found)(columns=found.columns, indexes=(bare,), last_column_id=found.last_column_id)
    migrate(table, schema, retype("v", VECTOR, "fixed_size_list<float64>[8]"))
    assert as_built(table) == before


def test_a_rebuild_that_follows_a_killed_publish_knows_the_settings_still(
    table: LanceDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside(table).create_scalar_index("words", "INVERTED", name="theirs", stem=True, with_position=True)
    before = as_built(table)
    job = job_for(table, known(table), retype("words", "utf8", "large_utf8"))
    done = prepared(table, job)

    def killed(*_: Any) -> None:
        raise EngineUnavailable("lance", "killed between the two commits")

    with monkeypatch.context() as patched:
        patched.setattr(lance_engine, "commit_indexes", killed)
        with pytest.raises(EngineUnavailable):
            table.engine.publish(job, done)
    assert outside(table).describe_indices() == []
    table.engine.publish(job, prepared(table, job))
    assert as_built(table) == before


def test_what_cannot_be_read_back_is_a_hazard_of_the_plan(table: LanceDriver) -> None:
    outside(table).create_index("v", "IVF_FLAT", name="theirs", metric="cosine", num_partitions=4)
    (found,) = outside(table).describe_indices()
    shutil.rmtree(Path(table.location) / "_indices" / str(found.segments[0].uuid))
    inspection = table.engine.inspect(table.location)
    assert inspection.index_doubts.keys() == {"theirs"}
    setting = Setting(profile=PROFILE, statistics=inspection.statistics, index_doubts=inspection.index_doubts)
    casting = changes_of(retype("v", VECTOR, "fixed_size_list<float16>[8]"))
    hazards = make_plan(casting, inspection.schema, 1, setting).hazards
    assert any(hazard.kind is HazardKind.INDEX_SETTINGS and "'theirs'" in hazard.message for hazard in hazards)
    renaming = changes_of(nullability("id", False))
    assert make_plan(renaming, inspection.schema, 1, setting).hazards == ()


def test_what_the_table_says_of_an_index_is_known_without_its_files(table: LanceDriver) -> None:
    """As of a full-text index whose parts were never put together: it is mended by the next cast."""
    outside(table).create_index("v", "IVF_HNSW_SQ", name="near", metric="dot", m=9)
    outside(table).create_scalar_index("words", "INVERTED", name="words", stem=False, with_position=True)
    for found in outside(table).describe_indices():
        shutil.rmtree(Path(table.location) / "_indices" / str(found.segments[0].uuid))
    near, words = known(table).indexes
    assert (near.metric, near.settings) == ("dot", {"m": 9})
    assert words.settings == {"with_position": True, "stem": False}
    assert table.engine.inspect(table.location).index_doubts.keys() == {"near", "words"}
    migrate(table, known(table), retype("words", "utf8", "large_utf8"))
    query = lance.query.PhraseQuery("quick fox 30", "words")
    assert outside(table).to_table(full_text_query=query).column("id").to_pylist() == [30]
    assert table.engine.inspect(table.location).index_doubts.keys() == {"near"}


@pytest.mark.parametrize("words", ["simple", "whitespace"])
def test_a_type_that_is_not_offered_is_built_again_too(table: LanceDriver, words: str) -> None:
    built = IndexConfig("minhashlsh", {"num_hashes": 64, "num_bands": 8, "tokenizer": {"base_tokenizer": words}})
    outside(table).create_scalar_index("words", built, name="theirs")
    settings = {"num_hashes": 64, "num_bands": 8}
    assert the_index(table).settings == settings
    # Its tokenizer cannot be said again: then the plan says so.
    doubts = {} if words == "simple" else {"theirs": "how it cuts texts into words cannot be said again"}
    assert table.engine.inspect(table.location).index_doubts == doubts
    migrate(table, known(table), nullability("words", False), retype("number", "int32", "int64"))
    assert the_index(table).settings == settings


def test_an_index_that_learns_from_more_rows_than_there_are_is_a_hazard(table: LanceDriver) -> None:
    outside(table).create_index("v", "IVF_PQ", name="theirs", num_partitions=2, num_sub_vectors=4)
    setting = Setting(profile=PROFILE, statistics=TableStatistics(rows=20))
    casting = changes_of(retype("v", VECTOR, "fixed_size_list<float16>[8]"))
    hazards = make_plan(casting, known(table), 1, setting).hazards
    assert [hazard.kind for hazard in hazards] == [HazardKind.REWRITE, HazardKind.INDEX_SETTINGS]
    outside(table).delete("id >= 20")
    migrate(table, known(table), retype("v", VECTOR, "fixed_size_list<float16>[8]"))
    assert the_index(table).name == "theirs"
    near = {"column": "v", "q": [1.0] * 8, "k": 3}
    assert outside(table).to_table(nearest=near).num_rows == 3


def test_settings_may_be_asked_for(table: LanceDriver) -> None:
    job = migrate(
        table,
        known(table),
        index("words", "inverted", settings={"base_tokenizer": "whitespace", "with_position": True}),
        vector_index("v", "ivf_hnsw_sq", "cosine", numPartitions=2, settings={"m": 9}),
        index("number", "btree", settings={"zone_size": 64}),
    )
    there = {found.name: found.settings for found in known(table).indexes}
    assert there["words_idx"] == {"base_tokenizer": "whitespace", "with_position": True, "stem": False}
    assert there["v_idx"] == {"num_partitions": 2, "m": 9}
    assert there["number_idx"] == {"zone_size": 64}
    assert {found.name: found.settings for found in job.target.indexes} == there


@pytest.mark.parametrize("beside", [(), (retype("id", "int64", "float64"),), (retype("words", "utf8", "large_utf8"),)])
@pytest.mark.parametrize("empty", [False, True])
def test_an_index_may_take_the_place_of_one_that_differs_in_settings_alone(
    table: LanceDriver, beside: tuple[dict[str, Any], ...], empty: bool
) -> None:
    outside(table).create_scalar_index("words", "INVERTED", name="words", stem=True, with_position=True)
    replacing = [change("drop_scalar_index", name="words"), index("words", "inverted", name="words")]
    expected: dict[str, Any] = {"words": (None, {"stem": False})}
    if empty:
        # A vector index learns from rows.
        outside(table).delete("true")
    else:
        outside(table).create_index("v", "IVF_FLAT", name="near", metric="cosine", num_partitions=2)
        nearest = vector_index("v", "ivf_flat", "dot", name="near", numPartitions=1)
        replacing += [change("drop_vector_index", name="near"), nearest]
        expected["near"] = ("dot", {"num_partitions": 1})
    migrate(table, known(table), *beside, *replacing)
    assert {found.name: (found.metric, found.settings) for found in known(table).indexes} == expected


def test_settings_that_lance_does_not_accept_are_said_once_and_rightly(table: LanceDriver) -> None:
    job = job_for(table, known(table), index("words", "inverted", settings={"base_tokenizer": "klingon"}))
    with pytest.raises(IndexNotBuilt, match="klingon"):
        prepared(table, job)


@pytest.mark.parametrize(("bits", "parts"), [(8, 1), (4, 2)])
def test_into_how_many_parts_a_vector_is_cut_need_not_be_said(table: LanceDriver, bits: int, parts: int) -> None:
    migrate(table, known(table), vector_index("v", "ivf_pq", "l2", settings={"num_bits": bits}))
    assert the_index(table).settings["num_sub_vectors"] == parts


def test_what_lance_keeps_for_itself_is_not_shown_and_not_lost(table: LanceDriver) -> None:
    outside(table).create_scalar_index("number", "BTREE", name="theirs")
    lance.write_dataset(outside(table).to_table().slice(0, 5), table.location, mode="append")
    outside(table).optimize.compact_files(defer_index_remap=True)
    own = [found.name for found in outside(table).describe_indices()]
    assert "__lance_frag_reuse" in own
    assert the_index(table).name == "theirs"
    migrate(table, known(table), retype("words", "utf8", "large_utf8"), drop("labels"))
    assert [found.name for found in outside(table).describe_indices()] == own
    expected = [n for n in outside(table).to_table().column("id").to_pylist() if n % 50 == 11]
    found = outside(table).scanner(filter="number = 11", columns=["id"])
    assert "ScalarIndexQuery" in found.explain_plan()
    assert sorted(found.to_table().column("id").to_pylist()) == sorted(expected)


def test_an_index_over_unsigned_bytes_keeps_its_metric(tmp_path: Path) -> None:
    driver = LanceDriver(tmp_path)
    bits = pa.array([[n % 7] * 8 for n in range(50)], pa.list_(pa.uint8(), 8))
    lance.write_dataset(pa.table({"id": range(50), "bits": bits}), driver.location)
    outside(driver).create_index("bits", "IVF_FLAT", name="theirs", metric="hamming", num_partitions=2)
    before = as_built(driver)
    migrate(driver, known(driver), nullability("bits", False), retype("id", "int64", "utf8"))
    assert the_index(driver).metric == "hamming"
    assert as_built(driver) == before
