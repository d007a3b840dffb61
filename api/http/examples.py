"""Examples of request bodies, published with their shapes; the tests send them in the order they stand in."""

from typing import Any

from api.http import bodies, subjects, webhook_wire

EXAMPLES: dict[type, dict[str, Any]] = {
    bodies.NewTableBody: {
        "datasetId": "shop",
        "tableName": "orders",
        "description": "One row for each order.",
        "fields": [
            {"name": "id", "arrowType": "int64", "nullable": False},
            {"name": "amount", "arrowType": "int32"},
            {"name": "note", "arrowType": "utf8", "comment": "What the customer wrote."},
        ],
        "primaryKeyColumns": ["id"],
    },
    bodies.MigrationRequestBody: {
        "description": "Amounts outgrow 32 bits, and are told in a currency.",
        "operations": [
            {"type": "change_column_type", "params": {"name": "amount", "oldType": "int32", "newType": "int64"}},
            {
                "type": "add_column",
                "params": {"name": "currency", "dataType": "utf8", "nullable": False, "defaultValue": "EUR"},
            },
        ],
    },
    bodies.NewIndexBody: {"column": "currency", "indexType": "btree", "name": "by_currency"},
    bodies.RevertBody: {"description": "The currency comes from another system after all."},
    bodies.CancelBody: {"reason": "It waits for the release of Thursday."},
    bodies.AdoptBody: {"description": "Added by hand during the incident of Monday."},
    bodies.NewTokenBody: {
        "subject": "pipeline-shop",
        "description": "The pipeline of the shop's repository.",
        "grants": [{"roles": ["editor"], "datasets": ["shop"]}],
        "expiresAt": "2099-01-01T00:00:00Z",
    },
    bodies.NewRoleBindingBody: {"group": "data-platform", "roles": ["editor"], "datasets": ["shop"]},
    bodies.NewPolicyBody: {"hazards": ["data_loss", "irreversible"], "approvers": ["bea", "cem"]},
    bodies.ApproveBody: {"reason": "Looked at with the owner of the reports."},
    bodies.RejectBody: {"reason": "The reports of March still read the column."},
    subjects.NamedSubjectBody: {"subjectId": "pipeline-shop", "name": "The pipeline of the shop"},
    subjects.ErasedSubjectBody: {"subjectId": "pipeline-shop"},
    webhook_wire.NewWebhookBody: {
        "url": "https://ci.example.com/hooks/schemaledger",
        "eventTypes": ["operation.completed", "operation.failed", "drift.found"],
        "datasets": ["shop"],
        "description": "The pipeline of the shop goes on when its migration is done.",
    },
    webhook_wire.ChangedWebhookBody: {"enabled": False},
    webhook_wire.RotatedSecretBody: {"overlapHours": 48},
}
