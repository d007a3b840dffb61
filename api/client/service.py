"""The Python client: the service's answers as the Structs they are made from.

from api.client.service import Service

with Service.here() as service:
    operation = service.migrate("shop.orders", [{"type": "drop_column", "params": {"name": "age"}}])
    operation.wait()
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET

from api.client.calls import IDEMPOTENCY_KEY, SECONDS_OF_PATIENCE, Client, new_key, read_token
from api.client.following import follow
from api.http.migration_wire import MigrationBody, MigrationList
from api.http.wire import (
    FINISHED,
    DriftBody,
    OperationBody,
    OperationList,
    PlanBody,
    SchemaBody,
    TableBody,
    TableList,
)
from api.settings import read_settings
from domain.changes.catalogue import AnyChange

T = TypeVar("T")
P = TypeVar("P", TableList, MigrationList, OperationList)
Change = AnyChange | dict[str, Any]
"""One change: a Struct of domain/changes, or the JSON object it stands for."""


class OperationNotCompleted(Exception):
    """The operation has failed, was cancelled, or still runs when the patience is over: ``operation`` says which."""

    def __init__(self, operation: OperationBody) -> None:
        error = operation.error or None
        reason = f": {error.message} ({error.code})" if error else ""
        super().__init__(f"Operation {operation.operation_id} is {operation.status}{reason}")
        self.operation = operation


class Operation:
    """A handle on long work; ``seen`` is how it was when it was last looked at."""

    def __init__(self, client: Client, seen: OperationBody) -> None:
        self._client, self.seen = client, seen

    @property
    def id(self) -> str:
        return self.seen.operation_id

    def refresh(self) -> OperationBody:
        self.seen = msgspec.json.decode(self._client.bytes("GET", f"/operations/{self.id}"), type=OperationBody)
        return self.seen

    def follow(self, seconds: float | None = None) -> Iterator[OperationBody]:
        """The operation at every event of its life, until its end; or until the seconds are over, and then as it is."""
        for seen in follow(self._client, self.id, seconds):
            self.seen = seen
            yield seen

    def wait(self, seconds: float | None = None) -> OperationBody:
        """The completed operation. Raises OperationNotCompleted."""
        for _ in self.follow(seconds):
            pass
        if self.seen.status != "completed":
            raise OperationNotCompleted(self.seen)
        return self.seen

    @property
    def has_ended(self) -> bool:
        return self.seen.status in FINISHED

    def cancel(self, reason: str) -> OperationBody:
        """Asks for it to stop. It may still be completed, when that came first."""
        answer = self._client.bytes("POST", f"/operations/{self.id}/cancel", {"reason": reason})
        self.seen = msgspec.json.decode(answer, type=OperationBody)
        return self.seen


class Service:
    """The service at ``url``, spoken to with one token. TABLE is a table's id or ``dataset.name``.

    Every method raises a ServiceError, of the kinds in api/client/errors.py, when the service refuses or does not
    answer. What may succeed later is asked again for ``patience`` seconds, where a repeat does no harm; whatever is
    submitted has an idempotency key, so it is submitted once.
    """

    def __init__(self, url: str, token: str, patience: float = SECONDS_OF_PATIENCE) -> None:
        self._client = Client(url, token, patience)

    @classmethod
    def here(cls) -> "Service":
        """By SCHEMALEDGER_URL and SCHEMALEDGER_TOKEN, or else the service whose data folder is here."""
        settings = read_settings(os.environ)
        url, token = os.environ.get("SCHEMALEDGER_URL"), os.environ.get("SCHEMALEDGER_TOKEN")
        return cls(url or settings.url, token or read_token(settings.token_file))

    @classmethod
    def over(cls, client: Client) -> "Service":
        """The service that the client calls."""
        made = cls.__new__(cls)
        made._client = client
        return made

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def tables(self, dataset: str | None = None) -> Iterator[TableBody]:
        """Newest first."""
        for page in self._pages("/dataset-tables", TableList, datasetId=dataset):
            yield from page.tables

    def table(self, table: str) -> TableBody:
        return self._get(self._path(table), TableBody)

    def schema(self, table: str, *, version: int | None = None, at: str | None = None) -> SchemaBody:
        """The current one, that of a version, or that of a moment (RFC 3339)."""
        return self._get(f"{self._path(table)}/schema", SchemaBody, version=version, at=at)

    def plan(self, table: str, operations: Sequence[Change], description: str | None = None) -> PlanBody:
        """What the operations would do, or why they cannot (``is_valid``). Writes nothing."""
        body = _given({"operations": operations, "description": description})
        answer = self._client.bytes("POST", f"{self._path(table)}/migrations/plan", body)
        return msgspec.json.decode(answer, type=PlanBody)

    def migrate(
        self,
        table: str,
        operations: Sequence[Change],
        *,
        description: str | None = None,
        plan: PlanBody | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Operation:
        """Submits the operations. With ``plan``, only if they would still do exactly what it said."""
        plan_hash = plan.plan_hash if plan else None
        body = _given({"operations": operations, "description": description, "planHash": plan_hash})
        return self._submitted(f"{self._path(table)}/migrations", body, idempotency_key, if_match)

    def plan_revert(self, table: str, migration_id: str) -> PlanBody:
        """What undoing the migration would do, and what would not come back. Writes nothing."""
        answer = self._client.bytes("POST", f"{self._path(table)}/migrations/{migration_id}/revert/plan")
        return msgspec.json.decode(answer, type=PlanBody)

    def revert(
        self,
        table: str,
        migration_id: str,
        *,
        description: str | None = None,
        plan: PlanBody | None = None,
        idempotency_key: str | None = None,
    ) -> Operation:
        """Undoes a migration by another one. With ``plan``, only if that would still do exactly what it said."""
        body = _given({"description": description, "planHash": plan.plan_hash if plan else None})
        return self._submitted(f"{self._path(table)}/migrations/{migration_id}/revert", body, idempotency_key)

    def compact(self, table: str, *, idempotency_key: str | None = None) -> Operation:
        """Makes few whole files of many."""
        return self._submitted(f"{self._path(table)}/compact", None, idempotency_key)

    def migrate_manifest_paths(self, table: str, *, idempotency_key: str | None = None) -> Operation:
        """Gives the manifests of a Lance table the names of Lance's second version."""
        return self._submitted(f"{self._path(table)}/migrate-manifest-paths", None, idempotency_key)

    def rewrite_storage(self, table: str, *, idempotency_key: str | None = None) -> Operation:
        """Writes every row of a Lance table again in the newest storage version."""
        return self._submitted(f"{self._path(table)}/rewrite-storage", None, idempotency_key)

    def drift(self, table: str) -> DriftBody:
        """Whether somebody changed the real table behind the service's back, and how."""
        return self._get(f"{self._path(table)}/drift", DriftBody)

    def migration(self, table: str, migration_id: str) -> MigrationBody:
        return self._get(f"{self._path(table)}/migrations/{migration_id}", MigrationBody)

    def migrations(self, table: str) -> Iterator[MigrationBody]:
        """Newest first."""
        for page in self._pages(f"{self._path(table)}/migrations", MigrationList):
            yield from page.migrations

    def operation(self, operation_id: str) -> Operation:
        return self._accepted(self._client.bytes("GET", f"/operations/{operation_id}"))

    def operations(
        self, status: Literal["pending", "running", "completed", "failed", "cancelled"] | None = None
    ) -> Iterator[OperationBody]:
        """Newest first."""
        for page in self._pages("/operations", OperationList, status=status):
            yield from page.operations

    def _path(self, table: str) -> str:
        return f"/dataset-tables/{self._client.table_id(table)}"

    def _get(self, path: str, shape: type[T], **query: Any) -> T:
        return msgspec.json.decode(self._client.bytes("GET", path, None, None, **query), type=shape)

    def _pages(self, path: str, shape: type[P], **query: Any) -> Iterator[P]:
        token: Any = None
        while token is not UNSET:
            page = self._get(path, shape, pageSize=200, pageToken=token, **query)
            yield page
            token = page.next_page_token

    def _submitted(self, path: str, body: object, key: str | None, if_match: str | None = None) -> Operation:
        headers = _given({"If-Match": if_match, IDEMPOTENCY_KEY: key or new_key()})
        return self._accepted(self._client.bytes("POST", path, body, headers))

    def _accepted(self, answer: bytes) -> Operation:
        return Operation(self._client, msgspec.json.decode(answer, type=OperationBody))


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
