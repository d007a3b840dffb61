"""Names and ids in paths. Ids are strings without meaning to the caller: one that cannot be ours is not found."""

from uuid import UUID

from domain.errors import (
    DeliveryNotFound,
    MigrationNotFound,
    OperationNotFound,
    RoleBindingNotFound,
    TableNotFound,
    TokenNotFound,
    WebhookNotFound,
)


def table_uuid(text: str) -> UUID:
    return _parsed(text) or _raise(TableNotFound(text))


def operation_uuid(text: str) -> UUID:
    return _parsed(text) or _raise(OperationNotFound(text))


def migration_uuid(table_id: str, text: str) -> UUID:
    return _parsed(text) or _raise(MigrationNotFound(table_id, text))


def token_uuid(text: str) -> UUID:
    return _parsed(text) or _raise(TokenNotFound(text))


def binding_uuid(text: str) -> UUID:
    return _parsed(text) or _raise(RoleBindingNotFound(text))


def webhook_uuid(text: str) -> UUID:
    return _parsed(text) or _raise(WebhookNotFound(text))


def delivery_uuid(text: str) -> UUID:
    return _parsed(text) or _raise(DeliveryNotFound(text))


def _parsed(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _raise(refusal: Exception) -> UUID:
    raise refusal
