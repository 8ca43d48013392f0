"""The tables of the index in PostgreSQL, made in numbered steps by their owner.

Three roles: the owner, as whom nobody runs anything but these steps; the writer (the sequencer),
who may INSERT and SELECT; the watch, who may SELECT. The triggers are ENABLE ALWAYS, so they fire
in ``session_replication_role = replica`` too. The owner and a superuser can still drop them: the
tamper watch sees that.
"""

from typing import LiteralString

SCHEMA = "audit"
TABLES: LiteralString = """
CREATE TABLE audit.log (
    identity text PRIMARY KEY,
    origin text NOT NULL
);
CREATE TABLE audit.steps (
    number integer PRIMARY KEY
);
CREATE TABLE audit.entries (
    id bigint PRIMARY KEY,
    event_id text COLLATE "C" NOT NULL,
    entity_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    current_hash text COLLATE "C" NOT NULL,
    event_time text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    service_name text COLLATE "C" NOT NULL,
    user_id text COLLATE "C",
    canonical text COLLATE "C" NOT NULL,
    CONSTRAINT entries_head UNIQUE (entity_id, version),
    CONSTRAINT entries_event UNIQUE (event_id)
);
CREATE TABLE audit.spans (
    first_id bigint PRIMARY KEY,
    last_id bigint NOT NULL,
    earliest text COLLATE "C" NOT NULL,
    latest text COLLATE "C" NOT NULL
);
-- By hash: a name may be longer than a tree takes.
CREATE INDEX entries_user ON audit.entries USING hash (user_id) WHERE user_id IS NOT NULL;
CREATE VIEW audit.heads AS SELECT entity_id, version, current_hash, id FROM audit.entries;
-- Strings of JSON are shown as they are written there: one that holds a NUL has no other form here.
CREATE FUNCTION audit.shown(value json) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE json_typeof(value)
        WHEN 'null' THEN NULL
        WHEN 'string' THEN substr(value::text, 2, length(value::text) - 2)
        ELSE value::text
    END
$$;
CREATE VIEW audit.audit_log AS SELECT
    id,
    event_time AS ts,
    user_id AS "user",
    audit.shown(canonical::json #> '{requestData,role}') AS role,
    audit.shown(canonical::json -> 'operation') AS action,
    entity_id AS target,
    audit.shown(canonical::json -> 'beforeState') AS "before",
    audit.shown(canonical::json -> 'afterState') AS "after",
    audit.shown(canonical::json -> 'clientIp') AS ip,
    event_id,
    event_time,
    service_name,
    event_type,
    audit.shown(canonical::json -> 'traceId') AS trace_id,
    user_id,
    entity_id,
    audit.shown(canonical::json -> 'clientIp') AS client_ip,
    audit.shown(canonical::json -> 'operation') AS operation,
    audit.shown(canonical::json -> 'beforeState') AS before_state,
    audit.shown(canonical::json -> 'afterState') AS after_state,
    audit.shown(canonical::json -> 'requestData') AS request_data,
    version,
    audit.shown(canonical::json -> 'previousHash') AS previous_hash,
    current_hash,
    audit.shown(canonical::json #> '{producer,id}') AS producer_id,
    audit.shown(canonical::json #> '{producer,boot}') AS producer_boot,
    (canonical::json #>> '{producer,seq}')::bigint AS producer_seq,
    audit.shown(canonical::json #> '{producer,signature}') AS producer_signature
FROM audit.entries;
CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % of %', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
END $$;
CREATE FUNCTION audit.continues() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lowest bigint;
    highest bigint;
    added bigint;
BEGIN
    SELECT min(id), max(id), count(*) INTO lowest, highest, added FROM fresh;
    IF added > 0 AND (
        highest - lowest + 1 <> added
        OR lowest <> coalesce((SELECT max(id) + 1 FROM audit.entries WHERE id < lowest), 0)
    ) THEN
        RAISE EXCEPTION 'append-only: entries % to % are not the next ones', lowest, highest
            USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_continue AFTER INSERT ON audit.entries
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION audit.continues();
ALTER TABLE audit.entries ENABLE ALWAYS TRIGGER entries_continue;
"""
GUARDED = ("log", "steps", "entries", "spans")
STEPS: tuple[LiteralString, ...] = (TABLES,)
"""Step n makes a schema of step n out of one of n - 1."""
GUARD: LiteralString = """
CREATE TRIGGER {guard} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {guard};
"""
FORBIDDEN: LiteralString = """
SELECT rolsuper OR rolreplication OR rolbypassrls OR rolcreaterole
    OR has_schema_privilege('audit', 'CREATE')
    OR EXISTS (SELECT 1 FROM pg_class
        WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'v') AND (
            pg_has_role(relowner, 'MEMBER')
            OR has_table_privilege(oid, 'DELETE, TRUNCATE, TRIGGER')
            OR has_any_column_privilege(oid, 'UPDATE')))
FROM pg_roles WHERE rolname = current_user
"""
"""Whether the role that asks could change what it wrote, or take away what forbids it."""
