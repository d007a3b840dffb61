"""Webhooks against a real receiver: verified first, signed, at least once, and never to whom they are not meant for."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import lance
import pyarrow as pa
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from adapters.chores import PostgresChores
from adapters.event_log.recorder import LOG_LOCK
from adapters.views.follower import Follower, Projection
from adapters.views.webhook_deliveries import DELIVERIES, Announcing
from adapters.webhooks.queue import PostgresDeliveries
from adapters.webhooks.sending import HttpMessenger, resolved
from api.compose import Parts, composed
from api.courier import Courier
from api.housekeeper import Housekeeper
from domain.engine import Outside
from domain.facts import Origin
from domain.handlers.alarms import look_for_drift_in, raise_seal_alarm, witness_drift
from domain.handlers.outside import adopt_drift
from domain.schema import Schema
from domain.table.identity import Identity
from domain.webhook.schedule import TRIES
from tests.api.conftest import Api
from tests.api.test_access import caller, table_in
from tests.domain.planning import add, change
from tests.receiver import Receiver, echoing, receiving

PATIENCE = 30.0
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
ENDED = ["operation.completed", "operation.failed", "operation.cancelled"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def parts(idle_api: Api) -> Iterator[Parts]:
    """What a worker has, with the follower that queues messages, and nobody who sends them by himself."""
    url = idle_api.settings.database_url or ""
    with composed(idle_api.settings, url) as made:
        announcing = Announcing(made.house.store, made.house.whereabouts)
        follower = Follower(url, made.house.store, Projection(DELIVERIES, announcing.statements))
        made.feed.on_append(follower.wake)
        follower.start()
        yield made
        follower.stop()


def courier(parts: Parts, *, term: timedelta = timedelta(seconds=60)) -> Courier:
    messenger = HttpMessenger(parts.house.webhook_allowance, seconds=5)
    return Courier(parts.house, PostgresDeliveries(parts.database), messenger, "c", term=term, chance=lambda: 0.5)


def webhook(api: Api, receiver: Receiver, *kinds: str, **more: Any) -> str:
    made = api.post("/webhooks", {"url": receiver.url, "eventTypes": list(kinds or ENDED), **more})
    assert made.status_code == 201, made.text
    receiver.secret = made.json()["secret"]
    return str(made.json()["webhookId"])


def verified(api: Api, parts: Parts, receiver: Receiver, *kinds: str, **more: Any) -> str:
    made = webhook(api, receiver, *kinds, **more)
    assert api.post(f"/webhooks/{made}/verify").status_code == 202
    assert courier(parts).deliver_one()
    assert api.get(f"/webhooks/{made}").json()["status"] == "enabled"
    receiver.sent.clear()
    return made


def deliveries(api: Api, made: str, **query: Any) -> list[dict[str, Any]]:
    return list(api.get(f"/webhooks/{made}/deliveries", **query).json()["deliveries"])


def queued(api: Api, made: str, count: int, **query: Any) -> list[dict[str, Any]]:
    """The webhook's deliveries once there are so many."""
    deadline = time.monotonic() + PATIENCE
    while len(found := deliveries(api, made, **query)) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def cancelled(api: Api, table: str) -> str:
    """An operation that has ended, without a worker."""
    operation = str(api.migrate(table, add("x")).json()["operationId"])
    assert api.post(f"/operations/{operation}/cancel", {"reason": "a secret reason"}).status_code == 202
    return operation


def due_now(parts: Parts) -> None:
    """As if the pauses were over."""
    parts.database.rows("UPDATE webhook_deliveries SET next_try_at = clock_timestamp() RETURNING 1 AS one", {})


def test_what_happens_is_told_signed_once_the_receiver_has_said_that_it_wants_it(
    idle_api: Api, parts: Parts, receiver: Receiver
) -> None:
    table = idle_api.new_table()
    made = webhook(idle_api, receiver)
    cancelled(idle_api, table)
    assert not courier(parts).deliver_one()

    asked = idle_api.post(f"/webhooks/{made}/verify")
    assert (asked.status_code, asked.json()["status"]) == (202, "pending")
    assert courier(parts).deliver_one()
    (challenge,) = receiver.messages()
    assert challenge["type"] == "webhook.verification"
    told = idle_api.client.get(asked.headers["Location"], headers=idle_api.headers).json()
    assert (told["status"], told["lastStatusCode"], told["tries"]) == ("delivered", 200, 1)
    assert idle_api.get(f"/webhooks/{made}").json()["status"] == "enabled"

    operation = cancelled(idle_api, table)
    queued(idle_api, made, 2)
    assert courier(parts).deliver_one()
    message = receiver.messages()[1]
    assert message["type"] == "operation.cancelled"
    assert message["data"]["operationId"] == operation
    assert message["data"]["tableId"] == table
    assert message["data"]["links"]["operation"] == f"/operations/{operation}"
    assert idle_api.get(message["data"]["links"]["operation"]).status_code == 200
    assert b"secret" not in receiver.sent[1][1]
    # What was before is not told later.
    assert not courier(parts).deliver_one()
    assert len(deliveries(idle_api, made)) == 2
    with pytest.raises(WebhookVerificationError):
        Webhook(receiver.secret).verify(receiver.sent[1][1] + b" ", receiver.sent[1][0])


def test_who_does_not_send_the_challenge_back_gets_nothing_else(
    idle_api: Api, parts: Parts, receiver: Receiver
) -> None:
    for answer, error in (
        ((200, b""), "challenge_not_echoed"),
        ((200, b'{"challenge": "another"}'), "challenge_not_echoed"),
        ((401, b""), "answered"),
        ((302, b"http://127.0.0.1:1/"), "redirected"),
        ((410, b""), "gone"),
    ):
        made = webhook(idle_api, receiver)
        receiver.behave = lambda *_, answer=answer: answer
        idle_api.post(f"/webhooks/{made}/verify")
        while courier(parts).deliver_one():
            due_now(parts)
        (told,) = deliveries(idle_api, made)
        assert (told["status"], told["lastError"], told["lastStatusCode"]) == ("failed", error, answer[0])
        assert told["tries"] == (1 if error == "gone" else 3)
        assert idle_api.get(f"/webhooks/{made}").json()["status"] == "unverified"
    cancelled(idle_api, idle_api.new_table())
    assert not courier(parts).deliver_one()


def test_a_challenge_may_come_back_as_text(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    receiver.behave = lambda _, body: (200, json.loads(body)["data"]["challenge"].encode() + b"\n")
    verified(idle_api, parts, receiver)


def test_a_message_that_is_not_taken_comes_again_with_the_same_id(
    idle_api: Api, parts: Parts, receiver: Receiver
) -> None:
    made = verified(idle_api, parts, receiver)
    answers = [(503, b""), (500, b"no"), (200, b"")]
    receiver.behave = lambda *_: answers.pop(0)
    cancelled(idle_api, idle_api.new_table())
    queued(idle_api, made, 2)
    for tries, expected in ((1, "pending"), (2, "pending"), (3, "delivered")):
        assert courier(parts).deliver_one()
        told = deliveries(idle_api, made)[0]
        assert (told["status"], told["tries"]) == (expected, tries)
        if expected == "pending":
            assert told["lastError"] == "answered"
            assert told["nextTryAt"] > told["lastTriedAt"]
            assert not courier(parts).deliver_one()
            due_now(parts)
    receiver.messages()
    assert receiver.ids() == [told["deliveryId"]] * 3
    assert len({body for _, body in receiver.sent}) == 1
    assert "nextTryAt" not in told
    assert "lastError" not in told


def test_who_takes_nothing_for_days_is_disabled_and_says_so(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made, table = verified(idle_api, parts, receiver), idle_api.new_table()
    cancelled(idle_api, table)
    queued(idle_api, made, 2)
    receiver.behave = lambda *_: (500, b"")
    for _ in range(TRIES):
        assert courier(parts).deliver_one()
        due_now(parts)
    told = idle_api.get(f"/webhooks/{made}").json()
    assert (told["status"], told["disabledReason"]) == ("disabled", "failing")
    assert deliveries(idle_api, made)[0]["status"] == "failed"
    cancelled(idle_api, table)
    assert idle_api.post(f"/webhooks/{made}/verify").json()["code"] == "webhook_not_enabled"
    delivery = deliveries(idle_api, made)[0]["deliveryId"]
    refused = idle_api.post(f"/webhooks/{made}/deliveries/{delivery}/resend")
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_not_enabled")

    receiver.behave = echoing
    enabled = idle_api.client.patch(f"/webhooks/{made}", headers=idle_api.headers, json={"enabled": True})
    assert enabled.json()["status"] == "enabled"
    cancelled(idle_api, table)
    # What happened while it was disabled is not sent.
    assert len(queued(idle_api, made, 3)) == 3
    assert courier(parts).deliver_one()
    assert not courier(parts).deliver_one()


def test_who_takes_others_meanwhile_is_not_disabled_for_one(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made, table = verified(idle_api, parts, receiver), idle_api.new_table()
    first = cancelled(idle_api, table)
    queued(idle_api, made, 2)
    receiver.behave = lambda _, body: (500 if first.encode() in body else 200, b"")
    for number in range(TRIES):
        if number == 5:
            cancelled(idle_api, table)
            queued(idle_api, made, 3)
        while courier(parts).deliver_one():
            pass
        due_now(parts)
    assert [told["status"] for told in deliveries(idle_api, made)][:2] == ["delivered", "failed"]
    assert idle_api.get(f"/webhooks/{made}").json()["status"] == "enabled"


def test_410_ends_it_at_once(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made = verified(idle_api, parts, receiver)
    receiver.behave = lambda *_: (410, b"")
    cancelled(idle_api, idle_api.new_table())
    queued(idle_api, made, 2)
    assert courier(parts).deliver_one()
    told = idle_api.get(f"/webhooks/{made}").json()
    assert (told["status"], told["disabledReason"]) == ("disabled", "gone")
    assert "disabledAt" in told


def test_a_message_is_sent_again_on_request(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made = verified(idle_api, parts, receiver)
    cancelled(idle_api, idle_api.new_table())
    delivery = queued(idle_api, made, 2)[0]["deliveryId"]
    assert courier(parts).deliver_one()
    again = idle_api.post(f"/webhooks/{made}/deliveries/{delivery}/resend")
    assert (again.status_code, again.json()["status"], again.json()["tries"]) == (202, "pending", 0)
    assert courier(parts).deliver_one()
    assert receiver.ids() == [delivery, delivery]
    assert receiver.sent[0][1] == receiver.sent[1][1]
    challenge = deliveries(idle_api, made)[1]["deliveryId"]
    for unknown in (challenge, "x", made):
        refused = idle_api.post(f"/webhooks/{made}/deliveries/{unknown}/resend")
        assert (refused.status_code, refused.json()["code"]) == (404, "delivery_not_found")


def test_killed_between_sending_and_saying_so_it_is_sent_again_with_the_same_id(
    idle_api: Api, parts: Parts, receiver: Receiver
) -> None:
    made = verified(idle_api, parts, receiver)
    cancelled(idle_api, idle_api.new_table())
    queued(idle_api, made, 2)

    class Killed(PostgresDeliveries):
        def delivered(self, *_: Any) -> None:
            raise KeyboardInterrupt

    messenger = HttpMessenger(parts.house.webhook_allowance)
    over = timedelta(seconds=-1)
    dying = Courier(parts.house, Killed(parts.database), messenger, "dying", term=over)
    with pytest.raises(KeyboardInterrupt):
        dying.deliver_one()
    assert deliveries(idle_api, made)[0]["status"] == "pending"
    assert courier(parts).deliver_one()
    assert deliveries(idle_api, made)[0]["status"] == "delivered"
    assert len(set(receiver.ids())) == 1
    assert len(receiver.sent) == 2


def test_what_is_claimed_is_nobody_elses(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made, table = verified(idle_api, parts, receiver), idle_api.new_table()
    for _ in range(12):
        cancelled(idle_api, table)
    queued(idle_api, made, 13)
    couriers = [courier(parts) for _ in range(2)]
    for one in couriers:
        one.start()
    receiver.wait_for(lambda: len(receiver.sent) >= 12)
    for one in couriers:
        one.stop()
    assert len(receiver.ids()) == len(set(receiver.ids())) == 12
    receiver.messages()


def test_one_that_is_slow_keeps_nobody_else_waiting(idle_api: Api, parts: Parts) -> None:
    table, enough = idle_api.new_table(), threading.Event()
    with receiving() as slow, receiving() as fast:
        dull = verified(idle_api, parts, slow)
        quick = verified(idle_api, parts, fast)
        slow.behave = lambda *_: (200 if enough.wait(PATIENCE) else 500, b"")
        for _ in range(10):
            cancelled(idle_api, table)
        queued(idle_api, dull, 11)
        queued(idle_api, quick, 11)
        one = courier(parts)
        one.start()
        fast.wait_for(lambda: len(fast.sent) == 10)
        # It is asked twice at a time, and not more often.
        assert 1 <= len(slow.sent) <= 2
        enough.set()
        slow.wait_for(lambda: len(slow.sent) == 10)
        one.stop()


def test_while_a_secret_changes_both_sign(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made, table = verified(idle_api, parts, receiver), idle_api.new_table()
    old = receiver.secret
    rotated = idle_api.post(f"/webhooks/{made}/rotate", {"overlapHours": 1})
    assert (rotated.status_code, rotated.headers["cache-control"]) == (200, "no-store")
    new = rotated.json()["secret"]
    assert "previousSecretUntil" in rotated.json()
    cancelled(idle_api, table)
    queued(idle_api, made, 2)
    assert courier(parts).deliver_one()
    headers, body = receiver.sent[-1]
    for secret in (old, new):
        Webhook(secret).verify(body, headers)

    last = idle_api.post(f"/webhooks/{made}/rotate", {"overlapHours": 0}).json()["secret"]
    cancelled(idle_api, table)
    queued(idle_api, made, 3)
    assert courier(parts).deliver_one()
    headers, body = receiver.sent[-1]
    Webhook(last).verify(body, headers)
    for secret in (old, new):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)
    parts.database.rows("UPDATE webhook_secrets SET made_at = made_at - interval '2 hours' RETURNING 1 AS one", {})
    assert parts.house.webhooks.forget_secrets() == 2


def test_a_secret_is_told_once_and_is_in_no_event(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made = verified(idle_api, parts, receiver, description="for the pipeline")
    for path in ("/webhooks", f"/webhooks/{made}", f"/webhooks/{made}/deliveries"):
        assert receiver.secret not in idle_api.get(path).text
        assert "secret" not in idle_api.get(path).text
    secret = receiver.secret.removeprefix("whsec_").encode()
    rows = parts.database.rows("SELECT topic, state FROM stored_events WHERE topic LIKE 'webhook.%%'", {})
    assert [row["topic"] for row in rows] == ["webhook.created", "webhook.verification_requested", "webhook.verified"]
    assert not any(secret in bytes(row["state"]) for row in rows)


def test_a_webhook_is_told_no_more_than_its_maker_may_read(idle_api: Api, receiver: Receiver) -> None:
    manage = {"scopes": ["webhooks:manage", "operations:read"], "datasets": ["shop"]}
    ana, table, other = (
        caller(idle_api, manage),
        table_in(idle_api, "shop", "orders"),
        table_in(idle_api, "store", "stock"),
    )

    def ask(*kinds: str, **places: Any) -> httpx.Response:
        return ana.post("/webhooks", {"url": receiver.url, "eventTypes": list(kinds), **places})

    assert ask("operation.completed", datasets=["shop"]).status_code == 201
    assert ask("operation.completed", tables=[table]).status_code == 201
    for kinds, places in (
        (["operation.completed"], {}),
        (["operation.completed"], {"datasets": ["store"]}),
        (["operation.completed"], {"datasets": ["shop"], "tables": [other]}),
        (["drift.found"], {"datasets": ["shop"]}),
    ):
        refused = ask(*kinds, **places)
        assert (refused.status_code, refused.json()["code"]) == (403, "webhook_exceeds_own")
    nonsense = ask("seal.stopped", datasets=["shop"])
    assert nonsense.json()["details"]["violations"][0]["pointer"] == "/eventTypes"

    # Each sees those whose every place is within reach, and they are not there for others.
    everywhere = webhook(idle_api, receiver)
    mine = {one["webhookId"] for one in ana.get("/webhooks").json()["webhooks"]}
    assert len(mine) == 2
    assert everywhere not in mine
    assert len(idle_api.get("/webhooks").json()["webhooks"]) == 3
    for answer in (
        ana.get(f"/webhooks/{everywhere}"),
        ana.post(f"/webhooks/{everywhere}/rotate"),
        ana.post(f"/webhooks/{everywhere}/verify"),
        ana.get(f"/webhooks/{everywhere}/deliveries"),
        ana.client.delete(f"/webhooks/{everywhere}", headers=ana.headers),
        ana.get("/webhooks/x"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "webhook_not_found")
    moved = ana.client.patch(f"/webhooks/{mine.pop()}", headers=ana.headers, json={"datasets": ["store"], "tables": []})
    assert moved.json()["code"] == "webhook_exceeds_own"
    assert caller(idle_api, {"roles": ["owner"]}).get("/webhooks").json()["code"] == "scope_missing"


def test_of_other_datasets_and_types_nothing_is_told(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    shop, store = table_in(idle_api, "shop", "orders"), table_in(idle_api, "store", "stock")
    by_dataset = verified(idle_api, parts, receiver, datasets=["shop"])
    by_table = verified(idle_api, parts, receiver, tables=[store])
    by_type = verified(idle_api, parts, receiver, "operation.completed")
    everything = verified(idle_api, parts, receiver)
    for table in (shop, store):
        cancelled(idle_api, table)
    queued(idle_api, everything, 3)
    counts = {one: len(deliveries(idle_api, one, status="pending")) for one in (by_dataset, by_table, by_type)}
    assert counts == {by_dataset: 1, by_table: 1, by_type: 0}


def test_a_url_that_leads_where_nothing_may_is_refused_with_its_place(idle_api: Api) -> None:
    before = idle_api.events()
    for url in ("https://10.0.0.1/", "http://ci.example.com/", "ftp://x/", "https://a:b@x.example/"):
        refused = idle_api.post("/webhooks", {"url": url, "eventTypes": ENDED})
        assert (refused.status_code, refused.json()["code"]) == (400, "validation_failed")
        (violation,) = refused.json()["details"]["violations"]
        assert (violation["pointer"], violation["code"]) == ("/url", "webhook_url_refused")
    assert idle_api.events() == before


def test_a_name_that_leads_into_our_own_network_gets_nothing(idle_api: Api, parts: Parts) -> None:
    made = idle_api.post("/webhooks", {"url": "https://localhost:1/", "eventTypes": ENDED}).json()["webhookId"]
    idle_api.post(f"/webhooks/{made}/verify")
    messenger = HttpMessenger(parts.house.webhook_allowance, lambda host, port: resolved("127.0.0.2", port))
    assert Courier(parts.house, PostgresDeliveries(parts.database), messenger, "c").deliver_one()
    assert deliveries(idle_api, made)[0]["lastError"] == "address_not_allowed"


def test_a_change_of_what_is_wanted(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made = verified(idle_api, parts, receiver, description="before")

    def change_to(**body: Any) -> dict[str, Any]:
        return dict(idle_api.client.patch(f"/webhooks/{made}", headers=idle_api.headers, json=body).json())

    assert change_to(eventTypes=["drift.found"])["eventTypes"] == ["drift.found"]
    assert change_to(datasets=["shop"])["datasets"] == ["shop"]
    assert change_to()["description"] == "before"
    assert "description" not in change_to(description=None)
    assert change_to(enabled=False)["disabledReason"] == "asked"
    assert change_to(enabled=True)["status"] == "enabled"
    assert change_to(url=receiver.url + "/other")["status"] == "unverified"
    assert change_to(url="http://nowhere/")["code"] == "validation_failed"
    assert change_to(eventTypes=[])["details"]["violations"][0]["pointer"] == "/eventTypes"
    assert change_to(eventTypes=["x"])["details"]["violations"][0]["pointer"] == "/eventTypes/0"
    for _ in range(2):
        gone = idle_api.client.delete(f"/webhooks/{made}", headers=idle_api.headers)
    assert gone.status_code == 404
    assert idle_api.get("/webhooks").json() == {"webhooks": []}
    assert parts.database.rows("SELECT 1 AS one FROM webhook_secrets", {}) == []
    assert parts.database.rows("SELECT 1 AS one FROM webhook_deliveries", {}) == []


def test_lists_go_page_by_page(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made, table = verified(idle_api, parts, receiver), idle_api.new_table()
    others = [webhook(idle_api, receiver) for _ in range(2)]
    for _ in range(2):
        cancelled(idle_api, table)
    queued(idle_api, made, 3)
    for path, member, key, count in (
        ("/webhooks", "webhooks", "webhookId", 3),
        (f"/webhooks/{made}/deliveries", "deliveries", "deliveryId", 3),
    ):
        found, token = list[str](), None
        while True:
            page = idle_api.get(path, pageSize=2, **({"pageToken": token} if token else {})).json()
            found += [one[key] for one in page[member]]
            if (token := page.get("nextPageToken")) is None:
                break
        assert len(found) == len(set(found)) == count
    assert others[0] in {one["webhookId"] for one in idle_api.get("/webhooks").json()["webhooks"]}


def test_drift_is_told_once_however_often_it_is_seen(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made, table = verified(idle_api, parts, receiver, "drift.found"), idle_api.new_table()
    location = idle_api.get(f"/dataset-tables/{table}").json()["location"]
    witness_drift(parts.house, UUID(table), Origin())
    assert deliveries(idle_api, made, status="pending") == []
    lance.dataset(location).add_columns(pa.field("by_hand", pa.int8()))
    for _ in range(3):
        assert idle_api.get(f"/dataset-tables/{table}/drift").json()["drifted"]
    assert look_for_drift_in(parts.house, [UUID(table)], Origin()) == 1
    assert idle_api.migrate(table, add("x")).json()["code"] == "schema_drifted"
    (told,) = queued(idle_api, made, 1, status="pending")
    assert courier(parts).deliver_one()
    message = receiver.messages()[0]
    assert (message["type"], message["data"]["tableId"], message["data"]["datasetId"]) == ("drift.found", table, "d")
    assert told["eventType"] == "drift.found"
    # Another drift is news, as is the same after it was gone.
    lance.dataset(location).add_columns(pa.field("again", pa.int8()))
    idle_api.get(f"/dataset-tables/{table}/drift")
    lance.dataset(location).drop_columns(["by_hand", "again"])
    idle_api.get(f"/dataset-tables/{table}/drift")
    lance.dataset(location).add_columns(pa.field("by_hand", pa.int8()))
    idle_api.get(f"/dataset-tables/{table}/drift")
    adopt_drift(parts.house, UUID(table), None, Origin())
    assert not idle_api.get(f"/dataset-tables/{table}/drift").json()["drifted"]
    assert len(queued(idle_api, made, 4)) == 4
    topics = [event.fact.topic for event in parts.house.store.read(0, 1_000)]
    assert [one for one in topics if one.startswith("drift")] == [
        "drift.found",
        "drift.found",
        "drift.gone",
        "drift.found",
    ]


def test_what_comes_into_the_log_between_two_looks_is_no_drift(idle_api: Api, parts: Parts) -> None:
    table = UUID(idle_api.new_table())
    location = idle_api.get(f"/dataset-tables/{table}").json()["location"]
    engine, looks = parts.house.engine("lance"), list[Outside]()

    class Overtaken:
        """The real engine, whose first look is overtaken by a change that is in the log when it answers."""

        def outside(self, place: str, known: Schema, identity: Identity | None = None) -> Outside:
            if not looks:
                lance.dataset(location).add_columns(pa.field("by_hand", pa.int8()))
            looks.append(engine.outside(place, known, identity))
            if len(looks) == 1:
                adopt_drift(parts.house, table, None, Origin())
            return looks[-1]

    overtaken: Any = Overtaken()
    drift = witness_drift(replace(parts.house, engines={"lance": overtaken}), table, Origin())
    assert (drift.differences, drift.version, len(looks)) == ((), 2, 2)
    topics = [event.fact.topic for event in parts.house.store.read(0, 1_000)]
    assert "drift.found" not in topics


def test_a_refused_migration_of_a_table_that_drifted_is_how_it_is_found(idle_api: Api, parts: Parts) -> None:
    table = idle_api.new_table()
    lance.dataset(idle_api.get(f"/dataset-tables/{table}").json()["location"]).add_columns(pa.field("x", pa.int8()))
    assert idle_api.migrate(table, add("y")).json()["code"] == "schema_drifted"
    topics = [event.fact.topic for event in parts.house.store.read(0, 1_000)]
    assert topics.count("drift.found") == 1


def test_all_tables_are_compared_with_the_log_when_it_is_due(idle_api: Api, parts: Parts) -> None:
    table = idle_api.new_table()
    lance.dataset(idle_api.get(f"/dataset-tables/{table}").json()["location"]).add_columns(pa.field("x", pa.int8()))
    chores = PostgresChores(parts.database, LOG_LOCK)
    Housekeeper(parts.house, chores, None).round()
    for _ in range(2):
        Housekeeper(parts.house, chores, None, drift_every=timedelta(0)).round()
    topics = [event.fact.topic for event in parts.house.store.read(0, 1_000)]
    assert topics.count("drift.found") == 1


def test_the_alarm_of_the_seal_is_told_to_who_hears_of_the_whole_service(
    idle_api: Api, parts: Parts, receiver: Receiver
) -> None:
    made = verified(idle_api, parts, receiver, "seal.stopped", *ENDED)
    for message in ("positions are missing", "positions are missing", "the tree is another"):
        raise_seal_alarm(parts.house.store, parts.house.clock, message)
    queued(idle_api, made, 3)
    while courier(parts).deliver_one():
        pass
    assert [one["type"] for one in receiver.messages()] == ["seal.stopped"] * 2
    assert all(b"missing" not in body for _, body in receiver.sent)


def test_what_waits_for_approval_is_told(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made = verified(idle_api, parts, receiver, "migration.approval_requested")
    table = idle_api.new_table()
    policy = {"hazards": ["data_loss"]}
    assert idle_api.client.put("/datasets/d/approval-policy", headers=idle_api.headers, json=policy).status_code == 200
    operation = idle_api.migrate(table, change("drop_column", name="age")).json()
    queued(idle_api, made, 2)
    assert courier(parts).deliver_one()
    (message,) = receiver.messages()
    assert message["data"]["hazards"] == ["data_loss"]
    assert message["data"]["operationId"] == operation["operationId"]


def test_a_worker_delivers_by_itself(api: Api, receiver: Receiver) -> None:
    made = webhook(api, receiver)
    api.post(f"/webhooks/{made}/verify")
    receiver.wait_for(lambda: len(receiver.sent) == 1)
    deadline = time.monotonic() + PATIENCE
    while api.get(f"/webhooks/{made}").json()["status"] != "enabled":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    operation = api.migrate(api.new_table(), add("x")).json()["operationId"]
    receiver.wait_for(lambda: len(receiver.sent) == 2)
    message = receiver.messages()[1]
    assert (message["type"], message["data"]["operationId"]) == ("operation.completed", operation)
    assert message["data"]["status"] == "completed"


def test_how_messages_fare_is_measured(idle_api: Api, parts: Parts, receiver: Receiver) -> None:
    made = verified(idle_api, parts, receiver)
    cancelled(idle_api, idle_api.new_table())
    queued(idle_api, made, 2)
    text = idle_api.client.get("/metrics").text
    assert 'schemaledger_webhook_backlog{state="due"} 1.0' in text
    assert 'schemaledger_webhooks{status="enabled"} 1.0' in text
    assert "schemaledger_oldest_webhook_message_seconds" in text
    assert 'schemaledger_webhook_tries_total{result="delivered"}' in text
    assert 'schemaledger_projection_lag_events{projection="webhook_deliveries"}' in text


def listens(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def test_the_receiver_of_the_manual_takes_what_is_signed_and_nothing_else(idle_api: Api, parts: Parts) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (HOW_TO / "receive-webhooks.md").read_text(), re.DOTALL)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = idle_api.post("/webhooks", {"url": f"http://127.0.0.1:{port}/", "eventTypes": ENDED}).json()
    environment = {"WEBHOOK_SECRETS": f"whsec_b3RoZXI= {made['secret']}", "PORT": str(port)}
    running = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + PATIENCE
        while not listens(port):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        idle_api.post(f"/webhooks/{made['webhookId']}/verify")
        assert courier(parts).deliver_one()
        assert idle_api.get(f"/webhooks/{made['webhookId']}").json()["status"] == "enabled"
        operation = cancelled(idle_api, idle_api.new_table())
        queued(idle_api, made["webhookId"], 2)
        assert courier(parts).deliver_one()
        assert running.stdout is not None
        assert operation in running.stdout.readline()
        now = str(int(time.time()))
        forged = {"webhook-id": "m", "webhook-timestamp": now, "webhook-signature": "v1,AAAA"}
        assert httpx.post(f"http://127.0.0.1:{port}/", json={"type": "x"}, headers=forged).status_code == 401
    finally:
        running.kill()
        running.communicate()
