"""Who uses the installation meanwhile: callers that migrate and cancel, and writers that append rows on their own."""

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

import httpx
import lance
import pyarrow as pa

from tests.acceptance.chaos.processes import Installation

PATIENCE = 120.0
SECONDS_BETWEEN_APPENDS, FRAGMENTS_AT_FULL_PACE = 0.3, 50
FIELDS = {"id": "int64", "v": "int64", "n": "int32", "s": "utf8"}
"""``v`` is ten times ``id``, in every row, for ever; what else there is comes and goes."""

Operations = list[dict[str, Any]]


class Caller:
    """Calls any API process, and the next one when that does not answer. Every call is safe to repeat."""

    def __init__(self, installation: Installation, random: Random) -> None:
        self._installation, self._random = installation, random
        self._token = installation.settings().token_file.read_text().strip()
        self._http = httpx.Client(timeout=20)
        self.accepted: list[str] = []
        """Operations that were answered with 202."""

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE
        while True:
            base = self._installation.base_url(self._random.choice(self._installation.apis))
            try:
                sent = {"Authorization": f"Bearer {self._token}", **headers}
                answer = self._http.request(method, base + path, json=body, headers=sent)
            except httpx.HTTPError as error:
                problem = repr(error)
            else:
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
                assert answer.json()["retryable"], answer.text
                problem = answer.text
            assert time.monotonic() < deadline, problem
            time.sleep(0.1)

    def new_table(self, name: str) -> dict[str, Any]:
        fields = [{"name": field, "arrowType": data_type} for field, data_type in FIELDS.items()]
        answer = self.call("POST", "/dataset-tables", {"datasetId": "d", "tableName": name, "fields": fields})
        if answer.status_code == 409:  # the answer to the first try was lost
            (table,) = self.call("GET", f"/dataset-tables?datasetId=d&name={name}").json()["tables"]
            return dict(table)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def migrate(self, table_id: str) -> None:
        """Some migration that makes sense, if it still does when it is asked for."""
        fields = self.call("GET", f"/dataset-tables/{table_id}/schema").json()["fields"]
        operations = migration_of({field["name"]: field["dataType"] for field in fields}, self._random)
        key = str(UUID(int=self._random.getrandbits(128)))
        path = f"/dataset-tables/{table_id}/migrations"
        answer = self.call("POST", path, {"operations": operations}, **{"Idempotency-Key": key})
        assert answer.status_code in (202, 400, 409), answer.text
        if answer.status_code == 202:
            self.accepted.append(answer.json()["operationId"])

    def compact(self, table_id: str) -> None:
        key = str(UUID(int=self._random.getrandbits(128)))
        answer = self.call("POST", f"/dataset-tables/{table_id}/compact", **{"Idempotency-Key": key})
        self.accepted.append(answer.json()["operationId"])

    def cancel(self) -> None:
        """One of the latest operations, which may have ended or be about to."""
        if self.accepted:
            operation = self._random.choice(self.accepted[-4:])
            answer = self.call("POST", f"/operations/{operation}/cancel", {"reason": "chaos"})
            assert answer.status_code in (200, 202, 409), answer.text

    def final(self, operation_id: str) -> dict[str, Any] | None:
        seen = self.call("GET", f"/operations/{operation_id}").json()
        return dict(seen) if seen["status"] in ("completed", "failed", "cancelled") else None


def migration_of(fields: dict[str, str], random: Random) -> Operations:
    """One to three changes of columns other than ``id`` and ``v``."""
    own = [name for name in fields if name not in ("id", "v")]
    made: Operations = []
    for _ in range(random.randint(1, 3)):
        name = f"c{random.randrange(10_000)}"
        kind = random.choice(["add", "add", "rename", "retype", "drop", "index"])
        if kind == "add" or not own:
            default = random.choice([None, random.randrange(100)])
            params: dict[str, Any] = {"name": name, "dataType": "int32", "nullable": True}
            made.append(
                {"type": "add_column", "params": params | ({} if default is None else {"defaultValue": default})}
            )
            continue
        column = own.pop(random.randrange(len(own)))
        if kind == "rename":
            made.append({"type": "rename_column", "params": {"oldName": column, "newName": name}})
        elif kind == "drop":
            made.append({"type": "drop_column", "params": {"name": column}})
        elif kind == "retype":
            old = fields[column]
            new = {"int32": "int64", "int64": "int32", "utf8": "large_utf8", "large_utf8": "utf8"}[old]
            made.append({"type": "change_column_type", "params": {"name": column, "oldType": old, "newType": new}})
        else:
            made.append({"type": "add_scalar_index", "params": {"column": column, "indexType": "btree", "name": name}})
    return made


class Writer:
    """Appends rows to one table, as any program beside us would, until told to stop."""

    def __init__(self, location: str, may_go_on: Callable[[], bool]) -> None:
        self._location, self._may_go_on = location, may_go_on
        self.written = 0
        """Rows 0 to below this were appended, each once."""
        self.thread = threading.Thread(target=self._write, daemon=True)

    def append(self, rows: int) -> None:
        ids = list(range(self.written, self.written + rows))
        table = pa.table({"id": ids, "v": [number * 10 for number in ids]})
        deadline = time.monotonic() + PATIENCE
        while True:
            before = lance.dataset(self._location)
            try:
                lance.write_dataset(table, self._location, mode="append")
            except (OSError, ValueError, RuntimeError):
                assert time.monotonic() < deadline
                # A commit of somebody else was first. A writer looks whether its own came through after all.
                if not lance.dataset(self._location).count_rows(filter=f"id >= {self.written}"):
                    continue
            assert before.version < lance.dataset(self._location).version
            self.written += rows
            return

    def _write(self) -> None:
        """The slower the more fragments there are: nobody lets them pile up for hours."""
        while self._may_go_on():
            self.append(5)
            fragments = len(lance.dataset(self._location).get_fragments())
            time.sleep(SECONDS_BETWEEN_APPENDS * max(1.0, fragments / FRAGMENTS_AT_FULL_PACE))
