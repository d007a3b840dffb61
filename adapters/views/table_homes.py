"""``table_homes``, inline: the dataset of every table there ever was. Rows stay when a table is unregistered."""

from collections.abc import Iterable
from uuid import UUID

from adapters.postgres.statements import Statement
from domain.facts import Fact
from domain.table.events import TableRegistered

INSERT = "INSERT INTO table_homes_v1 (table_id, dataset_id) VALUES (%(stream)s, %(dataset_id)s)"


def table_homes(stream: UUID, version: int, fact: Fact) -> Iterable[Statement]:  # noqa: ARG001
    if isinstance(fact, TableRegistered):
        yield Statement(INSERT, {"stream": stream, "dataset_id": fact.dataset_id})
