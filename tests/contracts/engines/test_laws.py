"""The same migrations on the same rows give the same table, whichever engine carries them out."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.changes.change import Setting
from domain.engine import Job
from domain.errors import Refusal
from domain.plan import make_plan
from domain.schema import Column
from tests.contracts.engines.drivers import Driver, LanceDriver, MemoryDriver, people, person, prepared, promised, shape
from tests.domain.planning import add, change, changes_of, drop, index, key, nullability, rename, retype

NAMES = ["id", "name", "age", "score", "x", "y"]
TYPES = ["int8", "int32", "int64", "float32", "float64", "utf8", "decimal128(10, 2)", "bool"]
names = st.sampled_from(NAMES)
types = st.sampled_from(TYPES)
START = people().inserted(Column(id=0, name="home", data_type="struct<city: utf8, zip: int32>"), None)
parts = st.sampled_from(["city", "zip", "q"])
positions = st.one_of(st.none(), st.integers(0, 4))

operations = st.one_of(
    st.builds(lambda n, t, p: add(n, t, position=p), names, types, positions),
    st.builds(lambda n, p: add(n, "int32", nullable=False, position=p, defaultValue=7), names, positions),
    st.builds(drop, names),
    st.builds(rename, names, names),
    st.builds(
        lambda n, o, t, f: retype(n, o, t, onCastFailure=f), names, types, types, st.sampled_from(["fail", "null"])
    ),
    st.builds(lambda n, b: nullability(n, b), names, st.booleans()),
    st.builds(lambda n: nullability(n, False, fillNullsWith="?"), names),
    st.builds(lambda n, p: change("reorder_column", name=n, position=p), names, st.integers(0, 4)),
    st.builds(lambda n, v: change("set_column_default", name=n, defaultValue=v), names, st.sampled_from([1, "x"])),
    st.builds(lambda n: change("drop_column_default", name=n), names),
    st.builds(lambda ns: key(*ns), st.lists(names, min_size=1, max_size=2, unique=True)),
    st.just(change("drop_primary_key")),
    st.builds(lambda n, t: index(n, t, name=f"{n}_{t}"), names, st.sampled_from(["btree", "bitmap"])),
    st.builds(lambda n, t: change("drop_scalar_index", name=f"{n}_{t}"), names, st.sampled_from(["btree", "bitmap"])),
    st.builds(lambda p, t: add(f"home.{p}", t), parts, types),
    st.builds(lambda p: drop(f"home.{p}"), parts),
    st.builds(lambda p, q: rename(f"home.{p}", f"home.{q}"), parts, parts),
    st.builds(lambda p, o, t: retype(f"home.{p}", o, t), parts, types, types),
    st.builds(lambda p, b: nullability(f"home.{p}", b), parts, st.booleans()),
)


def outcome(driver: Driver, migrations: list[list[dict[str, Any]]]) -> list[Any]:
    """What each migration came to: the violations, the refusal's code, or the table it left."""
    schema, seen = START, list[Any]()
    driver.engine.create(driver.location, schema)
    homes = [None, {"city": "Bonn", "zip": 5}, {"city": None, "zip": 300}]
    driver.append([{**person(number), "home": homes[number % 3]} for number in range(12)], 3)
    for number, migration in enumerate(migrations):
        statistics = driver.engine.inspect(driver.location).statistics
        plan = make_plan(
            changes_of(*migration), schema, number, Setting(profile=driver.engine.profile, statistics=statistics)
        )
        if plan.violations:
            seen.append([violation.code for violation in plan.violations])
            continue
        job = Job(
            migration_id=uuid4(),
            table_id=uuid4(),
            location=driver.location,
            source=plan.source,
            target=plan.target,
            steps=plan.steps,
        )
        try:
            driver.engine.publish(job, prepared(driver, job))
        except Refusal as refusal:
            seen.append(refusal.code)
            continue
        schema = plan.target
        assert shape(driver) == promised(schema)
        found = driver.engine.inspect(driver.location).schema.indexes
        assert sorted(index.name for index in found) == sorted(index.name for index in schema.indexes)
        seen.append((shape(driver), driver.read().to_pydict()))
    return seen


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(operations, min_size=1, max_size=4), min_size=1, max_size=3))
def test_both_engines_agree(migrations: list[list[dict[str, Any]]]) -> None:
    with TemporaryDirectory() as folder:
        assert outcome(LanceDriver(Path(folder)), migrations) == outcome(MemoryDriver(), migrations)
