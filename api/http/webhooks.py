"""``/webhooks``: who is told of what, and what became of each message."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, RawBody

from api.http.access import BODY, NARROWED, NEEDS, WRITES, origin_of
from api.http.answers import present
from api.http.bodies import decode
from api.http.ids import delivery_uuid, webhook_uuid
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin_at_id, cut
from api.http.webhook_wire import (
    ChangedWebhookBody,
    DeliveryBody,
    DeliveryList,
    NewWebhookBody,
    NewWebhookSecretBody,
    RotatedSecretBody,
    WebhookBody,
    WebhookList,
)
from domain.access import Principal, Scope
from domain.errors import ValidationFailed, Violation, WebhookInvalid, WebhookUrlRefused
from domain.handlers.house import House
from domain.handlers.webhooks import (
    Wanted,
    ask_for_verification,
    change_webhook,
    create_webhook,
    delete_webhook,
    found_delivery,
    found_webhook,
    resend_delivery,
    rotate_secret,
    switch_webhook,
    within_reach,
)
from domain.webhook.decider import ChangeWebhook
from domain.webhook.deliveries import DeliveryView, WebhookView
from domain.webhook.signing import shown

MANAGED = {NEEDS: Scope.WEBHOOKS_MANAGE, NARROWED: True}
Asking = Request[Principal, Any, Any]
Status = Annotated[
    Literal["pending", "delivered", "failed"] | None,
    QueryParameter(name="status", required=False, description="Only deliveries of this status."),
]
NOT_STORED = {"Cache-Control": "no-store"}


@post(
    "/webhooks",
    operation_id="createWebhook",
    summary="Make a webhook",
    opt={**MANAGED, BODY: NewWebhookBody},
    sync_to_thread=True,
)
def create(request: Asking, body: RawBody, house: NamedDependency[House]) -> Response[NewWebhookSecretBody]:
    """Has somebody told of events. Its secret is told once, here, and it is sent nothing before it is verified.

    It is told no more than the caller may read.
    """
    asked = decode(body, NewWebhookBody)
    wanted = Wanted(**{**msgspec.structs.asdict(asked), **_tuples(asked)})
    with _pointing():
        made = create_webhook(house, wanted, request.user, origin_of(request))
    view = found_webhook(house, made.webhook_id, request.user)
    return _told(view, made.secret, 201, {"Location": f"/webhooks/{made.webhook_id}"})


@get("/webhooks", operation_id="listWebhooks", summary="List webhooks", opt=MANAGED, sync_to_thread=True)
def list_webhooks(
    request: Asking, house: NamedDependency[House], page_size: PageSize = DEFAULT_SIZE, page_token: PageToken = None
) -> WebhookList:
    """Webhooks, newest first: those whose every dataset and table the caller may manage webhooks of."""
    within = within_reach(request.user)
    rows = house.webhooks.webhooks(within, page_size + 1, begin_at_id(page_token, "webhooks", within))
    page, following = cut(rows, page_size, lambda row: row.webhook_id, "webhooks", within)
    return WebhookList(webhooks=tuple(map(_body, page)), next_page_token=following)


@get("/webhooks/{webhook_id:str}", operation_id="getWebhook", summary="Get a webhook", opt=MANAGED, sync_to_thread=True)
def get_webhook(request: Asking, webhook_id: FromPath[str], house: NamedDependency[House]) -> WebhookBody:
    """One webhook, without its secret."""
    return _body(found_webhook(house, webhook_uuid(webhook_id), request.user))


@patch(
    "/webhooks/{webhook_id:str}",
    operation_id="changeWebhook",
    summary="Change a webhook",
    opt={**MANAGED, BODY: ChangedWebhookBody},
    sync_to_thread=True,
)
def change(request: Asking, webhook_id: FromPath[str], body: RawBody, house: NamedDependency[House]) -> WebhookBody:
    """Changes what is named, or switches it on or off. Another `url` has to be verified before it is sent anything.

    What happens while it is off is not sent later.
    """
    asked = decode(body, ChangedWebhookBody) if body else ChangedWebhookBody()
    webhook = webhook_uuid(webhook_id)
    given = msgspec.structs.asdict(asked)
    enabled = given.pop("enabled")
    changed = ChangeWebhook(**{**given, **_tuples(asked)})
    with _pointing():
        change_webhook(house, webhook, changed, request.user, origin_of(request))
    if enabled is not msgspec.UNSET:
        switch_webhook(house, webhook, enabled, request.user, origin_of(request))
    return _body(found_webhook(house, webhook, request.user))


@delete(
    "/webhooks/{webhook_id:str}",
    operation_id="deleteWebhook",
    summary="Delete a webhook",
    opt=MANAGED,
    sync_to_thread=True,
)
def remove(request: Asking, webhook_id: FromPath[str], house: NamedDependency[House]) -> None:
    """Ends it: nothing more is sent, not even what is queued, and its secrets are gone."""
    delete_webhook(house, webhook_uuid(webhook_id), request.user, origin_of(request))


@post(
    "/webhooks/{webhook_id:str}/verify",
    operation_id="verifyWebhook",
    summary="Verify a webhook",
    status_code=202,
    opt={**MANAGED, WRITES: True},
    sync_to_thread=True,
)
def verify(request: Asking, webhook_id: FromPath[str], house: NamedDependency[House]) -> Response[DeliveryBody]:
    """Has a challenge sent to it, signed like everything else. It is enabled once it has sent the challenge back.

    The delivery that is answered tells what became of it.
    """
    webhook = webhook_uuid(webhook_id)
    delivery = ask_for_verification(house, webhook, request.user, origin_of(request))
    return _under_way(found_delivery(house, webhook, delivery, request.user))


@post(
    "/webhooks/{webhook_id:str}/rotate",
    operation_id="rotateWebhookSecret",
    summary="Give a webhook another secret",
    status_code=200,
    opt={**MANAGED, BODY: RotatedSecretBody},
    sync_to_thread=True,
)
def rotate(
    request: Asking, webhook_id: FromPath[str], body: RawBody, house: NamedDependency[House]
) -> Response[NewWebhookSecretBody]:
    """Signs with another secret, told once, and until the overlap is over with the one before as well."""
    asked = decode(body, RotatedSecretBody) if body else RotatedSecretBody()
    webhook, overlap = webhook_uuid(webhook_id), timedelta(hours=asked.overlap_hours)
    secret = rotate_secret(house, webhook, overlap, request.user, origin_of(request))
    return _told(found_webhook(house, webhook, request.user), secret, 200, {})


@get(
    "/webhooks/{webhook_id:str}/deliveries",
    operation_id="listDeliveries",
    summary="List a webhook's deliveries",
    opt=MANAGED,
    sync_to_thread=True,
)
def list_deliveries(
    request: Asking,
    webhook_id: FromPath[str],
    house: NamedDependency[House],
    status: Status = None,
    page_size: PageSize = DEFAULT_SIZE,
    page_token: PageToken = None,
) -> DeliveryList:
    """What it was sent, or is to be sent, in the last 30 days, newest first."""
    view, filters = found_webhook(house, webhook_uuid(webhook_id), request.user), ("deliveries", webhook_id, status)
    after = begin_at_id(page_token, *filters)
    rows = house.webhooks.deliveries(view.webhook_id, status, page_size + 1, after)
    page, following = cut(rows, page_size, lambda row: row.delivery_id, *filters)
    return DeliveryList(deliveries=tuple(map(_delivery, page)), next_page_token=following)


@get(
    "/webhooks/{webhook_id:str}/deliveries/{delivery_id:str}",
    operation_id="getDelivery",
    summary="Get a delivery",
    opt=MANAGED,
    sync_to_thread=True,
)
def get_delivery(
    request: Asking, webhook_id: FromPath[str], delivery_id: FromPath[str], house: NamedDependency[House]
) -> DeliveryBody:
    """What became of one message."""
    return _delivery(found_delivery(house, webhook_uuid(webhook_id), delivery_uuid(delivery_id), request.user))


@post(
    "/webhooks/{webhook_id:str}/deliveries/{delivery_id:str}/resend",
    operation_id="resendDelivery",
    summary="Send a message again",
    status_code=202,
    opt={**MANAGED, WRITES: True},
    sync_to_thread=True,
)
def resend(
    request: Asking, webhook_id: FromPath[str], delivery_id: FromPath[str], house: NamedDependency[House]
) -> Response[DeliveryBody]:
    """Sends a message once more, whatever became of it, with the same id; its tries begin anew."""
    webhook, delivery = webhook_uuid(webhook_id), delivery_uuid(delivery_id)
    resend_delivery(house, webhook, delivery, request.user, origin_of(request))
    return _under_way(found_delivery(house, webhook, delivery, request.user))


@contextmanager
def _pointing() -> Iterator[None]:
    """What is refused of a body is refused with the place in it."""
    try:
        yield
    except (WebhookUrlRefused, WebhookInvalid) as refusal:
        pointer = "/url" if isinstance(refusal, WebhookUrlRefused) else "/eventTypes"
        violation = Violation(pointer=pointer, code=refusal.code, message=str(refusal))
        raise ValidationFailed((violation,)) from None


def _tuples(asked: NewWebhookBody | ChangedWebhookBody) -> dict[str, Any]:
    """The lists of a body as sets in order, so that equals are equal."""
    lists = {name: getattr(asked, name) for name in ("event_types", "datasets", "tables")}
    return {name: given if given is msgspec.UNSET else tuple(sorted(set(given))) for name, given in lists.items()}


def _told(view: WebhookView, secret: bytes, status: int, headers: dict[str, str]) -> Response[NewWebhookSecretBody]:
    body = NewWebhookSecretBody(**msgspec.structs.asdict(_body(view)), secret=shown(secret))
    return Response(body, status_code=status, headers={**headers, **NOT_STORED})


def _under_way(view: DeliveryView) -> Response[DeliveryBody]:
    place = f"/webhooks/{view.webhook_id}/deliveries/{view.delivery_id}"
    return Response(_delivery(view), status_code=202, headers={"Location": place})


def _body(view: WebhookView) -> WebhookBody:
    return WebhookBody(
        webhook_id=str(view.webhook_id),
        url=view.url,
        description=present(view.description),
        status=view.status,  # type: ignore[arg-type]
        event_types=view.event_types,
        datasets=view.datasets,
        tables=tuple(map(str, view.tables)),
        created_at=view.created_at,
        created_by=view.created_by,
        verified_at=present(view.verified_at),
        disabled_at=present(view.disabled_at),
        disabled_reason=present(view.disabled_reason),
        previous_secret_until=present(view.previous_until),
    )


def _delivery(view: DeliveryView) -> DeliveryBody:
    return DeliveryBody(
        delivery_id=str(view.delivery_id),
        webhook_id=str(view.webhook_id),
        event_type=view.type,
        position=view.position,
        status=view.status,  # type: ignore[arg-type]
        tries=view.tries,
        last_status_code=present(view.last_status),
        last_error=present(view.last_error),
        last_tried_at=present(view.last_tried_at),
        next_try_at=present(view.next_try_at),
        created_at=view.created_at,
        ended_at=present(view.ended_at),
    )


router = Router(
    "/",
    route_handlers=[
        create,
        list_webhooks,
        get_webhook,
        change,
        remove,
        verify,
        rotate,
        list_deliveries,
        get_delivery,
        resend,
    ],
    tags=["Webhooks"],
)
