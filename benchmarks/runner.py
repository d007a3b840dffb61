"""The library's way to keep a view: its ProjectionRunner over the same log, with our statements of the status view."""

import time
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import Mapper, Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg import conninfo

from adapters.event_log.mapper import Mapper as OurMapper
from adapters.views.operation_status import operation_status
from domain.facts import Fact


class Happened(NamedTuple):
    stream: UUID
    version: int
    fact: Fact


class StoredMapper(Mapper[UUID]):
    """Reads our log's bytes for the library."""

    ours = OurMapper()

    def to_domain_event(self, stored: Any) -> Any:
        _, fact = self.ours.from_stored(stored.topic, bytes(stored.state))
        return Happened(stored.originator_id, stored.originator_version, fact)


class Stored(Application[UUID]):
    """Its name makes ``stored_events`` its table."""

    def construct_mapper(self) -> Mapper[UUID]:
        return self.factory.mapper(mapper_class=StoredMapper)


class StatusView(PostgresTrackingRecorder):
    def apply(self, event: Happened, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            for statement in operation_status(event.stream, event.version, event.fact):
                cursor.execute(statement.sql.encode(), statement.parameters)
            self._insert_tracking(cursor, tracking)


class StatusProjection(Projection[StatusView]):
    name = "status"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.apply(domain_event, tracking)


def run_status_view(url: str, events: int) -> float:
    """The seconds that the runner takes to get over the first events, from nothing, its start not included."""
    parts = {key: str(value) for key, value in conninfo.conninfo_to_dict(url).items()}
    env = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.get("dbname", ""),
        "POSTGRES_HOST": parts.get("host", ""),
        "POSTGRES_PORT": parts.get("port", "5432"),
        "POSTGRES_USER": parts.get("user", ""),
        "POSTGRES_PASSWORD": parts.get("password", ""),
        "STORED_CREATE_TABLE": "n",
    }
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE operation_status_v1")
        connection.execute("DROP TABLE IF EXISTS status_tracking")
    with ProjectionRunner(
        application_class=Stored, projection_class=StatusProjection, view_class=StatusView, env=env
    ) as runner:
        runner.wait(1, timeout=30)
        began = time.perf_counter()
        runner.wait(events, timeout=120)
        return time.perf_counter() - began
