"""What a known caller is refused is written down, bounded, before he is answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.postgres.database import Database
from adapters.tallies import PostgresTallies
from api.compose import composed
from domain.facts import Origin, Recorded
from domain.handlers.house import House
from domain.handlers.witnessing import MOST_AN_HOUR, record_denial, settle_tallies
from domain.trail.events import CommandDenied, FurtherCounted
from tests.api.conftest import Api

DROP_ID = {"type": "drop_column", "params": {"name": "nobody"}}
NINE = datetime(2026, 3, 3, 9, 59, tzinfo=UTC)


@contextmanager
def house_of(api: Api) -> Iterator[House]:
    with composed(api.settings, api.settings.database_url or "") as parts:
        yield parts.house


def denials(api: Api) -> list[Recorded]:
    with house_of(api) as house:
        return [event for event in house.reader.read(0, 10_000) if isinstance(event.fact, CommandDenied)]


def test_a_refused_migration_is_written_down_with_who_and_where_from(idle_api: Api) -> None:
    table = idle_api.new_table()
    answer = idle_api.migrate(table, DROP_ID, X_Request_Id="r-77")
    assert answer.status_code == 400
    (event,) = denials(idle_api)
    assert isinstance(event.fact, CommandDenied)
    assert event.fact.command == "POST /dataset-tables/{tableId}/migrations"
    assert event.fact.code == answer.json()["code"] == "validation_failed"
    assert event.fact.message == answer.json()["error"]
    assert str(event.fact.table_id) == table
    assert (event.metadata.origin.actor, event.metadata.origin.request_id) == ("admin", "r-77")


@pytest.mark.parametrize(("header", "code"), [("v7", "schema_version_mismatch"), ("x", "header_invalid")])
def test_stale_and_malformed_conditions_are_denials_too(idle_api: Api, header: str, code: str) -> None:
    table = idle_api.new_table()
    assert idle_api.migrate(table, DROP_ID, If_Match=f'"{header}"').json()["code"] == code
    assert [event.fact.code for event in denials(idle_api) if isinstance(event.fact, CommandDenied)] == [code]


def test_what_is_only_asked_or_read_or_nobodys_is_no_denial(idle_api: Api) -> None:
    table = idle_api.new_table()
    assert idle_api.get("/dataset-tables/nowhere").status_code == 404
    assert idle_api.post(f"/dataset-tables/{table}/migrations/plan", {"operations": []}).status_code == 400
    assert idle_api.client.post(f"/dataset-tables/{table}/migrations", json={}).status_code == 401
    bad = {"Authorization": "Bearer sl_0000"}
    assert idle_api.client.post(f"/dataset-tables/{table}/migrations", headers=bad, json={}).status_code == 401
    assert denials(idle_api) == []


def test_a_hostile_caller_cannot_fill_the_log(idle_api: Api) -> None:
    denied = CommandDenied(command="POST /x", code="c", message="m")
    clock = Clock(NINE)
    with house_of(idle_api) as given:
        database = Database(idle_api.settings.database_url or "")
        house = replace(given, tallies=PostgresTallies(database, clock))
        before = house.store.read(0, 10_000)
        for _ in range(MOST_AN_HOUR + 5):
            record_denial(house, denied, Origin(actor="mallory"))
        record_denial(house, denied, Origin(actor="alice"))
        assert settle_tallies(house) == 0
        clock.moment += timedelta(minutes=1)
        record_denial(house, denied, Origin(actor="mallory"))
        assert settle_tallies(house) == 1
        assert settle_tallies(house) == 0
        events = house.store.read(before[-1].position if before else 0, 10_000)
        by_actor = [event.metadata.origin.actor for event in events]
        assert by_actor == [*["mallory"] * MOST_AN_HOUR, "alice", "mallory", "system"]
        hour = NINE.replace(minute=0)
        assert events[-1].fact == FurtherCounted(deed="denied", caller="mallory", hour=hour, count=5)
        # The end of the hour is in the stream of its denials.
        assert (events[-1].stream, events[-1].version) == (events[0].stream, MOST_AN_HOUR + 1)
        database.close()


def test_the_rest_is_counted_once_though_a_crash_comes_between(idle_api: Api) -> None:
    clock = Clock(NINE)
    with house_of(idle_api) as given:
        database = Database(idle_api.settings.database_url or "")
        tallies = PostgresTallies(database, clock)
        house = replace(given, tallies=Forgetless(database, clock))
        for _ in range(MOST_AN_HOUR + 1):
            record_denial(house, CommandDenied(command="POST /x", code="c", message="m"), Origin(actor="mallory"))
        clock.moment += timedelta(hours=1)
        settle_tallies(house)
        settle_tallies(replace(given, tallies=tallies))
        assert list(tallies.past()) == []
        assert sum(isinstance(event.fact, FurtherCounted) for event in house.store.read(0, 10_000)) == 1
        database.close()


class Clock:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


class Forgetless(PostgresTallies):
    """As if the process died before it could forget."""

    def forget(self, tally: object) -> None: ...
