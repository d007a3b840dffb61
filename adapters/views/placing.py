"""Where an event stands, in SQL: inline views run after the insert, in the same transaction, and read it back."""

POSITION = (
    "(SELECT notification_id FROM stored_events WHERE originator_id = %(stream)s AND originator_version = %(version)s)"
)
MOMENT = "(SELECT recorded_at FROM stored_events WHERE originator_id = %(stream)s AND originator_version = %(version)s)"
