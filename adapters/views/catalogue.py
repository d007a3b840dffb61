"""All views: which are written with the append, which follow the log, and which can be built anew."""

from adapters.views.access_tokens import access_tokens
from adapters.views.approvals import FACTS as APPROVAL_FACTS
from adapters.views.approvals import approvals
from adapters.views.audit_trail import NAME as TRAIL
from adapters.views.audit_trail import audit_trail
from adapters.views.column_history import column_history
from adapters.views.dataset_tables import dataset_tables
from adapters.views.event_streams import event_streams
from adapters.views.folding import OneByOne, View, once
from adapters.views.follower import Projection
from adapters.views.migration_rows import MigrationRows
from adapters.views.migrations import migrations
from adapters.views.operation_leases import operation_leases
from adapters.views.operation_rows import OperationRows
from adapters.views.operation_status import operation_status
from adapters.views.role_bindings import FACTS as ROLE_BINDING_FACTS
from adapters.views.role_bindings import role_bindings
from adapters.views.schema_versions import schema_versions
from adapters.views.subject_names import erasure
from adapters.views.table_homes import table_homes
from adapters.views.table_rows import TableRows
from adapters.views.trail_rows import StreamRows, TrailRows
from adapters.views.version_rows import VersionRows
from adapters.views.webhook_deliveries import asked_deliveries
from adapters.views.webhooks import FACTS as WEBHOOK_FACTS
from adapters.views.webhooks import webhooks
from domain.table.events import TableRegistered

INLINE = (
    operation_status,
    dataset_tables,
    operation_leases,
    table_homes,
    access_tokens,
    role_bindings,
    approvals,
    erasure,
    webhooks,
    asked_deliveries,
)
FOLLOWED = (
    Projection("migrations_v4", lambda event: (*migrations(event), *column_history(event))),
    Projection("schema_versions_v2", schema_versions),
    Projection("event_streams_v1", event_streams),
    Projection(TRAIL, audit_trail),
)
VIEWS = (
    View("operation_status", ("operation_status_v1",), OperationRows),
    View("dataset_tables", ("dataset_tables_v1",), TableRows),
    View("table_homes", ("table_homes_v1",), lambda: OneByOne(once(table_homes), (TableRegistered,))),
    View("migrations", ("migrations_v4", "column_history_v2"), MigrationRows, "migrations_v4"),
    View("schema_versions", ("schema_versions_v2",), VersionRows, "schema_versions_v2"),
    View("event_streams", ("event_streams_v1",), StreamRows, "event_streams_v1"),
    View("approvals", ("approvals_v1", "approval_policies_v1"), lambda: OneByOne(once(approvals), APPROVAL_FACTS)),
    View("role_bindings", ("role_bindings_v1",), lambda: OneByOne(once(role_bindings), ROLE_BINDING_FACTS)),
    View("webhooks", ("webhooks_v1",), lambda: OneByOne(once(webhooks), WEBHOOK_FACTS)),
    View("audit_trail", (TRAIL,), TrailRows, TRAIL),
)
"""What can be built anew, by the names it is asked for. Leases, tokens and deliveries also hold what is not
in the log."""
