"""Looking after an installation: what is wrong with it, and what nobody needs any more."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from domain.diff import describe
from domain.errors import Refusal
from domain.examination import Finding, Verdict, judge
from domain.handlers.house import House
from domain.handlers.outside import look_for_drift
from domain.ports import Chores
from domain.views import ApprovalFilter, OperationFilter, TableFilter, TableView
from domain.vitals import VitalSigns

PAGE = 200
UNFINISHED = ("pending", "running")


class Tidied(Struct, frozen=True, kw_only=True):
    """How many tables were looked at, and how many bytes nobody needed."""

    tables: int
    bytes_removed: int


def examine(house: House, vitals: VitalSigns, chores: Chores, seal_problem: str | None = None) -> Iterator[Finding]:
    """What was found, one thing after the other; ``seal_problem`` is what a look at the seal found.

    Raises LogUnavailable.
    """
    seen = vitals.read()
    # The alarm is what the sealer said when it came by last.
    yield from judge(replace(seen, seal_alarm=seal_problem or seen.seal_alarm), chores.look())
    yield _of_approvals(house)
    tables = well = 0
    for table in all_tables(house):
        tables += 1
        finding = _of_table(house, table)
        if finding.verdict is Verdict.WELL:
            well += 1
        else:
            yield finding
    if well == tables:
        yield Finding(subject="tables", verdict=Verdict.WELL, message=f"{tables} tables are as the log says.")


def tidy_tables(house: House) -> Tidied:
    """Takes away what no version of a table holds and no operation will need; tables with work under way are left."""
    tables = removed = 0
    for table in all_tables(house):
        where = [OperationFilter(table_id=table.table_id, status=status) for status in UNFINISHED]
        if any(house.views.operations(one, 1) for one in where):
            continue
        try:
            removed += house.engine(table.engine).tidy(table.location)
            tables += 1
        except Refusal:
            # Away just now, or gone: the next time, or the doctor, will tell.
            continue
    return Tidied(tables=tables, bytes_removed=removed)


def all_tables(house: House) -> Iterator[TableView]:
    """Every table under management, newest first."""
    after = None
    while page := house.views.tables(TableFilter(), PAGE, after):
        yield from page
        after = page[-1].table_id


def _of_approvals(house: House) -> Finding:
    emergencies = house.approvals.approvals(ApprovalFilter(kind="emergency"), PAGE)
    waiting = len(house.approvals.approvals(ApprovalFilter(kind="approval"), PAGE))
    said = f"{waiting}{' or more' if waiting == PAGE else ''} migrations wait for approval"
    if not emergencies:
        return Finding(subject="approvals", verdict=Verdict.WELL, message=f"{said}, no emergency for review.")
    message = f"{said}; {len(emergencies)} emergencies were not reviewed, the newest by {emergencies[0].author}."
    advice = "`schemaledger approvals` lists them; somebody other than the author approves or rejects them."
    return Finding(subject="approvals", verdict=Verdict.ATTENTION, message=message, advice=advice)


def _of_table(house: House, table: TableView) -> Finding:
    subject = f"table {table.dataset_id}.{table.name}"
    try:
        drift = look_for_drift(house, table.table_id)
    except Refusal as refusal:
        advice = f"See whether {table.location} is there and can be read. If the table is gone for good, unregister it."
        return Finding(subject=subject, verdict=Verdict.PROBLEM, message=str(refusal), advice=advice)
    if drift.differences:
        message = f"Changed outside: {'; '.join(map(describe, drift.differences))}."
        advice = f"`schemaledger adopt {table.dataset_id}.{table.name}` accepts it; migrations are refused until then."
        return Finding(subject=subject, verdict=Verdict.ATTENTION, message=message, advice=advice)
    return Finding(subject=subject, verdict=Verdict.WELL, message="As the log says.")
