"""What is wrong with an installation, and what to do about it: pure judgement over what was seen."""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from domain.vitals import Stuck, Vitals

SECONDS_FOR_RECEIVERS = 3_600.0
"""How long whoever is told of something may take nothing before somebody should know."""
SECONDS_BETWEEN_CLOCKS = 300.0
"""How far clocks may be apart."""
SECONDS_OF_PATIENCE = 60.0
"""How long something may wait before somebody should know."""


class Verdict(StrEnum):
    WELL = "well"
    ATTENTION = "attention"
    PROBLEM = "problem"


class Finding(Struct, frozen=True, kw_only=True):
    """``subject`` is what was looked at; ``advice`` what to do, where there is something."""

    subject: str
    verdict: Verdict
    message: str
    advice: str | None = None


class Bookkeeping(Struct, frozen=True, kw_only=True):
    """Counts of what the log and the tables beside it disagree on.

    ``missing_positions`` are gaps in the log; ``unleased`` operations have not ended and wait for nobody;
    ``idle_leases`` belong to operations that have ended. ``seconds_ahead`` is how far the log's last event lies in the
    future, by PostgreSQL's clock; ``clock_difference`` how far that clock is ahead of the one here. ``commits`` is the
    database's default of synchronous_commit, ``fsync`` whether PostgreSQL waits for the disk.
    """

    missing_positions: int
    unleased: int
    idle_leases: int
    seconds_ahead: float = 0.0
    clock_difference: float = 0.0
    commits: str = "on"
    fsync: bool = True


def judge(vitals: Vitals, books: Bookkeeping) -> Iterator[Finding]:
    """Everything that can be said of the log, its views and its workers."""
    yield _log(vitals, books)
    yield _clocks(books)
    yield _durability(books)
    yield _views(vitals)
    yield from (_stuck(name, trouble) for name, trouble in vitals.stuck.items())
    yield _workers(vitals)
    if vitals.failing:
        yield _failing(vitals.failing)
    yield _leases(books)
    yield _seal(vitals)
    if any(vitals.webhooks.values()):
        yield _webhooks(vitals)


def of_object_root(root: str, problem: str | None) -> Finding:
    """``problem`` is what the object store said when it was looked into."""
    if problem is None:
        return Finding(subject="table root", verdict=Verdict.WELL, message=f"{root} can be looked into.")
    return Finding(
        subject="table root",
        verdict=Verdict.PROBLEM,
        message=f"{root} cannot be looked into: {problem}",
        advice="See that the bucket is there and the credentials are good, or set SCHEMALEDGER_STORAGE_OPTIONS.",
    )


def of_issuer(issuer: str, problem: str | None) -> Finding:
    """``problem`` is why its keys could not be had."""
    if problem is None:
        return Finding(subject="identity provider", verdict=Verdict.WELL, message=f"{issuer} answers with its keys.")
    return Finding(
        subject="identity provider",
        verdict=Verdict.PROBLEM,
        message=f"The keys of {issuer} cannot be had: {problem}.",
        advice="Callers with tokens of its new keys are answered with 503. See that it can be reached from here.",
    )


def _log(vitals: Vitals, books: Bookkeeping) -> Finding:
    if books.missing_positions:
        message = f"{books.missing_positions} of {vitals.position:,} positions of the log are missing."
        advice = "Events were removed from the database. Restore it from a backup; nothing here can bring them back."
        return Finding(subject="log", verdict=Verdict.PROBLEM, message=message, advice=advice)
    return Finding(subject="log", verdict=Verdict.WELL, message=f"{vitals.position:,} events, without a gap.")


def _clocks(books: Bookkeeping) -> Finding:
    if abs(books.clock_difference) > SECONDS_BETWEEN_CLOCKS:
        return Finding(
            subject="clocks",
            verdict=Verdict.PROBLEM,
            message=f"PostgreSQL's clock and the one here differ by {abs(books.clock_difference):,.0f} s.",
            advice="Events get the time of the earlier one. Set the one that is wrong.",
        )
    if books.seconds_ahead > SECONDS_BETWEEN_CLOCKS:
        days = books.seconds_ahead / 86_400
        return Finding(
            subject="clocks",
            verdict=Verdict.PROBLEM,
            message=f"The last event of the log lies {days:,.1f} days in the future: a clock was wrong once.",
            advice="Until then what is recorded gets that moment, and an answer as of now leaves it out; ask without a "
            "moment, or as of a later one. The order of events is right. See docs/how-to/use-your-own-postgresql.md.",
        )
    return Finding(
        subject="clocks", verdict=Verdict.WELL, message="The clocks agree, and the log is not ahead of them."
    )


def _durability(books: Bookkeeping) -> Finding:
    said = " The database's default, synchronous_commit = off, is overruled." if books.commits == "off" else ""
    if not books.fsync:
        return Finding(
            subject="durability",
            verdict=Verdict.ATTENTION,
            message=f"PostgreSQL runs with fsync = off: what was answered can be lost with the machine's power.{said}",
            advice="Set fsync = on, unless nothing here has to last.",
        )
    message = f"What was answered is on the disk: every commit is synchronous.{said}"
    return Finding(subject="durability", verdict=Verdict.WELL, message=message)


def _views(vitals: Vitals) -> Finding:
    late = {name: lag for name, lag in vitals.lags.items() if lag.seconds > SECONDS_OF_PATIENCE}
    if not late:
        return Finding(subject="views", verdict=Verdict.WELL, message=f"{len(vitals.lags)} views follow the log.")
    behind = ", ".join(f"{name} by {lag.events:,} events ({lag.seconds:,.0f} s)" for name, lag in late.items())
    return Finding(
        subject="views",
        verdict=Verdict.PROBLEM,
        message=f"Behind the log: {behind}.",
        advice="Views are followed by the workers: see that one runs, and what its log says.",
    )


def _stuck(name: str, trouble: Stuck) -> Finding:
    message = f"{name} cannot get past position {trouble.position:,} since {trouble.seconds:,.0f} s: {trouble.message}"
    advice = "The log is whole, and the view shows all before it. Please report this line. It is tried each minute."
    return Finding(subject="view", verdict=Verdict.PROBLEM, message=message, advice=advice)


def _failing(count: int) -> Finding:
    message = f"{count} operations that have not ended failed three attempts or more, and are tried again."
    advice = "`schemaledger operations` lists them; the workers' logs say what stands in their way."
    return Finding(subject="attempts", verdict=Verdict.ATTENTION, message=message, advice=advice)


def _workers(vitals: Vitals) -> Finding:
    waiting = f"{vitals.pending} pending and {vitals.running} running operations"
    if vitals.leases_expired:
        message = f"{waiting}; the workers of {vitals.leases_expired} were not heard of for longer than a lease."
        advice = "Start a worker (`schemaledger worker`): it takes up what they left."
        return Finding(subject="workers", verdict=Verdict.PROBLEM, message=message, advice=advice)
    if vitals.oldest_pending_age > SECONDS_OF_PATIENCE and not vitals.leases_held:
        message = f"{waiting}; the oldest waits since {vitals.oldest_pending_age:,.0f} s, and nobody works."
        advice = "Start a worker: `schemaledger worker`, or SCHEMALEDGER_WORKER_PROCESSES above 0 for `serve`."
        return Finding(subject="workers", verdict=Verdict.PROBLEM, message=message, advice=advice)
    if vitals.oldest_pending_age > SECONDS_OF_PATIENCE:
        message = f"{waiting}; the oldest waits since {vitals.oldest_pending_age:,.0f} s."
        advice = "More workers take more tables at once; one table's operations always wait for each other."
        return Finding(subject="workers", verdict=Verdict.ATTENTION, message=message, advice=advice)
    return Finding(subject="workers", verdict=Verdict.WELL, message=f"{waiting}.")


def _leases(books: Bookkeeping) -> Finding:
    if not books.unleased and not books.idle_leases:
        return Finding(subject="leases", verdict=Verdict.WELL, message="Every unfinished operation waits for a worker.")
    return Finding(
        subject="leases",
        verdict=Verdict.PROBLEM,
        message=f"{books.unleased} operations wait for nobody, {books.idle_leases} leases are of ended operations.",
        advice="`schemaledger doctor --mend` makes the leases anew from the log; workers do the same by themselves.",
    )


def _webhooks(vitals: Vitals) -> Finding:
    told, disabled = vitals.webhooks.get("enabled", 0), vitals.webhooks.get("disabled", 0)
    if disabled or vitals.oldest_message_age > SECONDS_FOR_RECEIVERS:
        age = round(vitals.oldest_message_age / 3_600)
        message = (
            f"{disabled} webhooks are disabled and told nothing; the oldest message was not taken for {age} hours."
        )
        advice = "`schemaledger webhooks list` says why, and `webhooks deliveries` what came of each message."
        return Finding(subject="webhooks", verdict=Verdict.ATTENTION, message=message, advice=advice)
    return Finding(subject="webhooks", verdict=Verdict.WELL, message=f"{told} webhooks take what they are told.")


def _seal(vitals: Vitals) -> Finding:
    if vitals.seal_alarm is None:
        return Finding(
            subject="seal", verdict=Verdict.WELL, message="What is sealed goes on from what was sealed before."
        )
    return Finding(
        subject="seal",
        verdict=Verdict.PROBLEM,
        message=f"The seal has stopped: {vitals.seal_alarm}.",
        advice="`schemaledger audit verify --full` finds what was changed; docs/how-to/prove-the-history.md goes on.",
    )
