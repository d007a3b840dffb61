"""What every use case is handed: the ports, put together by the one composition root."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from domain.access import Whereabouts
from domain.audit.seal import Seal
from domain.engine import TableEngine
from domain.errors import EngineUnknown, TableNotFound
from domain.handlers.remembering import TableMemory
from domain.history import History
from domain.ports import Clock, EventStore, Ids, Locations, LogReader, RoleBook, Tallies, TokenBook
from domain.subject.texts import Subjects
from domain.table import decider as table_decider
from domain.trail.entry import Trail
from domain.views import Approvals, Views
from domain.webhook.addresses import PUBLIC_ONLY, Allowance
from domain.webhook.deliveries import Webhooks

RACES = 10
"""How often a use case loads and decides anew when somebody else appended first."""


@dataclass(frozen=True)
class House:
    store: EventStore
    reader: LogReader
    subjects: Subjects
    views: Views
    history: History
    engines: Mapping[str, TableEngine]
    locations: Locations
    ids: Ids
    seal: Seal
    whereabouts: Whereabouts
    trail: Trail
    tallies: Tallies
    tokens: TokenBook
    role_book: RoleBook
    approvals: Approvals
    webhooks: Webhooks
    default_policy: tuple[str, ...]
    """The kinds of hazards that need approval in datasets without a policy of their own."""
    clock: Clock
    projections: tuple[str, ...] = ()
    """The views that can be built anew from the log, by name."""
    webhook_allowance: Allowance = PUBLIC_ONLY
    """Where webhooks may lead beside the public internet."""
    tables: TableMemory = field(default_factory=TableMemory)

    def engine(self, name: str) -> TableEngine:
        """The engine of that name; raises EngineUnknown."""
        try:
            return self.engines[name]
        except KeyError:
            raise EngineUnknown(name, ", ".join(sorted(self.engines))) from None

    def table(self, table_id: UUID) -> tuple[table_decider.Managed, int]:
        """A table under management and the version of its stream; raises TableNotFound."""
        known = self.tables.of(table_id)
        state, version = self.tables.caught_up(table_id, known, self.store.facts(table_id, known.version))
        if not isinstance(state, table_decider.Managed):
            raise TableNotFound(str(table_id))
        return state, version
