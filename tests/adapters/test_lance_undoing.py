"""A law over walks of changes, reverts, reverts of reverts, compactions and rows of others on one Lance table."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lance
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from domain.changes.change import Recovery, Setting
from domain.drift import difference
from domain.errors import Refusal, ValuesGone
from domain.plan import Plan, make_plan
from domain.revert import reversal
from domain.schema import Column, schema_of
from domain.undo import UndoKind
from tests.contracts.engines.drivers import LanceDriver, job_of, prepared
from tests.domain.planning import add, change, changes_of, drop, index, nullability, rename, retype

ROWS = 9
START = {"id": "int64", "v": "utf8", "w": "float64", "s": "struct<a: int32, b: utf8>"}
CHANGES: tuple[tuple[dict[str, Any], ...], ...] = (
    (drop("v"),),
    (drop("v"), add("v", "float64")),
    (drop("w"), rename("v", "w")),
    (rename("v", "x"), rename("w", "v"), rename("x", "w")),
    (retype("id", "int64", "int32"), drop("w")),
    (add("y", "int8", defaultValue=1, position=0),),
    (drop("id"), drop("v"), drop("w"), add("n", "utf8")),
    (nullability("id", False), change("set_primary_key", columns=["id"])),
    (rename("s.a", "s.c"), retype("s.c", "int32", "int64")),
    (drop("s"), index("id", name="ids")),
    (change("reorder_column", name="w", position=0), change("set_column_comment", name="id", comment="why")),
)
STEPS = st.one_of(
    st.tuples(st.just("change"), st.integers(0, len(CHANGES) - 1)),
    st.tuples(st.just("revert"), st.integers(0, 3)),
    st.tuples(st.just("revert"), st.just(0)),
    st.tuples(st.sampled_from(["compact", "append", "delete"]), st.just(0)),
)


class Walk:
    """One table, every schema version it had, and in which version of the table each began."""

    def __init__(self, folder: Path) -> None:
        self.driver = LanceDriver(folder)
        columns = tuple(Column(id=0, name=name, data_type=data_type) for name, data_type in START.items())
        self.schemas, self.began = [schema_of(columns)], ["1"]
        self.rows = list[list[dict[str, Any]]]()
        """What the table held before each migration, and whether others wrote since."""
        self.undos, self.quiet = list[Plan](), True
        self.driver.engine.create(self.driver.location, self.schemas[0])
        rows = [{"id": n, "v": f"v{n}", "w": n / 2, "s": {"a": n, "b": "x"} if n % 3 else None} for n in range(ROWS)]
        self.driver.append(rows, 3)

    @property
    def table(self) -> lance.LanceDataset:
        return lance.dataset(self.driver.location)

    def recovery(self, version: int, name: str) -> Recovery:
        """As planning finds it in the log."""
        column = self.schemas[version - 1].column(name)
        last, gone_as = self.schemas[version - 1], None
        for number, schema in enumerate(self.schemas[version:], start=version):
            if (known := schema.by_id(column.id)) is not None:
                last, gone_as, column = schema, None, known
            elif gone_as is None:
                gone_as = self.began[number]
        try:
            rows = 0 if gone_as is None else self.driver.engine.recoverable(self.driver.location, column, gone_as)
        except ValuesGone:
            rows = 0
        return Recovery(column=column, position=last.columns.index(column), gone_as=gone_as, rows=rows)

    def plan(self, changes: Any) -> Plan:
        found = self.driver.engine.inspect(self.driver.location)
        asked = {one.recalls() for one in changes} - {None}
        setting = Setting(
            profile=found.profile or self.driver.engine.profile,
            statistics=found.statistics,
            recoveries={recall: self.recovery(*recall) for recall in asked},
        )
        return make_plan(changes, self.schemas[-1], len(self.schemas), setting)

    def carry_out(self, plan: Plan) -> bool:
        """Whether it was done; else the table is as it was."""
        before = self.driver.read()
        job = job_of(self.driver, plan)
        try:
            self.driver.engine.publish(job, prepared(self.driver, job))
        except Refusal as refusal:
            event(f"refused by the data: {refusal.code}")
            assert self.driver.read().equals(before)
            return False
        assert difference(self.driver.engine.inspect(self.driver.location).schema, plan.target) is None
        assert self.driver.read().num_rows == before.num_rows
        self.rows.append(before.to_pylist())
        self.schemas.append(plan.target)
        self.began.append(str(self.driver.engine.published(job)))
        self.undos.append(plan)
        return True

    def change(self, number: int) -> None:
        if (plan := self.plan(changes_of(*CHANGES[number]))).is_valid and self.carry_out(plan):
            event("changed")
            self.quiet = True

    def revert(self, back: int) -> None:
        """Of the migration so many before the last one."""
        place = len(self.undos) - 1 - back
        if place < 0:
            return
        before, after = self.schemas[place], self.schemas[place + 1]
        way = reversal(before, after, self.schemas[-1], place + 1)
        if way.superseded or not way.changes:
            return
        promise, plan, quiet = self.undos[place].undo, self.plan(list(way.changes)), self.quiet
        wanted = self.rows[place]
        note(f"revert {place}: {promise.kind} {plan.violations}")
        if back == 0 and quiet and promise.kind is UndoKind.LOSSLESS:
            assert plan.is_valid
            assert self.carry_out(plan)
            assert by_id(self.driver.read().to_pylist()) == by_id(wanted)
            assert self.driver.read().schema.names == list(before.names)
            event("reverted, nothing lost")
        elif plan.is_valid and self.carry_out(plan):
            event("reverted")
        self.quiet = True

    def others(self, act: str) -> None:
        match act:
            case "compact":
                # The library cannot read the transaction of a compaction that moved an index (pylance 14).
                self.quiet &= not self.table.describe_indices()
                self.table.optimize.compact_files(materialize_deletions_threshold=0.0)
            case "append":
                self.driver.append(self.driver.read().slice(0, 1).to_pylist())
                self.quiet = False
            case _:
                self.table.delete(f"{self.table.schema.names[0]} is null")
                self.quiet = False


def by_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row.get("id")))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=2, max_size=7))
def test_what_is_promised_to_come_back_comes_back(steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory(prefix="schemaledger-laws-") as folder:
        walk = Walk(Path(folder))
        for step, number in steps:
            note(f"{step} {number}")
            match step:
                case "change":
                    walk.change(number)
                case "revert":
                    walk.revert(number)
                case _:
                    walk.others(step)
