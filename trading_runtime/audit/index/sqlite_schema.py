"""The tables of the index in SQLite, made in numbered steps.

Triggers refuse UPDATE and DELETE. ``INSERT OR REPLACE`` removes the old row without asking a DELETE
trigger unless the connection has ``recursive_triggers`` on, and whoever wants to forge leaves it
off; so a trigger before INSERT refuses every row that would take the place of one.
"""

TABLES = """
CREATE TABLE log (
    identity TEXT PRIMARY KEY,
    origin TEXT NOT NULL
) STRICT;
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    current_hash TEXT NOT NULL,
    event_time TEXT NOT NULL,
    event_type TEXT NOT NULL,
    service_name TEXT NOT NULL,
    user_id TEXT,
    canonical TEXT NOT NULL
) STRICT;
CREATE TABLE spans (
    first_id INTEGER PRIMARY KEY,
    last_id INTEGER NOT NULL,
    earliest TEXT NOT NULL,
    latest TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX entries_head ON entries (entity_id, version);
CREATE UNIQUE INDEX entries_event ON entries (event_id);
CREATE INDEX entries_user ON entries (user_id) WHERE user_id IS NOT NULL;
CREATE VIEW heads AS SELECT entity_id, version, current_hash, id FROM entries;
CREATE VIEW audit_log AS SELECT
    id,
    event_time AS ts,
    user_id AS "user",
    json_extract(canonical, '$.requestData.role') AS role,
    json_extract(canonical, '$.operation') AS action,
    entity_id AS target,
    json_extract(canonical, '$.beforeState') AS "before",
    json_extract(canonical, '$.afterState') AS "after",
    json_extract(canonical, '$.clientIp') AS ip,
    event_id,
    event_time,
    service_name,
    event_type,
    json_extract(canonical, '$.traceId') AS trace_id,
    user_id,
    entity_id,
    json_extract(canonical, '$.clientIp') AS client_ip,
    json_extract(canonical, '$.operation') AS operation,
    json_extract(canonical, '$.beforeState') AS before_state,
    json_extract(canonical, '$.afterState') AS after_state,
    json_extract(canonical, '$.requestData') AS request_data,
    version,
    json_extract(canonical, '$.previousHash') AS previous_hash,
    current_hash,
    json_extract(canonical, '$.producer.id') AS producer_id,
    json_extract(canonical, '$.producer.boot') AS producer_boot,
    json_extract(canonical, '$.producer.seq') AS producer_seq,
    json_extract(canonical, '$.producer.signature') AS producer_signature
FROM entries;
CREATE TRIGGER log_update BEFORE UPDATE ON log
    BEGIN SELECT raise(ABORT, 'append-only: UPDATE of log'); END;
CREATE TRIGGER log_delete BEFORE DELETE ON log
    BEGIN SELECT raise(ABORT, 'append-only: DELETE of log'); END;
CREATE TRIGGER log_replace BEFORE INSERT ON log
    WHEN EXISTS (SELECT 1 FROM log)
    BEGIN SELECT raise(ABORT, 'append-only: a second row of log'); END;
CREATE TRIGGER entries_update BEFORE UPDATE ON entries
    BEGIN SELECT raise(ABORT, 'append-only: UPDATE of entries'); END;
CREATE TRIGGER entries_delete BEFORE DELETE ON entries
    BEGIN SELECT raise(ABORT, 'append-only: DELETE of entries'); END;
CREATE TRIGGER entries_replace BEFORE INSERT ON entries
    WHEN NEW.id <> (SELECT coalesce(max(id) + 1, 0) FROM entries)
        OR EXISTS (SELECT 1 FROM entries WHERE event_id = NEW.event_id)
        OR EXISTS (SELECT 1 FROM entries
                   WHERE entity_id = NEW.entity_id AND version = NEW.version)
    BEGIN SELECT raise(ABORT, 'append-only: the place of this entry is taken'); END;
CREATE TRIGGER spans_update BEFORE UPDATE ON spans
    BEGIN SELECT raise(ABORT, 'append-only: UPDATE of spans'); END;
CREATE TRIGGER spans_delete BEFORE DELETE ON spans
    BEGIN SELECT raise(ABORT, 'append-only: DELETE of spans'); END;
CREATE TRIGGER spans_replace BEFORE INSERT ON spans
    WHEN NEW.first_id <= (SELECT max(last_id) FROM spans)
    BEGIN SELECT raise(ABORT, 'append-only: the place of this span is taken'); END;
"""

STEPS = (TABLES,)
"""Step n makes a database of ``PRAGMA user_version`` n out of one of n - 1."""
