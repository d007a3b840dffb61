-- One table per projection. The number in a name is the projection's version: a new shape is built beside the old one.

CREATE TABLE IF NOT EXISTS projections (
    name text PRIMARY KEY,
    position bigint NOT NULL
);

-- Events that a view cannot get past, whatever is wrong with them or with it; no row while it goes on.

CREATE TABLE IF NOT EXISTS projection_troubles (
    name text PRIMARY KEY,
    position bigint NOT NULL,
    message text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Inline: written in the append's own transaction.

CREATE TABLE IF NOT EXISTS operation_status_v1 (
    operation_id uuid PRIMARY KEY,
    position bigint NOT NULL,
    version bigint NOT NULL,
    table_id uuid NOT NULL,
    migration_id uuid,
    operation_type text NOT NULL,
    target_type text NOT NULL,
    target_id text NOT NULL,
    description text NOT NULL,
    status text NOT NULL,
    percent double precision NOT NULL,
    message text,
    cancellation_requested boolean NOT NULL,
    error_code text,
    error_message text,
    request_fingerprint text,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    completed_at timestamptz
);
ALTER TABLE operation_status_v1 ADD COLUMN IF NOT EXISTS estimated_ms bigint;
ALTER TABLE operation_status_v1 ADD COLUMN IF NOT EXISTS uncorrected_ms bigint;
ALTER TABLE operation_status_v1 ADD COLUMN IF NOT EXISTS measured_ms bigint;
ALTER TABLE operation_status_v1
    ADD COLUMN IF NOT EXISTS attempt integer,
    ADD COLUMN IF NOT EXISTS units_done bigint,
    ADD COLUMN IF NOT EXISTS units_total bigint,
    ADD COLUMN IF NOT EXISTS rows_done bigint,
    ADD COLUMN IF NOT EXISTS rows_total bigint,
    ADD COLUMN IF NOT EXISTS rows_per_second double precision,
    ADD COLUMN IF NOT EXISTS expected_end_at timestamptz,
    ADD COLUMN IF NOT EXISTS cancellation_reason text,
    ADD COLUMN IF NOT EXISTS cancellation_requested_at timestamptz,
    ADD COLUMN IF NOT EXISTS cancellation_acknowledged_at timestamptz,
    ADD COLUMN IF NOT EXISTS retries uuid;
ALTER TABLE operation_status_v1 ADD COLUMN IF NOT EXISTS awaits text;
CREATE INDEX IF NOT EXISTS operation_status_v1_newest ON operation_status_v1 (position);
CREATE INDEX IF NOT EXISTS operation_status_v1_of_table ON operation_status_v1 (table_id, position);
CREATE INDEX IF NOT EXISTS operation_status_v1_by_status ON operation_status_v1 (status, position);

CREATE TABLE IF NOT EXISTS dataset_tables_v1 (
    table_id uuid PRIMARY KEY,
    position bigint NOT NULL,
    dataset_id text NOT NULL,
    name text NOT NULL,
    description text,
    engine text NOT NULL,
    location text NOT NULL,
    schema_version bigint NOT NULL,
    schema text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT dataset_tables_v1_name UNIQUE (dataset_id, name),
    CONSTRAINT dataset_tables_v1_location UNIQUE (location)
);
ALTER TABLE dataset_tables_v1
    ADD COLUMN IF NOT EXISTS effective_at timestamptz,
    ADD COLUMN IF NOT EXISTS schema_position bigint;
CREATE INDEX IF NOT EXISTS dataset_tables_v1_newest ON dataset_tables_v1 (position);

-- What somebody has to approve, or has decided; the words of both are in the log alone.

CREATE TABLE IF NOT EXISTS approvals_v1 (
    migration_id uuid PRIMARY KEY,
    position bigint NOT NULL,
    table_id uuid NOT NULL,
    dataset_id text NOT NULL,
    operation_id uuid NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    hazards text[] NOT NULL,
    approvers text[] NOT NULL,
    plan_hash text NOT NULL,
    author text NOT NULL,
    asked_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz
);
CREATE INDEX IF NOT EXISTS approvals_v1_open ON approvals_v1 (position) WHERE status IN ('waiting', 'open');
CREATE INDEX IF NOT EXISTS approvals_v1_newest ON approvals_v1 (position);

CREATE TABLE IF NOT EXISTS approval_policies_v1 (
    dataset_id text PRIMARY KEY,
    hazards text[] NOT NULL,
    approvers text[] NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL
);

-- Where every table belongs that there ever was.

CREATE TABLE IF NOT EXISTS table_homes_v1 (
    table_id uuid PRIMARY KEY,
    dataset_id text NOT NULL
);
CREATE INDEX IF NOT EXISTS table_homes_v1_of_dataset ON table_homes_v1 (dataset_id, table_id);
INSERT INTO table_homes_v1 (table_id, dataset_id)
SELECT table_id, dataset_id FROM dataset_tables_v1 AS known
WHERE NOT EXISTS (SELECT FROM table_homes_v1 WHERE table_id = known.table_id)
ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS operation_leases (
    operation_id uuid PRIMARY KEY,
    position bigint NOT NULL,
    table_id uuid NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT clock_timestamp(),
    worker text,
    expires_at timestamptz
);
ALTER TABLE operation_leases ADD COLUMN IF NOT EXISTS renewed_at timestamptz;
ALTER TABLE operation_leases ADD COLUMN IF NOT EXISTS turn bigint;
ALTER TABLE operation_leases ADD COLUMN IF NOT EXISTS held boolean NOT NULL DEFAULT false;
DROP INDEX IF EXISTS operation_leases_oldest;
CREATE INDEX IF NOT EXISTS operation_leases_in_turn ON operation_leases (turn) WHERE turn IS NOT NULL;
CREATE INDEX IF NOT EXISTS operation_leases_of_table ON operation_leases (table_id, position);
CREATE UNIQUE INDEX IF NOT EXISTS operation_leases_one_per_table ON operation_leases (table_id)
    WHERE worker IS NOT NULL;

-- What attempts have prepared and not published, so that the next attempt need not do it again. It ends with the lease.

CREATE TABLE IF NOT EXISTS prepared_units (
    operation_id uuid NOT NULL REFERENCES operation_leases ON DELETE CASCADE,
    name text NOT NULL,
    outcome bytea NOT NULL,
    PRIMARY KEY (operation_id, name)
);

-- When each chore of housekeeping was done last, so that one of all processes does it.

CREATE TABLE IF NOT EXISTS chores (
    name text PRIMARY KEY,
    done_at timestamptz NOT NULL
);

-- Asynchronous: they follow the log.

CREATE TABLE IF NOT EXISTS migrations_v4 (
    migration_id uuid PRIMARY KEY,
    position bigint NOT NULL,
    operation_id uuid,
    table_id uuid NOT NULL,
    dataset_id text NOT NULL,
    from_version bigint NOT NULL,
    to_version bigint NOT NULL,
    operations text NOT NULL,
    description text,
    reverts uuid,
    status text NOT NULL,
    error_code text,
    error_message text,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    adopted_by text,
    started_at timestamptz,
    completed_at timestamptz
);
CREATE INDEX IF NOT EXISTS migrations_v4_of_table ON migrations_v4 (table_id, position);

CREATE TABLE IF NOT EXISTS column_history_v2 (
    table_id uuid NOT NULL,
    field_id bigint NOT NULL,
    version bigint NOT NULL,
    name text NOT NULL,
    alive boolean NOT NULL,
    chapter text NOT NULL,
    PRIMARY KEY (table_id, field_id, version)
);
CREATE INDEX IF NOT EXISTS column_history_v2_by_name ON column_history_v2 (table_id, name, version, alive);

CREATE TABLE IF NOT EXISTS schema_versions_v2 (
    table_id uuid NOT NULL,
    version bigint NOT NULL,
    schema text NOT NULL,
    fingerprint text NOT NULL,
    migration_id uuid,
    effective_at timestamptz NOT NULL,
    known_at timestamptz NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (table_id, version)
);
CREATE INDEX IF NOT EXISTS schema_versions_v2_effective ON schema_versions_v2 (table_id, effective_at, version);
CREATE INDEX IF NOT EXISTS schema_versions_v2_known ON schema_versions_v2 (table_id, known_at, version);
CREATE INDEX IF NOT EXISTS schema_versions_v2_position ON schema_versions_v2 (table_id, position, version);

-- Views of shapes before these are derived from the log, and are not read any more.

DROP TABLE IF EXISTS migrations_v2, migrations_v3;
DROP TABLE IF EXISTS column_history_v1;
DROP TABLE IF EXISTS schema_versions_v1;

-- The bearer tokens that are good, by the SHA-256 of the secret.

CREATE TABLE IF NOT EXISTS access_tokens (
    token_id uuid PRIMARY KEY,
    subject text NOT NULL,
    secret_sha256 bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Without grants: the admin's, from before there were any.
ALTER TABLE access_tokens
    ADD COLUMN IF NOT EXISTS position bigint,
    ADD COLUMN IF NOT EXISTS grants text,
    ADD COLUMN IF NOT EXISTS created_by text NOT NULL DEFAULT 'system',
    ADD COLUMN IF NOT EXISTS description text,
    ADD COLUMN IF NOT EXISTS expires_at timestamptz,
    ADD COLUMN IF NOT EXISTS revoked_at timestamptz,
    ADD COLUMN IF NOT EXISTS last_used_at timestamptz,
    ADD COLUMN IF NOT EXISTS made_with uuid;

-- What the identity provider's subjects and groups may do.

CREATE TABLE IF NOT EXISTS role_bindings_v1 (
    binding_id uuid PRIMARY KEY,
    position bigint NOT NULL,
    kind text NOT NULL,
    holder text NOT NULL,
    roles text[] NOT NULL,
    grant_json text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz
);
ALTER TABLE role_bindings_v1 ADD COLUMN IF NOT EXISTS made_with uuid;
CREATE INDEX IF NOT EXISTS role_bindings_v1_of_holder ON role_bindings_v1 (holder, position);
CREATE INDEX IF NOT EXISTS role_bindings_v1_newest ON role_bindings_v1 (position);

-- The seal: the tree over the log, in tiles of 256 hashes, and what was signed of it.

CREATE TABLE IF NOT EXISTS seal_tiles (
    level integer NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, number)
);
CREATE TABLE IF NOT EXISTS seal_checkpoints (
    size bigint PRIMARY KEY,
    root bytea NOT NULL,
    note text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Checkpoints are thinned: after an hour the last of each minute is kept, after a day the last of each hour, and the
-- first and the last of all in any case. The tree proves of any size that the log goes on from it. As a function of
-- the owner's: who runs the service may not delete checkpoints otherwise. Nothing of the caller's is looked up in it.
DO $$ BEGIN
    EXECUTE format($make$
        CREATE OR REPLACE FUNCTION seal_checkpoints_thin() RETURNS bigint LANGUAGE sql SECURITY DEFINER
        SET search_path = pg_catalog, %1$I, pg_temp
        BEGIN ATOMIC
            WITH aged AS (
                SELECT size, row_number() OVER (ORDER BY size) = 1 AS is_first, signed_at < now() - interval '1 hour' AS is_old,
                    date_trunc(CASE WHEN signed_at < now() - interval '1 day' THEN 'hour' ELSE 'minute' END, signed_at, 'UTC') AS begins,
                    lead(signed_at) OVER (ORDER BY size) AS next
                FROM %1$I.seal_checkpoints
            ), gone AS (
                DELETE FROM %1$I.seal_checkpoints USING aged
                WHERE seal_checkpoints.size = aged.size AND is_old AND NOT is_first
                    AND next < begins + CASE WHEN signed_at < now() - interval '1 day' THEN interval '1 hour' ELSE interval '1 minute' END
                RETURNING 1
            )
            SELECT count(*) FROM gone;
        END
    $make$, current_schema());
    REVOKE ALL ON FUNCTION seal_checkpoints_thin() FROM PUBLIC;
END $$;

-- Of the outside copy: the last checkpoint that it was given, and its length then. Whatever is less later was lost.
CREATE TABLE IF NOT EXISTS seal_copies (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    size bigint NOT NULL,
    bytes bigint NOT NULL
);

-- Why the seal has stopped; no row while it goes on.
CREATE TABLE IF NOT EXISTS seal_alarms (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    message text NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Asynchronous: of which table each stream is.

CREATE TABLE IF NOT EXISTS event_streams_v1 (
    stream uuid PRIMARY KEY,
    table_id uuid NOT NULL
);
CREATE INDEX IF NOT EXISTS event_streams_v1_of_table ON event_streams_v1 (table_id);

-- Asynchronous: where in the log what an auditor may ask for stands.

CREATE TABLE IF NOT EXISTS audit_trail_v1 (
    position bigint PRIMARY KEY,
    stream uuid NOT NULL,
    version bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    type text NOT NULL,
    actor text NOT NULL,
    table_id uuid,
    cause uuid
);
CREATE UNIQUE INDEX IF NOT EXISTS audit_trail_v1_firsts ON audit_trail_v1 (stream) WHERE version = 1;
CREATE INDEX IF NOT EXISTS audit_trail_v1_of_table ON audit_trail_v1 (table_id, position);
CREATE INDEX IF NOT EXISTS audit_trail_v1_by_actor ON audit_trail_v1 (actor, position);
CREATE INDEX IF NOT EXISTS audit_trail_v1_by_type ON audit_trail_v1 (type, position);
CREATE INDEX IF NOT EXISTS audit_trail_v1_by_moment ON audit_trail_v1 (recorded_at, position);

-- What callers were refused and what they read of the trail, counted until the hour is written down.

CREATE TABLE IF NOT EXISTS caller_tallies (
    deed text NOT NULL,
    caller text NOT NULL,
    hour timestamptz NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (deed, caller, hour)
);

-- Who is who, and the keys to what they wrote. Erasing a subject deletes from both: there is no other copy.

CREATE TABLE IF NOT EXISTS subject_names (
    subject text PRIMARY KEY,
    name text NOT NULL,
    named_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS subject_keys (
    key_id uuid PRIMARY KEY,
    subject text NOT NULL UNIQUE,
    secret bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- An append asks, once its events are in and all other writers wait: a text under a key that is gone could not be read.

CREATE OR REPLACE FUNCTION subject_key_is_there(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM subject_keys WHERE key_id = wanted) THEN
        RAISE EXCEPTION 'the key % was deleted', wanted USING ERRCODE = 'SLK01';
    END IF;
END $$;
DO $$ BEGIN
    EXECUTE format(
        'ALTER FUNCTION subject_key_is_there(uuid) SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$;

-- Inline: where messages go.

CREATE TABLE IF NOT EXISTS webhooks_v1 (
    webhook_id uuid PRIMARY KEY,
    position bigint NOT NULL,
    url text NOT NULL,
    description text,
    event_types text[] NOT NULL,
    datasets text[] NOT NULL,
    tables uuid[] NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    secret_id uuid NOT NULL,
    previous_secret_id uuid,
    previous_until timestamptz,
    verified_at timestamptz,
    disabled_at timestamptz,
    disabled_reason text,
    -- It is told of what happened after this position; null while it is told nothing.
    since bigint
);
CREATE INDEX IF NOT EXISTS webhooks_v1_newest ON webhooks_v1 (position);

-- What webhooks' messages are signed with: in no event, in no answer but the one that told it.

CREATE TABLE IF NOT EXISTS webhook_secrets (
    secret_id uuid PRIMARY KEY,
    webhook_id uuid NOT NULL,
    secret bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS webhook_secrets_of_webhook ON webhook_secrets (webhook_id);

-- What is to be sent, and what became of it. It follows the log from here on: there were no webhooks before.

CREATE TABLE IF NOT EXISTS webhook_deliveries (
    delivery_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook_id uuid NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    data text NOT NULL,
    challenge text,
    status text NOT NULL DEFAULT 'pending',
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz DEFAULT clock_timestamp(),
    claim uuid,
    claimed_until timestamptz,
    last_status integer,
    last_error text,
    last_tried_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    UNIQUE (webhook_id, position)
);
CREATE INDEX IF NOT EXISTS webhook_deliveries_due ON webhook_deliveries (webhook_id, next_try_at)
    WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS webhook_deliveries_ended ON webhook_deliveries (webhook_id, ended_at)
    WHERE status = 'delivered';
CREATE INDEX IF NOT EXISTS webhook_deliveries_oldest ON webhook_deliveries (created_at);
INSERT INTO projections (name, position)
SELECT 'webhook_deliveries', coalesce(max(notification_id), 0) FROM stored_events
ON CONFLICT (name) DO NOTHING;

-- When each webhook had its turn last.

CREATE TABLE IF NOT EXISTS webhook_turns (
    webhook_id uuid PRIMARY KEY,
    had_at timestamptz NOT NULL
);
