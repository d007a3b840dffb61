"""Whatever a migration does, an index of somebody else's is afterwards what its plan said: kept, built again, or gone."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lance
from hypothesis import given, settings
from hypothesis import strategies as st
from lance.indices import IndexConfig

from domain.changes.change import Setting
from domain.plan import Plan, make_plan
from tests.adapters.lance_answers import VECTOR, known, rows, table_of_rows
from tests.contracts.engines.drivers import LanceDriver, job_of, prepared
from tests.domain.planning import add, changes_of, drop, nullability, rename, retype

Make = Callable[[lance.LanceDataset], object]

MADE: dict[str, Make] = {
    "tree": lambda t: t.create_scalar_index("number", IndexConfig("btree", {"zone_size": 64}), name="tree"),
    "zones": lambda t: t.create_scalar_index("id", IndexConfig("zonemap", {"rows_per_zone": 40}), name="zones"),
    "words": lambda t: t.create_scalar_index("words", "INVERTED", name="words", stem=False, with_position=True),
    "grams": lambda t: t.create_scalar_index("words", "NGRAM", name="grams"),
    "labels": lambda t: t.create_scalar_index("labels", "LABEL_LIST", name="labels"),
    "near": lambda t: t.create_index("v", "IVF_SQ", name="near", metric="cosine", num_partitions=2),
    "inner": lambda t: t.create_scalar_index("s.number", "BITMAP", name="inner"),
    "within": lambda t: t.create_scalar_index("s.words", "INVERTED", name="within", stem=True),
}

CHANGES: list[tuple[dict[str, Any], ...]] = [
    (retype("number", "int32", "int64"),),
    (retype("words", "utf8", "large_utf8"), add("more", defaultValue="x")),
    (retype("v", VECTOR, "fixed_size_list<float16>[8]"), rename("words", "text")),
    (nullability("words", False), nullability("s", False), add("more", "int8", nullable=False, defaultValue=1)),
    (add("s.more", "int32"), rename("s", "t")),
    (rename("s.words", "s.text"), drop("labels")),
    (drop("s.number"), retype("id", "int64", "float64")),
    (drop("words"), rename("number", "words")),
    (rename("number", "x"), rename("id", "number"), rename("x", "id"), add("more", defaultValue="y")),
    (retype("labels", "list<int64>", "large_list<int64>"), drop("v")),
]

ASKED: dict[str, tuple[str, Callable[[int], bool]]] = {
    "tree": ("{} = 7", lambda n: n % 50 == 7),
    "zones": ("{} = 33", lambda n: n == 33),
    "grams": ("contains({}, 'fox')", lambda n: n % 3 == 0),
    "labels": ("array_has_any({}, [2])", lambda n: n % 5 == 2),
    "inner": ("{} = 7", lambda n: n % 50 == 7),
}
BY_WORDS = ("words", "within")


def described(table: lance.LanceDataset, name: str) -> dict[str, Any]:
    (found,) = [one for one in table.describe_indices() if one.name == name]
    statistics = table.stats.index_stats(name)
    assert statistics["num_unindexed_fragments"] == 0
    counted = ("rows_per_zone", "num_partitions", "metric_type", "params", "num_pages")
    return {**found.details, **{key: statistics["indices"][0].get(key) for key in counted}, "runtime_hints": None}


def answered(table: lance.LanceDataset, name: str, path: str, number: str) -> None:
    """``number`` is where the rows' own numbers are by now."""
    numbers = [int(one) for one in table.to_table(columns=[number]).column(number).to_pylist()]
    if name in BY_WORDS:
        found = table.to_table(columns=[number], full_text_query=lance.query.MatchQuery("fox", path))
        expected = [one for one in numbers if one % 3 == 0]
    elif name in ASKED:
        text, holds = ASKED[name]
        scanner = table.scanner(columns=[number], filter=text.format(path))
        assert "ScalarIndexQuery" in scanner.explain_plan(), name
        found, expected = scanner.to_table(), [one for one in numbers if holds(one)]
    else:
        near = {"column": path, "q": [1.0] * 8, "k": 3}
        assert table.to_table(columns=[number], nearest=near).num_rows == 3
        return
    assert sorted(int(one) for one in found.column(number).to_pylist()) == sorted(expected)


def planned_for(driver: LanceDriver, operations: tuple[dict[str, Any], ...]) -> Plan:
    found = driver.engine.inspect(driver.location)
    setting = Setting(profile=driver.engine.profile, statistics=found.statistics, index_doubts=found.index_doubts)
    return make_plan(changes_of(*operations), found.schema, 1, setting)


@settings(max_examples=12)
@given(
    made=st.sets(st.sampled_from(sorted(MADE)), min_size=1, max_size=4),
    operations=st.sampled_from(CHANGES),
    elsewhere=st.sampled_from(["here", "clone", "branch"]),
)
def test_an_index_is_afterwards_what_the_plan_said(
    made: set[str], operations: tuple[dict[str, Any], ...], elsewhere: str
) -> None:
    with TemporaryDirectory(prefix="schemaledger-laws-") as folder:
        driver = table_of_rows(Path(folder))
        lance.write_dataset(rows(300, 30), driver.location, mode="append")
        for name in sorted(made):
            MADE[name](lance.dataset(driver.location))
        source = lance.dataset(driver.location)
        if elsewhere == "clone":
            driver.location = str(Path(folder) / "clone.lance")
            source.shallow_clone(driver.location, source.version)
        elif elsewhere == "branch":
            driver.location = str(source.create_branch("trial").uri)
        before = {name: described(lance.dataset(driver.location), name) for name in made}
        plan = planned_for(driver, operations)
        assert plan.violations == ()
        job = job_of(driver, plan)
        driver.engine.publish(job, prepared(driver, job))
        impacts = {one.index_name: one.impact for one in plan.index_impacts}
        assert impacts.keys() == made
        after, schema = lance.dataset(driver.location), known(driver)
        kept = {name for name in made if impacts[name] != "drop"}
        assert {one.name for one in after.describe_indices()} == kept
        number = plan.target.named([plan.source.column("id").id])[0]
        for index in schema.indexes:
            assert described(after, index.name) == before[index.name]
            answered(after, index.name, schema.indexed(index)[0], number)
        if elsewhere != "here":
            untouched = lance.dataset(source.uri)
            assert {name: described(untouched, name) for name in made} == before
