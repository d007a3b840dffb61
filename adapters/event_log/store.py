"""The event store: the port, on PostgreSQL."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError, PersistenceError, StoredEvent
from msgspec.structs import replace
from psycopg.rows import TupleRow
from psycopg_pool import PoolTimeout

from adapters.event_log.mapper import Mapper
from adapters.event_log.recorder import Datastore, Insertion, Place, Recorder
from adapters.event_log.sharing import SharedCommits
from adapters.event_log.streams import StreamLoader
from adapters.postgres.database import AWAY, Database, reason_of
from adapters.postgres.locked_texts import KEY_GONE
from adapters.postgres.statements import Connection, Statement, tuples
from domain.errors import LogUnavailable, Refusal, StreamMoved
from domain.facts import Append, Fact, Metadata, Origin, Recorded, Standing
from domain.operation.events import OperationFact
from domain.ports import Clock, Ids
from domain.role_binding.events import RoleBindingFact
from domain.token.events import TokenFact

Inline = Callable[[UUID, int, Fact], Iterable[Statement]]
"""What an inline view writes for one event, given its stream and version."""

Conflict = Callable[[psycopg.errors.UniqueViolation, Sequence[Append]], Refusal | None]
"""The refusal that a violated uniqueness of an inline view means, or None when it is none of its."""


def no_conflict(violation: psycopg.errors.UniqueViolation, appends: Sequence[Append]) -> Refusal | None:  # noqa: ARG001
    """For a store without inline views."""
    return None


TOLD = (OperationFact, TokenFact, RoleBindingFact)
"""Of whose changes listeners hear by their stream."""

SELECT = "SELECT originator_id, originator_version, topic, state, notification_id, recorded_at FROM stored_events "
OF_STREAM = "WHERE originator_id = %(stream)s AND originator_version > %(after)s ORDER BY originator_version"
LOAD = SELECT + OF_STREAM
FACTS = "SELECT topic, state FROM stored_events " + OF_STREAM  # noqa: S608  # only our own SQL is put together
READ = SELECT + "WHERE notification_id > %(after)s ORDER BY notification_id LIMIT %(limit)s"
AT_POSITIONS = SELECT + "WHERE notification_id = ANY(%(positions)s) ORDER BY notification_id"
AT = SELECT + "WHERE originator_id = %(stream)s AND originator_version = %(version)s"


class TextsErased(Exception):
    """The append was refused as a whole: the key to a text in it was deleted a moment ago."""


class PostgresEventStore:
    """Implements ``EventStore``."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        *,
        inline: Sequence[Inline] = (),
        conflict: Conflict = no_conflict,
        mapper: Mapper | None = None,
        host_clock: Clock | None = None,
    ) -> None:
        """``host_clock`` is this machine's: the log's time does not run far ahead of it."""
        self._database, self._clock, self._ids = database, clock, ids
        self._inline, self._conflict = inline, conflict
        self._mapper = mapper or Mapper()
        self._host_now = None if host_clock is None else host_clock.now
        self._shared: SharedCommits | None = None
        self._making = Lock()

    def load(self, stream: UUID, after: int = 0) -> tuple[Recorded, ...]:
        return self._events(LOAD, {"stream": stream, "after": after})

    def facts(self, stream: UUID, after: int = 0) -> tuple[Fact, ...]:
        return tuple(self._mapper.fact(*row) for row in self._stored(stream, after))

    def standing(self, stream: UUID) -> Standing:
        rows = self._stored(stream, after=0)
        return Standing(self._mapper.lasting(rows), len(rows))

    def read(self, after: int, limit: int) -> tuple[Recorded, ...]:
        return self._events(READ, {"after": after, "limit": limit})

    def at(self, positions: Sequence[int]) -> tuple[Recorded, ...]:
        return self._events(AT_POSITIONS, {"positions": list(positions)})

    def append(self, appends: Sequence[Append], origin: Origin) -> tuple[Recorded, ...]:
        try:
            return self._append(appends, origin)
        except TextsErased:
            # The writer was erased since its key was looked up: what it writes from now on is under another one.
            return self._append(appends, origin)

    def _append(self, appends: Sequence[Append], origin: Origin) -> tuple[Recorded, ...]:
        made, locked = self._locked(appends, origin)
        statements = [statement for append in locked for statement in self._views(append)]
        statements += self._mapper.checks(origin, appends, locked)
        changed = ",".join(str(append.stream) for append in appends if isinstance(append.facts[0], TOLD))
        insertion = Insertion([event.stored for event in made], statements, changed)
        return tuple(map(_as_recorded, made, self._placed(insertion, appends, origin)))

    def _placed(self, insertion: Insertion, appends: Sequence[Append], origin: Origin) -> Sequence[Place]:
        try:
            return self._shared_now().insert(insertion)
        except IntegrityError as error:
            raise self._refusal(error, appends) from error
        except PersistenceError as error:
            if getattr(error.__cause__, "sqlstate", None) == KEY_GONE:
                self._mapper.forget(origin)
                raise TextsErased from error
            if _may_have_committed(error):
                return self._after_a_lost_connection(insertion, appends, error)
            raise _away(error) from error

    def _after_a_lost_connection(
        self, insertion: Insertion, appends: Sequence[Append], error: PersistenceError
    ) -> Sequence[Place]:
        """The commit may have gone through before the connection was lost: look for our own events, then try again."""
        try:
            if places := self._places_of_ours(insertion.events):
                return places
            self._database.pool.check()
            return self._shared_now().insert(insertion)
        except IntegrityError as conflict:
            if places := self._places_of_ours(insertion.events):
                return places
            raise self._refusal(conflict, appends) from conflict
        except PersistenceError:
            raise _away(error) from error

    def _places_of_ours(self, events: Sequence[StoredEvent]) -> Sequence[Place]:
        """Where our events stand, all of them or none. Event ids are unique, so equal bytes are the same event."""
        places = list[Place]()
        for event in events:
            row = self._database.row(AT, {"stream": event.originator_id, "version": event.originator_version})
            if row is None or bytes(row["state"]) != event.state:
                return ()
            places.append(Place(row["notification_id"], row["recorded_at"]))
        return places

    def _refusal(self, error: IntegrityError, appends: Sequence[Append]) -> Refusal:
        cause = error.__cause__
        if isinstance(cause, psycopg.errors.UniqueViolation) and (refusal := self._conflict(cause, appends)):
            return refusal
        return StreamMoved(", ".join(str(append.stream) for append in appends))

    def _locked(self, appends: Sequence[Append], origin: Origin) -> tuple[list["_Made"], list[Append]]:
        """The events to store, and the appends as the views are to see them: with free text under its writer's key."""
        now, made, locked = self._clock.now(), list[_Made](), list[Append]()
        for append in appends:
            facts = list[Fact]()
            for version, given in enumerate(append.facts, start=append.expected_version + 1):
                open_ = Metadata(event_id=self._ids.new(), moment=now, origin=origin)
                metadata, fact = self._mapper.locked(open_, given)
                stored = self._mapper.to_stored(append.stream, version, metadata, fact)
                made.append(_Made(append.stream, stored, open_, given))
                facts.append(fact)
            locked.append(replace(append, facts=tuple(facts)))
        return made, locked

    def _views(self, append: Append) -> Iterable[Statement]:
        for version, fact in enumerate(append.facts, start=append.expected_version + 1):
            for inline in self._inline:
                yield from inline(append.stream, version, fact)

    def _stored(self, stream: UUID, after: int) -> list[TupleRow]:
        statement = Statement(FACTS, {"stream": stream, "after": after})
        return self._database.read(lambda connection: tuples(connection, statement))

    def _events(self, sql: str, parameters: dict[str, Any]) -> tuple[Recorded, ...]:
        return tuple(self._recorded(*row) for row in self._rows(sql, parameters))

    def _rows(self, sql: str, parameters: dict[str, Any]) -> list[TupleRow]:
        def rows(connection: Connection) -> list[TupleRow]:
            with connection.cursor() as cursor:
                cursor.adapters.register_loader("uuid", StreamLoader)
                return tuples(connection, Statement(sql, parameters), cursor)

        return self._database.read(rows)

    def _recorded(
        self, stream: UUID, version: int, topic: str, state: bytes, position: int, recorded_at: datetime
    ) -> Recorded:
        metadata, fact = self._mapper.from_stored(topic, state)
        return Recorded(
            position=position,
            stream=stream,
            version=version,
            recorded_at=recorded_at,
            metadata=metadata,
            fact=fact,
        )

    def _shared_now(self) -> SharedCommits:
        """Made at the first append: the recorder asks the database for the composite type of its rows."""
        with self._making:
            if self._shared is None:
                self._shared = SharedCommits(Recorder(Datastore(self._database), self._host_now).insert_together)
            return self._shared


class _Made(NamedTuple):
    """An event as it is stored, and its metadata and fact as they were given."""

    stream: UUID
    stored: StoredEvent
    metadata: Metadata
    given: Fact


def _as_recorded(made: _Made, place: Place) -> Recorded:
    return Recorded(
        position=place.position,
        stream=made.stream,
        version=made.stored.originator_version,
        recorded_at=place.recorded_at,
        metadata=made.metadata,
        fact=made.given,
    )


CERTAINLY_NOT_WRITTEN = (PoolTimeout, psycopg.errors.LockNotAvailable, psycopg.errors.ReadOnlySqlTransaction)


def _may_have_committed(error: PersistenceError) -> bool:
    """False when the append never began or was refused as a whole."""
    cause = error.__cause__
    return not isinstance(cause, CERTAINLY_NOT_WRITTEN) and (cause is None or isinstance(cause, AWAY))


def _away(error: PersistenceError) -> Exception:
    """LogUnavailable for a database that is away; any other error is a bug and stays as it is."""
    cause = error.__cause__
    return LogUnavailable(reason_of(error)) if cause is None or isinstance(cause, AWAY) else error
