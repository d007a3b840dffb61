"""Webhooks: what becomes of them, where they may lead, how they are signed, and when they are tried again."""

import json
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from api.http.telling import messages, types_of
from api.http.webhook_wire import MESSAGES
from domain.alarm.events import DriftFound, SealStopped
from domain.errors import Refusal, WebhookNotEnabled, WebhookNotFound, WebhookUrlRefused
from domain.facts import Fact, Metadata, Origin, Recorded
from domain.migration.events import ApprovalRequested, EmergencyDeclared
from domain.operation.events import OperationCancelled, OperationCompleted, OperationFailed, OperationRequested
from domain.webhook.addresses import PUBLIC_ONLY, allowance, check_url, is_public
from domain.webhook.decider import (
    AskForVerification,
    ChangeWebhook,
    ConfirmVerification,
    CreateWebhook,
    DeleteWebhook,
    DisableWebhook,
    EnableWebhook,
    ResendDelivery,
    RotateSecret,
    WebhookCommand,
    decide,
    fold,
)
from domain.webhook.events import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDeliveryResent,
    WebhookDisabled,
    WebhookEnabled,
    WebhookFact,
    WebhookSecretRotated,
    WebhookVerificationRequested,
    WebhookVerified,
)
from domain.webhook.messages import EVENT_TYPES, SCOPES, VERIFICATION, body_of, content_of, is_told
from domain.webhook.schedule import PAUSES, TRIES, pause
from domain.webhook.signing import headers, shown, signature

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)
URL, OTHER = "https://ci.example.com/hooks", "https://other.example.com/hooks"
CREATED = WebhookCreated(url=URL, event_types=("drift.found",), secret_id=A, created_by="ana", description="why")
VERIFIED = WebhookVerified(url=URL)


class Given:
    def __init__(self, *facts: WebhookFact) -> None:
        self._facts = facts

    def when(self, command: WebhookCommand) -> "Given":
        self._command = command
        return self

    def then(self, *facts: WebhookFact) -> None:
        assert decide(self._command, fold(self._facts), "w") == facts

    def refused(self, refusal: type[Refusal]) -> None:
        with pytest.raises(refusal):
            decide(self._command, fold(self._facts), "w")


def test_a_webhook_begins_unverified() -> None:
    made = CreateWebhook(
        url=URL,
        event_types=("drift.found",),
        datasets=(),
        tables=(),
        secret_id=A,
        created_by="ana",
        description="why",
    )
    Given().when(made).then(CREATED)
    Given(CREATED).when(ResendDelivery(delivery_id=B)).refused(WebhookNotEnabled)


def test_a_challenge_that_came_back_verifies_the_url_that_it_went_to_and_no_other() -> None:
    asked = WebhookVerificationRequested(delivery_id=B)
    Given(CREATED).when(AskForVerification(delivery_id=B)).then(asked)
    Given(CREATED, asked).when(ConfirmVerification(url=URL)).then(VERIFIED)
    Given(CREATED, asked).when(ConfirmVerification(url=OTHER)).then()
    Given(CREATED, asked, VERIFIED).when(ConfirmVerification(url=URL)).then()


def test_another_url_has_to_be_verified() -> None:
    moved = WebhookChanged(url=OTHER, event_types=("drift.found",), description="why")
    Given(CREATED, VERIFIED).when(ChangeWebhook(url=OTHER)).then(moved)
    Given(CREATED, VERIFIED, moved).when(ResendDelivery(delivery_id=B)).refused(WebhookNotEnabled)
    Given(CREATED, VERIFIED, moved).when(ConfirmVerification(url=URL)).then()


def test_what_is_left_out_of_a_change_stays_as_it_is() -> None:
    more = WebhookChanged(url=URL, event_types=("seal.stopped",), description="why")
    Given(CREATED, VERIFIED).when(ChangeWebhook(event_types=("seal.stopped",))).then(more)
    Given(CREATED, VERIFIED).when(ChangeWebhook(description=None)).then(
        WebhookChanged(url=URL, event_types=("drift.found",))
    )
    Given(CREATED, VERIFIED).when(ChangeWebhook(url=URL)).then()
    Given(CREATED, VERIFIED, more).when(ResendDelivery(delivery_id=B)).then(WebhookDeliveryResent(delivery_id=B))


def test_a_disabled_webhook_is_sent_nothing_until_it_is_enabled() -> None:
    disabled = WebhookDisabled(reason="gone")
    Given(CREATED, VERIFIED).when(DisableWebhook(reason="gone")).then(disabled)
    Given(CREATED, VERIFIED, disabled).when(DisableWebhook(reason="asked")).then()
    Given(CREATED, VERIFIED, disabled).when(ResendDelivery(delivery_id=B)).refused(WebhookNotEnabled)
    Given(CREATED, VERIFIED, disabled).when(AskForVerification(delivery_id=B)).refused(WebhookNotEnabled)
    Given(CREATED, VERIFIED, disabled).when(EnableWebhook()).then(WebhookEnabled())
    Given(CREATED, VERIFIED).when(EnableWebhook()).then()


def test_a_webhook_that_is_gone_is_not_there() -> None:
    Given(CREATED).when(DeleteWebhook()).then(WebhookDeleted())
    Given(CREATED, WebhookDeleted()).when(DeleteWebhook()).then()
    rotate = RotateSecret(secret_id=B, previous_until=NOW)
    Given(CREATED).when(rotate).then(WebhookSecretRotated(secret_id=B, previous_until=NOW))
    for command in (rotate, EnableWebhook(), ChangeWebhook(url=OTHER), AskForVerification(delivery_id=B)):
        Given(CREATED, WebhookDeleted()).when(command).refused(WebhookNotFound)
        Given().when(command).refused(WebhookNotFound)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "239.1.1.1",
        "198.18.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:db8::1",
        "fec0::1",
        "feff:ffff::1",
        "192.88.99.1",
        "192.0.2.1",
        "203.0.113.9",
        "240.0.0.1",
        "::7f00:1",
        "::8.8.8.8",
        "::ffff:0:808:808",
        "64:ff9b:1::808:808",
        "64:ff9b:1:7f00::1",
        "100::1",
        "100:0:0:1::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:10::1",
        "3fff::1",
        "5f00::1",
        "4000::1",
        "fe80::5efe:808:808",
        "2606:4700::5efe:a00:1",
        "2606:4700::200:5efe:7f00:1",
        "2002:c0a8:101::1",
        "2002:c058:6301::",
    ],
)
def test_addresses_of_our_own_networks_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "2a00:1450::5efe:808:808", "::ffff:1.1.1.1", "64:ff9b::101:101"],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://ci.example.com/",
        "ftp://ci.example.com/",
        "https://",
        "https:///path",
        "//ci.example.com",
        "ci.example.com",
        "https://ana:secret@ci.example.com/",
        "https://ana@ci.example.com/",
        "https://ci.example.com/#part",
        "https://ci.example.com:0/",
        "https://ci.example.com:99999/",
        "https://ci.example.com\\@10.0.0.1/",
        "https://ci.example.com /",
        "https://ci.example.com/\r\nX-Header: 1",
        "https://bücher.example/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1%25eth0]/",
        "javascript:alert(1)",
        "https://ci.example.com/" + "x" * 2_000,
    ],
)
def test_urls_that_nothing_would_be_sent_to_are_refused(url: str) -> None:
    with pytest.raises(WebhookUrlRefused):
        check_url(url, PUBLIC_ONLY)


def test_what_the_installation_allows_is_allowed_and_nothing_else() -> None:
    allowed = allowance(["hooks.internal", "10.1.0.0/16", "[fd00::5]"])
    for url in ("http://hooks.internal/x", "https://hooks.internal:8443/", "http://10.1.2.3/", "http://[fd00::5]/"):
        check_url(url, allowed)
    for url in ("http://10.2.0.1/", "http://other.internal/", "https://[fd00::6]/"):
        with pytest.raises(WebhookUrlRefused):
            check_url(url, allowed)
    assert allowed.allows("hooks.internal", ip_address("192.168.0.1"))
    assert allowed.allows("elsewhere.example", ip_address("10.1.0.9"))
    assert not allowed.allows("elsewhere.example", ip_address("10.2.0.9"))
    for nonsense in ("http://x", "a b", "", "*.internal", "10.1.2.3/16"):
        with pytest.raises(ValueError, match="neither a host"):
            allowance([nonsense])


def test_the_signature_is_that_of_the_specification() -> None:
    secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    message, moment, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    import base64

    signed = signature(base64.b64decode(secret), message, moment, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_two_secrets_sign_either_verifies() -> None:
    body, moment = b'{"type":"x"}', int(datetime.now(UTC).timestamp())
    sent = headers((b"n" * 32, b"o" * 32), "m", moment, body)
    for secret in (b"n" * 32, b"o" * 32):
        assert Webhook(shown(secret)).verify(body, sent) == {"type": "x"}
    with pytest.raises(WebhookVerificationError):
        Webhook(shown(b"x" * 32)).verify(body, sent)


def test_a_message_is_tried_ten_times_over_three_days() -> None:
    assert TRIES == 10
    pauses = [pause(tries, 0.5) for tries in range(1, TRIES + 1)]
    assert pauses == [*PAUSES, None]
    assert timedelta(days=3) < sum(PAUSES, timedelta()) < timedelta(days=4)
    shortest, longest = pause(2, 0.0), pause(2, 0.999)
    assert shortest is not None
    assert longest is not None
    assert timedelta(minutes=4) <= shortest < timedelta(minutes=5) < longest <= timedelta(minutes=6)


REQUEST = OperationRequested(
    table_id=C, operation_type="migration", target_type="table", target_id=str(C), description="secret", migration_id=A
)
TELLABLE: list[tuple[Fact, OperationRequested | None]] = [
    (OperationCompleted(message="secret"), REQUEST),
    (OperationFailed(code="cast_failed", message="secret"), REQUEST),
    (OperationCancelled(reason="secret"), REQUEST),
    (
        ApprovalRequested(
            table_id=C, dataset_id="d", operation_id=B, author="secret", hazards=("data_loss",), plan_hash="h"
        ),
        None,
    ),
    (
        EmergencyDeclared(
            table_id=C,
            dataset_id="d",
            operation_id=B,
            author="secret",
            hazards=("data_loss",),
            plan_hash="h",
            reason="secret",
        ),
        None,
    ),
    (DriftFound(table_id=C, dataset_id="d", version=2, found_fingerprint="f", differences=1), None),
    (SealStopped(message="secret"), None),
]


def recorded(fact: Fact) -> Recorded:
    metadata = Metadata(event_id=A, moment=NOW, origin=Origin(actor="secret", reason="secret"))
    return Recorded(position=7, stream=B, version=1, recorded_at=NOW, metadata=metadata, fact=fact)


@pytest.mark.parametrize(("fact", "request_"), TELLABLE, ids=lambda it: getattr(it, "topic", ""))
def test_messages_hold_ids_and_codes_and_nothing_that_anybody_wrote(
    fact: Fact, request_: OperationRequested | None
) -> None:
    assert is_told(fact)
    content = content_of(recorded(fact), request_, "d")
    body = body_of(fact.topic, NOW, content.data)
    assert b"secret" not in body
    assert len(body) < 1_000
    # It is of the shape that is published, and has no member that is not.
    shape: Any = next(one for one in MESSAGES if fact.topic in types_of(one))
    assert json.loads(msgspec.json.encode(msgspec.json.decode(body, type=shape))) == json.loads(body)
    told: dict[str, Any] = msgspec.json.decode(body)
    assert (told["type"], told["timestamp"], told["data"]["position"]) == (fact.topic, "2026-03-03T09:30:00Z", 7)
    assert all(path.startswith("/") for path in told["data"]["links"].values())
    if not isinstance(fact, SealStopped):
        assert (content.table_id, content.dataset_id) == (C, "d")


def test_every_type_is_told_and_needs_a_scope() -> None:
    assert {fact.topic for fact, _ in TELLABLE} == set(EVENT_TYPES) == set(SCOPES)
    assert set(messages()) == {*EVENT_TYPES, VERIFICATION}


def test_what_is_about_no_table_belongs_to_the_service() -> None:
    rebuild = OperationRequested(
        table_id=A, operation_type="rebuild", target_type="projection", target_id="x", description="why"
    )
    content = content_of(recorded(OperationCompleted(message="m")), rebuild, None)
    assert (content.table_id, content.dataset_id) == (None, None)
    assert b"tableId" not in msgspec.json.encode(content.data)
