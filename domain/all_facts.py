"""Every fact there is, as one tagged union: what the log can hold and the mapper can decode."""

from domain.alarm.events import AlarmFact
from domain.migration.events import MigrationFact
from domain.operation.events import OperationFact
from domain.policy.events import PolicyFact
from domain.role_binding.events import RoleBindingFact
from domain.subject.events import SubjectFact
from domain.table.events import TableFact
from domain.token.events import TokenFact
from domain.trail.events import TrailFact
from domain.webhook.events import WebhookFact

AnyFact = (
    TableFact
    | MigrationFact
    | OperationFact
    | PolicyFact
    | TrailFact
    | SubjectFact
    | TokenFact
    | RoleBindingFact
    | WebhookFact
    | AlarmFact
)
