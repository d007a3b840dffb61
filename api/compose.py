"""The composition root: here, and for work beside the service in workshop.py, the ports meet their adapters."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from types import ModuleType

from litestar import Litestar

from adapters.arrow.late import ipc_schema, parquet_file
from adapters.chores import PostgresChores
from adapters.engines.bulkhead import Guarded, Patience
from adapters.engines.by_name import Engines, LateEngines
from adapters.engines.signs import worked
from adapters.event_log.feed import Feed
from adapters.event_log.mapper import Mapper
from adapters.event_log.opened import OpenedLog
from adapters.event_log.recorder import LOG_LOCK
from adapters.event_log.store import PostgresEventStore
from adapters.executors.choosing import local_executor, ray_executor
from adapters.leases import PostgresLeases
from adapters.locations import RootedLocations
from adapters.oidc.role_book import PostgresRoleBook
from adapters.oidc.tokens import oidc_tokens
from adapters.postgres.database import Database
from adapters.postgres.elected import Elected
from adapters.postgres.locked_texts import LockedTexts
from adapters.sealing.copy import OutsideCopy
from adapters.sealing.ownership import Owner
from adapters.sealing.reading import PostgresSeal
from adapters.sealing.sealer import NAME as SEAL
from adapters.sealing.sealer import Sealer
from adapters.sealing.signing import KeyFiles
from adapters.system import RandomIds, SystemClock
from adapters.tallies import PostgresTallies
from adapters.tokens import PostgresTokens
from adapters.views.approval_reading import PostgresApprovals
from adapters.views.audit_trail import PostgresTrail
from adapters.views.catalogue import FOLLOWED, INLINE, VIEWS
from adapters.views.dataset_tables import table_conflict
from adapters.views.follower import Follower, Projection
from adapters.views.glances import PostgresGlances
from adapters.views.past import PostgresHistory
from adapters.views.reading import PostgresViews
from adapters.views.rebuilding import PostgresReplays
from adapters.views.subject_names import PostgresSubjects
from adapters.views.vitals import PostgresVitalSigns
from adapters.views.webhook_deliveries import DELIVERIES, Announcing
from adapters.views.whereabouts import PostgresWhereabouts
from adapters.webhooks.book import PostgresWebhooks
from adapters.webhooks.queue import PostgresDeliveries
from adapters.webhooks.sending import HttpMessenger
from adapters.workbench import PostgresWorkbench
from api.courier import Courier
from api.housekeeper import Housekeeper
from api.http.app import create_app
from api.measuring import MeasuredLeases, MeasuredStore
from api.metrics import Exposition
from api.settings import OTEL_SDK_DISABLED, OTLP_ENDPOINTS, Settings
from api.stopping import Ending
from api.tracing import NoTracing, TracedStore, Tracing
from api.vigil import Vigil
from api.worker import Worker
from domain.engine import Executor
from domain.handlers.alarms import raise_seal_alarm
from domain.handlers.house import House
from domain.ports import EventStore, Tokens
from domain.replay import Replays
from domain.webhook.addresses import allowance

SECONDS_OF_METRICS = 2.0
"""How old what /metrics answers with may be."""


@dataclass(frozen=True)
class Parts:
    """What a process holds while it lives."""

    house: House
    database: Database
    feed: Feed
    glances: PostgresGlances
    tracing: Tracing
    tokens: Tokens


LOOKS = Patience(seconds=20.0, most_inside=4)
"""Of those who look at a table while somebody waits for the answer."""
WORK = Patience(seconds=30.0, signs=worked, pause=30)
"""Of a worker, whose calls may take as long as they work."""


@contextmanager
def composed(settings: Settings, url: str, patience: Patience | None = None) -> Iterator[Parts]:
    """The parts over a database that is prepared; they end with the context. Raises ValueError as ``tracing_of``.

    ``patience`` is that with the storage of tables, ``LOOKS`` where nothing is said.
    """
    tracing = tracing_of(settings)
    database = Database(url)
    ids, clock = RandomIds(), SystemClock()
    texts = LockedTexts(database)
    stored = PostgresEventStore(
        database, clock, ids, inline=INLINE, conflict=table_conflict, mapper=Mapper(texts=texts)
    )
    store, reader, opened = MeasuredStore(stored), OpenedLog(stored, texts.unlock), database.shown(texts.unlock)
    feed, glances = Feed(url), PostgresGlances(url, texts.unlock)
    tokens, role_book = PostgresTokens(opened, feed), PostgresRoleBook(opened, feed)
    house = House(
        store=TracedStore(store, tracing) if settings.traces else store,
        reader=reader,
        views=PostgresViews(opened),
        engines=LateEngines(engines_of(settings, patience or LOOKS)),
        history=PostgresHistory(opened),
        seal=PostgresSeal(database, KeyFiles(settings.seal_key_file), OutsideCopy(settings.seal_copy_file)),
        locations=locations_of(settings),
        ids=ids,
        whereabouts=PostgresWhereabouts(database, store),
        trail=PostgresTrail(database, reader),
        subjects=PostgresSubjects(database, texts.forget),
        tallies=PostgresTallies(database, clock),
        tokens=tokens,
        role_book=role_book,
        approvals=PostgresApprovals(database),
        webhooks=PostgresWebhooks(opened),
        webhook_allowance=allowance(settings.webhook_allow),
        default_policy=settings.approval_hazards,
        clock=clock,
        projections=tuple(view.name for view in VIEWS),
    )
    feed.start()
    try:
        yield Parts(house, database, feed, glances, tracing, tokens_of(settings, tokens, role_book))
    finally:
        feed.stop()
        glances.close()
        database.close()
        tracing.close()


def locations_of(settings: Settings) -> RootedLocations:
    return RootedLocations(settings.table_roots, settings.object_roots)


def engines_of(settings: Settings, patience: Patience) -> Guarded:
    """What makes engines that look at each opening whether a table still lies where tables may, and wait so long."""
    return Guarded(Engines(settings.storage_options, locations_of(settings).allowed), patience)


def tokens_of(settings: Settings, own: Tokens, role_book: PostgresRoleBook) -> Tokens:
    return own if settings.oidc is None else oidc_tokens(own, role_book, **asdict(settings.oidc))


def vital_signs(database: Database) -> PostgresVitalSigns:
    return PostgresVitalSigns(database, [*(projection.name for projection in FOLLOWED), DELIVERIES, SEAL])


def demo_data() -> ModuleType:
    """What the demo works on: adapters/flights.py, read only when it is asked for."""
    from adapters import flights

    return flights


def make_engines(house: House) -> None:
    """Has the engines made beside what else begins: nobody waits for them who does not ask for a table at once."""
    Thread(target=lambda: [house.engines[name] for name in house.engines], name="engines").start()


def create_http(settings: Settings) -> Litestar:
    """The ASGI application of one API process; what it holds ends with the application."""
    assert settings.database_url is not None
    holding = composed(settings, settings.database_url)
    parts = holding.__enter__()
    app = create_app(
        parts.house,
        parts.tokens,
        parts.feed,
        parts.glances,
        ipc_schema,
        parquet_file,
        {"database": parts.database.problem, "feed": parts.feed.problem},
        Exposition(vital_signs(parts.database)),
        rate_limit=settings.rate_limit,
        request_seconds=settings.request_seconds,
        tracing=parts.tracing if settings.traces else None,
        trusted_proxies=settings.trusted_proxies,
        metrics_seconds=SECONDS_OF_METRICS,
    )
    make_engines(parts.house)
    app.on_shutdown.append(lambda: holding.__exit__(None, None, None))
    return app


def sealer_of(settings: Settings, house: House) -> Sealer:
    alarm = partial(raise_seal_alarm, house.store, house.clock)
    return Sealer(KeyFiles(settings.seal_key_file), OutsideCopy(settings.seal_copy_file), alarm)


def tracing_of(settings: Settings) -> Tracing:
    """Raises ValueError when there is a collector, and the extra that speaks to it is not installed."""
    if not settings.traces:
        return NoTracing()
    try:
        from adapters.open_telemetry import OpenTelemetryTracing
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{OTLP_ENDPOINTS[1]} is set, and OpenTelemetry is not installed: pip install 'schemaledger[otel]', "
            f"or {OTEL_SDK_DISABLED}=true."
        ) from error
    return OpenTelemetryTracing()


def executor_of(settings: Settings) -> Executor:
    """Raises ValueError when Ray is wanted and not installed."""
    if settings.executor == "ray":
        return ray_executor(engines_of(settings, WORK), settings.ray_address, settings.worker_threads)
    return local_executor(settings.worker_threads, settings.worker_memory, settings.worker_processes)


def replays_of(url: str, database: Database, store: EventStore) -> Replays:
    return PostgresReplays(url, database, store, VIEWS, LOG_LOCK, LockedTexts(database).unlock)


@contextmanager
def working(settings: Settings, url: str, name: str, stop: Ending) -> Iterator[Worker]:
    """A worker with what goes on beside it: followers of the log, the seal, the courier, and housekeeping."""
    vigil = Vigil()
    with composed(settings, url, replace(WORK, progressed=vigil.progressed)) as parts:
        announcing = Projection(DELIVERIES, Announcing(parts.house.store, parts.house.whereabouts).statements)
        followers = [Follower(url, parts.house.store, projection) for projection in (*FOLLOWED, announcing)]
        bell = Event()
        stop.wakes(bell.set)
        for wake in (bell.set, *(follower.wake for follower in followers)):
            parts.feed.on_append(wake)
        # Not woken: what a second brings is sealed at once. Who has no key leaves it to the others.
        sealer = sealer_of(settings, parts.house)
        stands = Owner(sealer.keys).stands
        sealers = [Elected(url, SEAL, sealer.has_more, stands)] if sealer.keys.are_expected else []
        chores, keep = PostgresChores(parts.database, LOG_LOCK), settings.keep_operations
        housekeeper = Housekeeper(parts.house, chores, keep, settings.approve_within, settings.drift_every)
        messenger = HttpMessenger(parts.house.webhook_allowance)
        courier = Courier(parts.house, PostgresDeliveries(parts.database), messenger, name)

        def rest(seconds: float) -> None:
            bell.wait(seconds)
            bell.clear()

        executor = executor_of(settings)
        make_engines(parts.house)
        beside: list[Elected | Housekeeper | Courier] = [*followers, *sealers, housekeeper, courier]
        for one in beside:
            one.start()
        try:
            yield Worker(
                name=name,
                house=parts.house,
                leases=MeasuredLeases(PostgresLeases(parts.database)),
                workbench=PostgresWorkbench(parts.database),
                rest=rest,
                stop=stop,
                executor=executor,
                term=timedelta(seconds=settings.lease_seconds),
                tracing=parts.tracing,
                replays=replays_of(url, parts.database, parts.house.store),
                vigil=vigil,
            )
        finally:
            executor.close()
            for one in reversed(beside):
                one.stop()
