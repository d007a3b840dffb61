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
from tests.contracts.engines.drivers import Driver, LanceDriver, MemoryDriver, people, person, prepared, promised, shape
from tests.domain.planning import add, changes_of, drop, nullability, rename, retype

NAMES = ["id", "name", "age", "score", "x", "y"]
TYPES = ["int8", "int32", "int64", "float32", "float64", "utf8", "decimal128(10, 2)", "bool"]
names = st.sampled_from(NAMES)
types = st.sampled_from(TYPES)
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
)


def outcome(driver: Driver, migrations: list[list[dict[str, Any]]]) -> list[Any]:
    """What each migration came to: the violations, the refusal's code, or the table it left."""
    driver.engine.create(driver.location, people())
    driver.append([person(number) for number in range(12)], 3)
    schema, seen = people(), list[Any]()
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
        seen.append((shape(driver), driver.read().to_pydict()))
    return seen


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(operations, min_size=1, max_size=4), min_size=1, max_size=3))
def test_both_engines_agree(migrations: list[list[dict[str, Any]]]) -> None:
    with TemporaryDirectory() as folder:
        assert outcome(LanceDriver(Path(folder)), migrations) == outcome(MemoryDriver(), migrations)
