-- The log. Positions are given here, one after the other without gaps, so that an auditor can see a missing one.

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

-- Whoever writes, in whatever way, waits here until the writer before has committed: positions appear in the order of
-- commits, and a reader that follows the log passes over nothing.
CREATE OR REPLACE FUNCTION stored_events_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(1548657133::bigint);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER stored_events_in_turn
    BEFORE INSERT ON stored_events FOR EACH STATEMENT EXECUTE FUNCTION stored_events_in_turn();

-- The next position, and a moment that never goes back whatever the clock does. It is not carried far ahead by one wrong
-- clock either, which would have it stand still until that time has come: the writer gives what its own clock says, and
-- where this one is more than five minutes beyond it, the writer's counts. A stream has no holes: an event above
-- the first needs the one before it. (The library's own tests begin streams at 0.)
CREATE OR REPLACE FUNCTION stored_events_place() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
    here timestamptz := pg_catalog.clock_timestamp();
BEGIN
    IF here > NEW.recorded_at + interval '5 minutes' THEN
        here := NEW.recorded_at;
    END IF;
    IF NEW.originator_version > 1 AND NOT EXISTS (
        SELECT FROM stored_events
        WHERE originator_id = NEW.originator_id AND originator_version = NEW.originator_version - 1)
    THEN
        RAISE EXCEPTION 'stream % does not stand at version %', NEW.originator_id, NEW.originator_version - 1
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT notification_id, recorded_at INTO last FROM stored_events ORDER BY notification_id DESC LIMIT 1;
    NEW.notification_id := coalesce(last.notification_id, 0) + 1;
    NEW.recorded_at := greatest(here, last.recorded_at);
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

-- Also in a session that plays a replica, where triggers rest otherwise.
ALTER TABLE stored_events
    ENABLE ALWAYS TRIGGER stored_events_in_turn,
    ENABLE ALWAYS TRIGGER stored_events_place,
    ENABLE ALWAYS TRIGGER stored_events_keep_rows,
    ENABLE ALWAYS TRIGGER stored_events_keep_all;

-- Whatever the session of a writer has in its way: a temporary table of the log's name is found before the log where a
-- name is looked up as the session says. (``subject_key_is_there`` has the same in tables.sql.)
DO $$ DECLARE one pg_catalog.regprocedure; BEGIN
    FOR one IN
        SELECT oid FROM pg_catalog.pg_proc
        WHERE pronamespace = current_schema()::pg_catalog.regnamespace AND starts_with(proname, 'stored_events_')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', one, current_schema());
    END LOOP;
END $$;

-- Nobody needs temporary tables here. Only the owner of a database can say so.
DO $$ BEGIN
    IF pg_has_role((SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database()), 'USAGE') THEN
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    END IF;
END $$;
