-- compatible down to: 1
--
-- What PagerDuty says of the pages that were sent. An older program leaves these tables alone.

-- Taken and signed; `done_at` 0 while its effect is not recorded. Kept for a while afterwards, so that a repeat is known.
CREATE TABLE webhooks (
  id INTEGER PRIMARY KEY,
  webhook_id TEXT NOT NULL UNIQUE,
  event_id TEXT NOT NULL UNIQUE,
  received_at INTEGER NOT NULL,
  done INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX webhooks_undone ON webhooks (id) WHERE done = 0;

CREATE TABLE pages (
  incident INTEGER NOT NULL,
  team TEXT NOT NULL,
  pagerduty_id TEXT NOT NULL,
  is_open INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (incident, team)
);
CREATE INDEX pages_pagerduty_id ON pages (pagerduty_id) WHERE pagerduty_id <> '';
CREATE INDEX pages_open ON pages (incident) WHERE is_open = 1;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  incident INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX audit_incident ON audit (incident) WHERE incident > 0;
CREATE TRIGGER audit_is_only_added BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit record is only added to'); END;
