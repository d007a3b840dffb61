"""``/tokens`` and ``/whoami``: who may come in, and as whom the caller did."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Request, Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody
from msgspec import UNSET

from api.http.access import BODY, NARROWED, NEEDS, SIGNED_IN, WRITES, origin_of
from api.http.access_wire import GrantBody, NewSecretBody, TokenBody, TokenList, WhoamiBody
from api.http.answers import present
from api.http.bodies import NewGrantBody, NewTokenBody, decode
from api.http.ids import token_uuid
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin_at_id, cut
from domain.access import Grant, Principal, Scope, grant_of
from domain.handlers.house import House
from domain.handlers.tokens import (
    Issued,
    NewToken,
    found_token,
    issue_token,
    may_manage,
    revoke_token,
    rotate_token,
    seen_by,
)
from domain.views import TokenView

MANAGED = {NEEDS: Scope.TOKENS_MANAGE, NARROWED: True}
Asking = Request[Principal, Any, Any]

NOT_STORED = {"Cache-Control": "no-store"}


@post(
    "/tokens",
    operation_id="createToken",
    summary="Make a token",
    opt={**MANAGED, BODY: NewTokenBody},
    sync_to_thread=True,
)
def create_token(request: Asking, body: RawBody, house: NamedDependency[House]) -> Response[NewSecretBody]:
    """Makes a bearer token that may do no more, and lives no longer, than the caller's own. Its secret is told once."""
    asked = decode(body, NewTokenBody)
    new = NewToken(
        subject=asked.subject,
        grants=tuple(map(_grant, asked.grants)),
        description=asked.description,
        expires_at=asked.expires_at,
    )
    issued = issue_token(house, new, request.user, origin_of(request))
    return _told(request, house, issued, 201, {"Location": f"/tokens/{issued.token_id}"})


@get("/tokens", operation_id="listTokens", summary="List tokens", opt=MANAGED, sync_to_thread=True)
def list_tokens(
    request: Asking, house: NamedDependency[House], page_size: PageSize = DEFAULT_SIZE, page_token: PageToken = None
) -> TokenList:
    """Tokens, newest first, without secrets: with `tokens:manage` in some places only, those the caller made."""
    filters = ("tokens", seen_by(request.user))
    rows = house.tokens.tokens(seen_by(request.user), page_size + 1, begin_at_id(page_token, *filters))
    page, following = cut(rows, page_size, lambda row: row.token_id, *filters)
    now = house.clock.now()
    shown = (row for row in page if may_manage(house, row, row.grants, request.user))
    return TokenList(tokens=tuple(_body(row, now) for row in shown), next_page_token=following)


@get("/tokens/{token_id:str}", operation_id="getToken", summary="Get a token", opt=MANAGED, sync_to_thread=True)
def get_token(request: Asking, token_id: FromPath[str], house: NamedDependency[House]) -> TokenBody:
    """One token, without its secret."""
    return _body(found_token(house, token_uuid(token_id), request.user), house.clock.now())


@delete(
    "/tokens/{token_id:str}", operation_id="revokeToken", summary="Revoke a token", opt=MANAGED, sync_to_thread=True
)
def revoke(request: Asking, token_id: FromPath[str], house: NamedDependency[House]) -> None:
    """Ends a token, on every process within five seconds. It stays in the list, and in the log."""
    revoke_token(house, token_uuid(token_id), request.user, origin_of(request))


@post(
    "/tokens/{token_id:str}/rotate",
    operation_id="rotateToken",
    summary="Give a token another secret",
    status_code=200,
    opt={**MANAGED, WRITES: True},
    sync_to_thread=True,
)
def rotate(request: Asking, token_id: FromPath[str], house: NamedDependency[House]) -> Response[NewSecretBody]:
    """The token stays what it is, with another secret, told once; the one before ends."""
    issued = rotate_token(house, token_uuid(token_id), request.user, origin_of(request))
    return _told(request, house, issued, 200, {})


@get("/whoami", operation_id="whoami", summary="Who am I?", opt={NEEDS: SIGNED_IN}, sync_to_thread=False)
def whoami(request: Asking) -> WhoamiBody:
    """Who the bearer token of this request speaks for, and what it may do."""
    user = request.user
    return WhoamiBody(
        subject=user.subject,
        authentication=user.authentication,
        groups=user.groups or UNSET,
        token_id=present(user.token_id),
        grants=tuple(map(_grant_body, user.grants)),
        expires_at=present(user.expires_at),
    )


def _told(
    request: Asking, house: House, issued: Issued, status: int, headers: dict[str, str]
) -> Response[NewSecretBody]:
    view = found_token(house, issued.token_id, request.user)
    described = msgspec.structs.asdict(_body(view, house.clock.now()))
    body = NewSecretBody(**described, secret=issued.secret)
    return Response(body, status_code=status, headers={**headers, **NOT_STORED})


def _grant(asked: NewGrantBody) -> Grant:
    return grant_of(asked.scopes, asked.roles, asked.datasets, asked.tables)


def _grant_body(grant: Grant) -> GrantBody:
    return GrantBody(
        scopes=tuple(scope.value for scope in grant.scopes),
        datasets=grant.datasets,
        tables=tuple(str(table) for table in grant.tables),
    )


def _body(view: TokenView, now: datetime) -> TokenBody:
    return TokenBody(
        token_id=str(view.token_id),
        subject=view.subject,
        description=present(view.description),
        status=_status(view, now),
        grants=tuple(map(_grant_body, view.grants)),
        created_at=view.created_at,
        created_by=view.created_by,
        expires_at=present(view.expires_at),
        revoked_at=present(view.revoked_at),
        last_used_at=present(view.last_used_at),
    )


def _status(view: TokenView, now: datetime) -> Literal["good", "expired", "revoked"]:
    if view.revoked_at is not None:
        return "revoked"
    return "expired" if view.expires_at is not None and view.expires_at <= now else "good"


router = Router("/", route_handlers=[create_token, list_tokens, get_token, revoke, rotate, whoami], tags=["Access"])
