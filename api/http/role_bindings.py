"""``/role-bindings``: what whom the identity provider vouches for may do."""

from typing import Annotated, Any

from litestar import Request, Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, RawBody

from api.http.access import BODY, NARROWED, NEEDS, origin_of
from api.http.access_wire import RoleBindingBody, RoleBindingList
from api.http.answers import present
from api.http.bodies import NewRoleBindingBody, decode
from api.http.ids import binding_uuid
from api.http.paging import DEFAULT_SIZE, PageSize, PageToken, begin_at_id, cut
from domain.access import Principal, Scope, grant_of
from domain.errors import GrantInvalid
from domain.handlers.house import House
from domain.handlers.role_bindings import NewBinding, bind_role, found_binding, unbind_role
from domain.handlers.tokens import may_manage, seen_by
from domain.views import RoleBindingView

MANAGED = {NEEDS: Scope.TOKENS_MANAGE, NARROWED: True}
Asking = Request[Principal, Any, Any]
Holder = Annotated[
    str | None, QueryParameter(name="holder", required=False, description="Only what this subject or group holds.")
]


@post(
    "/role-bindings",
    operation_id="createRoleBinding",
    summary="Bind roles",
    opt={**MANAGED, BODY: NewRoleBindingBody},
    sync_to_thread=True,
)
def create_binding(request: Asking, body: RawBody, house: NamedDependency[House]) -> Response[RoleBindingBody]:
    """Gives a subject or a group of the identity provider what the caller may do, or less, and for no longer.

    It is in force at once on this process, and within five seconds on every other one.
    """
    binding_id = bind_role(house, _asked(decode(body or b"{}", NewRoleBindingBody)), request.user, origin_of(request))
    made = _body(found_binding(house, binding_id, request.user))
    return Response(made, status_code=201, headers={"Location": f"/role-bindings/{binding_id}"})


@get("/role-bindings", operation_id="listRoleBindings", summary="List role bindings", opt=MANAGED, sync_to_thread=True)
def list_bindings(
    request: Asking,
    house: NamedDependency[House],
    holder: Holder = None,
    page_size: PageSize = DEFAULT_SIZE,
    page_token: PageToken = None,
) -> RoleBindingList:
    """Bindings that give something, newest first: with `tokens:manage` in some places only, those the caller made."""
    maker = seen_by(request.user)
    filters = ("role bindings", maker, holder)
    rows = house.role_book.bindings(maker, holder, page_size + 1, begin_at_id(page_token, *filters))
    page, following = cut(rows, page_size, lambda row: row.binding_id, *filters)
    shown = (row for row in page if may_manage(house, row, (row.grant,), request.user))
    return RoleBindingList(role_bindings=tuple(map(_body, shown)), next_page_token=following)


@get(
    "/role-bindings/{binding_id:str}",
    operation_id="getRoleBinding",
    summary="Get a role binding",
    opt=MANAGED,
    sync_to_thread=True,
)
def get_binding(request: Asking, binding_id: FromPath[str], house: NamedDependency[House]) -> RoleBindingBody:
    """One binding, while it gives something."""
    return _body(found_binding(house, binding_uuid(binding_id), request.user))


@delete(
    "/role-bindings/{binding_id:str}",
    operation_id="deleteRoleBinding",
    summary="Remove a role binding",
    opt=MANAGED,
    sync_to_thread=True,
)
def delete_binding(request: Asking, binding_id: FromPath[str], house: NamedDependency[House]) -> None:
    """Ends what the binding gave, on every process within five seconds. It stays in the log."""
    unbind_role(house, binding_uuid(binding_id), request.user, origin_of(request))


def _asked(body: NewRoleBindingBody) -> NewBinding:
    if (body.subject is None) == (body.group is None):
        raise GrantInvalid("either a subject or a group has to be named")
    return NewBinding(
        kind="group" if body.subject is None else "subject",
        holder=body.subject or body.group or "",
        grant=grant_of(body.scopes, body.roles, body.datasets, body.tables),
        roles=tuple(sorted(set(body.roles))),
        expires_at=body.expires_at,
    )


def _body(view: RoleBindingView) -> RoleBindingBody:
    return RoleBindingBody(
        binding_id=str(view.binding_id),
        subject=present(view.holder if view.kind == "subject" else None),
        group=present(view.holder if view.kind == "group" else None),
        roles=view.roles,
        scopes=tuple(scope.value for scope in view.grant.scopes),
        datasets=view.grant.datasets,
        tables=tuple(map(str, view.grant.tables)),
        created_at=view.created_at,
        created_by=view.created_by,
        expires_at=present(view.expires_at),
    )


router = Router("/", route_handlers=[create_binding, list_bindings, get_binding, delete_binding], tags=["Access"])
