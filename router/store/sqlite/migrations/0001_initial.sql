-- compatible down to: 1
--
-- Hot tables have integer keys in order of insertion: such rows are appended, about 2 microseconds each. An index whose
-- values rise with the rows costs about 2 microseconds more, one with scattered values 15 to 20. So dedup keys are found by
-- their last part, the episode, which rises; the rest of the key is compared in the row.
-- Bodies are JSON. Times are milliseconds since 1970 UTC.

CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value NOT NULL
) WITHOUT ROWID;

CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  fact TEXT NOT NULL,
  body TEXT NOT NULL
);

-- One row: how far the journal is decided. `step` counts commits, so that one tried again is not taken twice; up to the
-- sequence `entries_until` the journal holds `entries` rows, so that nobody has to count them.
CREATE TABLE cursor (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL,
  decided_at INTEGER NOT NULL,
  step INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  entries_until INTEGER NOT NULL
);
INSERT INTO cursor (id, seq, decided_at, step, seen_at, entries, entries_until) VALUES (1, 0, 0, 0, 0, 0, 0);

CREATE TABLE state_alert (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE state_group (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE state_storm (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE state_counter (id INTEGER PRIMARY KEY, body BLOB NOT NULL);

CREATE TABLE decisions (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  alert_seq INTEGER NOT NULL,
  episode TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX decisions_alert ON decisions (alert_seq) WHERE alert_seq > 0;
CREATE INDEX decisions_episode ON decisions (episode) WHERE episode <> '';

CREATE TABLE incidents (
  number INTEGER PRIMARY KEY,
  status TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  closed_at INTEGER NOT NULL,
  episode TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX incidents_episode ON incidents (episode);
CREATE INDEX incidents_open ON incidents (number) WHERE status = 'open';

-- `event` is what never changes, `body` the bytes that are sent; the columns between are moved by every attempt.
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY,
  created_at INTEGER NOT NULL,
  team TEXT NOT NULL,
  episode TEXT NOT NULL,
  alert_seq INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  finished_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  last_attempts TEXT NOT NULL,
  event TEXT NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX deliveries_episode ON deliveries (episode) WHERE episode <> '';
CREATE INDEX deliveries_unfinished ON deliveries (state, alert_seq) WHERE state <> 'delivered';
CREATE VIEW outbox AS SELECT * FROM deliveries WHERE state = 'pending';

CREATE TABLE rulesets (
  version TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  texts BLOB NOT NULL
);

CREATE TABLE expiries (
  alert INTEGER PRIMARY KEY,
  expires_at INTEGER NOT NULL
);
