"""Somebody is erased: their words are gone wherever they were, what others wrote stays, and every proof still holds."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from adapters.event_log.mapper import Mapper
from adapters.event_log.store import PostgresEventStore
from adapters.postgres import locked_texts
from adapters.postgres.database import Database
from adapters.postgres.locked_texts import CLOSING, OPENING, LockedTexts
from adapters.sealing.inspecting import Inspection
from adapters.sealing.signing import KeyFiles
from adapters.system import RandomIds, SystemClock
from adapters.views.catalogue import INLINE, VIEWS
from api.workshop import inspection, replaying
from domain.facts import Append, Origin
from domain.operation.events import OperationRequested
from domain.subject.events import SubjectErased
from domain.subject.texts import ERASED
from tests.adapters.conftest import requested
from tests.api.conftest import Api
from tests.domain.audit import stranger

ADD = {"type": "add_column", "params": {"name": "city", "dataType": "utf8", "nullable": True}}
DROP = {"type": "drop_column", "params": {"name": "age"}}
SECRET = "for Ann, whose mother is ill"


def unwatched(done: int, total: int) -> None:
    """Nobody waits."""


class Caller(Api):
    """Somebody with a token of their own."""

    def __init__(self, api: Api, subject: str) -> None:
        grants = [{"roles": ["admin"]}]
        made = api.post("/tokens", {"subject": subject, "grants": grants})
        assert made.status_code == 201, made.text
        super().__init__(api.client, made.json()["secret"], api.settings)


def wrote(caller: Api, table: str, text: str, *operations: dict[str, Any]) -> str:
    body = {"operations": list(operations), "description": text}
    answer = caller.post(f"/dataset-tables/{table}/migrations", body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["operationId"])


def everything_shown(api: Api, table: str, operation: str) -> str:
    """All that the service says of a table, its migrations and operations."""
    migration = api.get(f"/operations/{operation}").json()["migrationId"]
    paths = [
        f"/dataset-tables/{table}",
        f"/dataset-tables/{table}/migrations",
        f"/dataset-tables/{table}/migrations/{migration}",
        f"/dataset-tables/{table}/columns/id/history",
        f"/operations/{operation}",
        "/operations",
        f"/operations/{operation}/events",
        "/audit/events?pageSize=200",
        "/audit/events?format=csv",
    ]
    return "".join(api.get(path).text for path in paths)


def stored(url: str) -> str:
    """Every row of every table of the database, the keys aside."""
    with psycopg.connect(url) as connection:
        named = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [
            connection.execute(f"SELECT to_jsonb(t)::text FROM {name} AS t".encode()).fetchall() for (name,) in named
        ]
        states = connection.execute("SELECT convert_from(state, 'UTF8') FROM stored_events").fetchall()
    return "".join(text for found in [*rows, states] for (text,) in found)


def test_what_was_written_is_read_until_its_writer_is_erased_and_nowhere_after(api: Api, database_url: str) -> None:
    ann, bob = Caller(api, "ann"), Caller(api, "bob")
    table = ann.new_table()
    first = wrote(ann, table, SECRET, ADD)
    assert api.finished(first)["status"] == "completed"
    second = wrote(bob, table, "Bob says so", DROP)
    assert api.finished(second)["status"] == "completed"
    assert ann.post(f"/operations/{first}/cancel", {"reason": SECRET}).status_code == 409
    assert SECRET in everything_shown(api, table, first)
    # Only its writer's key makes it readable: it lies in the clear nowhere, before or after.
    assert SECRET not in stored(database_url)

    assert api.post("/subjects/erase", {"subjectId": "ann"}).status_code == 204
    shown = everything_shown(api, table, first)
    assert SECRET not in shown
    assert ERASED in shown
    assert OPENING not in shown
    assert CLOSING not in shown
    assert "Bob says so" in everything_shown(api, table, second)
    assert api.get(f"/operations/{first}").json()["description"] == ERASED
    erased = api.get("/audit/events", type="subject.erased").json()["events"]
    assert [(event["actor"], event["details"]) for event in erased] == [("admin", {"subject": "ann"})]


def test_every_proof_of_the_log_holds_after_an_erasure(api: Api, database_url: str) -> None:
    ann = Caller(api, "ann")
    operation = wrote(ann, ann.new_table(), SECRET, ADD)
    api.finished(operation)
    events = api.events()
    with psycopg.connect(database_url) as connection:
        before = connection.execute("SELECT * FROM stored_events ORDER BY notification_id").fetchall()
    api.post("/subjects/erase", {"subjectId": "ann"})
    with psycopg.connect(database_url) as connection:
        after = connection.execute("SELECT * FROM stored_events ORDER BY notification_id").fetchall()
    assert after[: len(before)] == before
    assert api.events() >= events + 1
    sealed_up_to(api, len(after))
    with inspection(api.settings, database_url) as looking:
        assert isinstance(looking, Inspection)
        assert list(looking.problems(unwatched)) == []
        assert looking.sealed >= len(after)


def test_evidence_holds_that_was_taken_before_an_erasure_and_that_is_taken_after_it(api: Api) -> None:
    ann = Caller(api, "ann")
    table = ann.new_table()
    api.finished(wrote(ann, table, SECRET, ADD))
    before = evidence_of(api, table)
    api.post("/subjects/erase", {"subjectId": "ann"})
    after = evidence_of(api, table)
    keys = [str(key) for key in KeyFiles(api.settings.seal_key_file).known()]
    for bundle in (before, after):
        assert stranger.verify(bundle, *keys) == f"table {table}"
        assert SECRET.encode() not in bundle
    lines = {name: content for name, content in stranger.unpacked(before) if name.startswith("events/")}
    assert dict(stranger.unpacked(after)).items() >= lines.items()


def evidence_of(api: Api, table: str) -> bytes:
    sealed_up_to(api, max(event["position"] for event in api.get("/audit/events", tableId=table).json()["events"]))
    return bytes(api.get("/audit/evidence", tableId=table).content)


def sealed_up_to(api: Api, size: int) -> None:
    while True:
        found = api.get("/audit/checkpoints", pageSize=1).json()["checkpoints"]
        if found and found[0]["treeSize"] >= size:
            return


def test_somebody_elses_copy_of_the_words_is_erased_with_their_writer(idle_api: Api) -> None:
    """Whoever retries an operation repeats what it was for."""
    ann, bob = Caller(idle_api, "ann"), Caller(idle_api, "bob")
    operation = wrote(ann, bob.new_table(), SECRET, ADD)
    assert bob.post(f"/operations/{operation}/cancel", {"reason": "Bob's own"}).status_code == 202
    retried = bob.post(f"/operations/{operation}/retry").json()
    assert retried["description"] == SECRET
    idle_api.post("/subjects/erase", {"subjectId": "ann"})
    assert idle_api.get(f"/operations/{retried['operationId']}").json()["description"] == ERASED
    seen = idle_api.get(f"/operations/{operation}").json()
    assert seen["description"] == ERASED
    assert seen["cancellation"]["reason"] == "Bob's own"
    assert seen["progressMessage"] == "Cancelled: Bob's own"
    idle_api.post("/subjects/erase", {"subjectId": "bob"})
    assert idle_api.get(f"/operations/{operation}").json()["progressMessage"] == f"Cancelled: {ERASED}"


def test_a_view_built_anew_after_an_erasure_is_the_one_that_lived_through_it(api: Api, database_url: str) -> None:
    ann = Caller(api, "ann")
    operation = UUID(wrote(ann, ann.new_table(), SECRET, ADD))
    api.finished(str(operation))
    with replaying(database_url) as replays, replays.as_of(api.events(), unwatched) as then:
        seen = then.operation(operation)
    assert seen is not None
    assert seen.description == SECRET
    api.post("/subjects/erase", {"subjectId": "ann"})
    api.get("/audit/events")
    with replaying(database_url) as replays:
        verified = replays.verify(replays.names, unwatched)
        with replays.as_of(api.events(), unwatched) as then:
            seen = then.operation(operation)
    assert [view.discrepancy for view in verified] == [None] * len(VIEWS)
    assert seen is not None
    assert seen.description == ERASED


def test_who_is_erased_may_come_back_and_writes_under_another_key(idle_api: Api) -> None:
    ann = Caller(idle_api, "ann")
    table = ann.new_table()
    first = wrote(ann, table, SECRET, ADD)
    idle_api.post("/subjects/erase", {"subjectId": "ann"})
    second = wrote(ann, table, "a new beginning", DROP)
    assert idle_api.get(f"/operations/{first}").json()["description"] == ERASED
    assert idle_api.get(f"/operations/{second}").json()["description"] == "a new beginning"


def test_names_are_shown_where_the_log_has_ids_and_are_forgotten_too(api: Api) -> None:
    ann = Caller(api, "u-17")
    ann.new_table()
    named = api.post("/subjects", {"subjectId": "u-17", "name": "Ann Example"})
    assert named.json()["name"] == "Ann Example"
    assert api.get("/audit/events", actor="u-17").json()["events"][0]["actorName"] == "Ann Example"
    assert {one["subjectId"]: one.get("name") for one in api.get("/subjects").json()["subjects"]}[
        "u-17"
    ] == "Ann Example"
    api.post("/subjects/erase", {"subjectId": "u-17"})
    assert "actorName" not in api.get("/audit/events", actor="u-17").json()["events"][0]
    kinds = [event["type"] for event in api.get("/audit/events", pageSize=200).json()["events"]]
    assert [kind for kind in kinds if kind.startswith("subject.")] == ["subject.named", "subject.erased"]
    assert "Ann Example" not in api.get("/audit/events", format="ndjson").text


def test_erasing_twice_is_erasing_once_and_nobody_cannot_be_erased(idle_api: Api) -> None:
    ann = Caller(idle_api, "ann")
    wrote(ann, ann.new_table(), SECRET, ADD)
    before = idle_api.events()
    for _ in range(2):
        assert idle_api.post("/subjects/erase", {"subjectId": "ann"}).status_code == 204
    assert idle_api.events() == before + 1
    assert idle_api.post("/subjects/erase", {"subjectId": "nobody"}).json()["code"] == "subject_not_found"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


def log_of(database: Database) -> tuple[PostgresEventStore, LockedTexts]:
    """As another process has it, with a memory of its own."""
    texts = LockedTexts(database)
    return PostgresEventStore(database, SystemClock(), RandomIds(), inline=INLINE, mapper=Mapper(texts=texts)), texts


def append(store: PostgresEventStore, *facts: Any, actor: str) -> Append:
    one = Append(stream=RandomIds().new(), expected_version=0, facts=facts)
    store.append([one], Origin(actor=actor))
    return one


def description_of(store: PostgresEventStore, texts: LockedTexts, one: Append) -> str:
    fact = store.load(one.stream)[0].fact
    assert isinstance(fact, OperationRequested)
    return texts.unlock(fact.description)


def test_no_process_writes_under_a_key_that_another_deleted(database: Database) -> None:
    """Or what it wrote could be read by nobody, though its writer was erased before."""
    (here, texts), (there, _) = log_of(database), log_of(database)
    first = append(here, requested(), actor="ann")
    append(there, SubjectErased(subject="ann"), actor="admin")
    second = append(here, requested(), actor="ann")
    assert description_of(here, texts, second) == "why"
    other_store, other_texts = log_of(database)
    assert description_of(other_store, other_texts, first) == ERASED


def test_other_processes_forget_within_seconds(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    store, _ = log_of(database)
    one = append(store, requested(), actor="ann")
    texts = LockedTexts(database, lambda: now[0])
    assert description_of(store, texts, one) == "why"
    append(store, SubjectErased(subject="ann"), actor="admin")
    now[0] += locked_texts.SECONDS_REMEMBERED
    assert description_of(store, texts, one) == ERASED


def test_texts_from_before_there_were_keys_are_read_as_they_are(database: Database) -> None:
    old = PostgresEventStore(database, SystemClock(), RandomIds(), inline=INLINE)
    one = append(old, requested(), actor="ann")
    store, texts = log_of(database)
    assert description_of(store, texts, one) == "why"


@pytest.mark.parametrize("damage", [f"{OPENING}AAAA{CLOSING}", f"{OPENING}x{CLOSING}"])
def test_what_somebody_made_up_opens_nothing(database: Database, damage: str) -> None:
    assert LockedTexts(database).unlock(damage) == ERASED


def test_a_text_is_bound_to_its_event(database: Database) -> None:
    texts, ids = LockedTexts(database), RandomIds()
    locked = texts.lock("Zürich \udce9", "ann", ids.new())
    assert texts.unlock(f"so: {locked}!") == "so: Zürich \udce9!"
    flipped = [
        locked[:place] + ("A" if locked[place] != "A" else "B") + locked[place + 1 :] for place in range(30, 60, 7)
    ]
    assert {texts.unlock(one) for one in flipped} == {ERASED}
