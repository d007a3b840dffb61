"""The shapes of answers about who may do what."""

from typing import Literal

from msgspec import UNSET, UnsetType

from api.http.wire import Body, Moment


class GrantBody(Body, frozen=True, kw_only=True):
    """Scopes over some datasets and tables; over everything when neither is named."""

    scopes: tuple[str, ...]
    datasets: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


class TokenBody(Body, frozen=True, kw_only=True):
    """A bearer token without its secret. ``lastUsedAt`` is noted every few minutes at most."""

    token_id: str
    subject: str
    description: str | UnsetType = UNSET
    status: Literal["good", "expired", "revoked"]
    grants: tuple[GrantBody, ...]
    created_at: Moment
    created_by: str
    expires_at: Moment | UnsetType = UNSET
    revoked_at: Moment | UnsetType = UNSET
    last_used_at: Moment | UnsetType = UNSET


class NewSecretBody(TokenBody, frozen=True, kw_only=True):
    """A bearer token with its ``secret``, which is told this once and kept nowhere."""

    secret: str


class WhoamiBody(Body, frozen=True, kw_only=True):
    """Who the bearer token of the request speaks for, how that was proved, and what it may do.

    ``groups`` are those that the identity provider names; what is bound to them is among the grants.
    """

    subject: str
    authentication: str
    groups: tuple[str, ...] | UnsetType = UNSET
    token_id: str | UnsetType = UNSET
    grants: tuple[GrantBody, ...]
    expires_at: Moment | UnsetType = UNSET


class TokenList(Body, frozen=True, kw_only=True):
    tokens: tuple[TokenBody, ...]
    next_page_token: str | UnsetType = UNSET


class RoleBindingBody(Body, frozen=True, kw_only=True):
    """What a ``subject`` or a ``group`` of the identity provider may do, over everything when no place is named.

    ``roles`` are the names that were asked for, ``scopes`` what they stood for then.
    """

    binding_id: str
    subject: str | UnsetType = UNSET
    group: str | UnsetType = UNSET
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    datasets: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    created_at: Moment
    created_by: str
    expires_at: Moment | UnsetType = UNSET


class RoleBindingList(Body, frozen=True, kw_only=True):
    role_bindings: tuple[RoleBindingBody, ...]
    next_page_token: str | UnsetType = UNSET


class PolicyBody(Body, frozen=True, kw_only=True):
    """Which kinds of hazards need approval in a dataset; the installation's ``default`` where it has no policy."""

    dataset_id: str
    source: Literal["dataset", "default"]
    hazards: tuple[str, ...]
    approvers: tuple[str, ...] = ()
    set_by: str | UnsetType = UNSET
    set_at: Moment | UnsetType = UNSET
