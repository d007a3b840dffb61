-- The log. Positions are given here, one after the other without gaps, so that an auditor can see a missing one;
-- every writer holds the advisory lock of the append, so positions appear in the order of commits.

CREATE TABLE IF NOT EXISTS stored_events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
);

-- What the `eventsourcing` library passes rows in.
DO $$ BEGIN
    CREATE TYPE stored_event_uuid AS (originator_id uuid, originator_version bigint, topic text, state bytea);
EXCEPTION WHEN duplicate_object THEN
    NULL;
END $$;

CREATE UNIQUE INDEX IF NOT EXISTS stored_events_notification_id_idx ON stored_events (notification_id);

-- The next position, and a moment that never goes back whatever the clock does.
CREATE OR REPLACE FUNCTION stored_events_place() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    SELECT notification_id, recorded_at INTO last FROM stored_events ORDER BY notification_id DESC LIMIT 1;
    NEW.notification_id := coalesce(last.notification_id, 0) + 1;
    NEW.recorded_at := greatest(clock_timestamp(), last.recorded_at);
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER stored_events_place
    BEFORE INSERT ON stored_events FOR EACH ROW EXECUTE FUNCTION stored_events_place();

CREATE OR REPLACE FUNCTION stored_events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only: % is refused', TG_OP;
END $$;

CREATE OR REPLACE TRIGGER stored_events_keep_rows
    BEFORE UPDATE OR DELETE ON stored_events FOR EACH ROW EXECUTE FUNCTION stored_events_refuse();

CREATE OR REPLACE TRIGGER stored_events_keep_all
    BEFORE TRUNCATE ON stored_events FOR EACH STATEMENT EXECUTE FUNCTION stored_events_refuse();
