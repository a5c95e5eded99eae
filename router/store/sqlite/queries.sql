-- Every statement of the driver, by name. `queries.Bulk` repeats the line in parentheses after VALUES as often as needed:
-- one statement for many rows lets go of the interpreter's lock once instead of once a row.

-- name: insert_journal
INSERT INTO journal (seq, at, fact, body) VALUES
  (?, ?, ?, CAST(? AS TEXT))

-- name: insert_decisions
INSERT INTO decisions (id, at, alert_seq, episode, body) VALUES
  (?, ?, ?, ?, CAST(? AS TEXT))

-- name: upsert_incidents
INSERT INTO incidents (number, status, opened_at, closed_at, episode, body) VALUES
  (?, ?, ?, ?, ?, CAST(? AS TEXT))
ON CONFLICT (number) DO UPDATE SET status = excluded.status, opened_at = excluded.opened_at,
  closed_at = excluded.closed_at, episode = excluded.episode, body = excluded.body

-- name: insert_deliveries
INSERT INTO deliveries (id, created_at, team, episode, alert_seq, state, attempts, next_attempt_at, finished_at, reason,
  last_attempts, event, body) VALUES
  (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?)

-- name: record_deliveries
UPDATE deliveries SET state = new.column2, attempts = new.column3, next_attempt_at = new.column4,
  finished_at = new.column5, reason = new.column6, last_attempts = CAST(new.column7 AS TEXT) FROM (VALUES
  (?, ?, ?, ?, ?, ?, ?)
) AS new WHERE deliveries.id = new.column1

-- name: upsert_state_alert
INSERT INTO state_alert (id, body) VALUES
  (?, ?)
ON CONFLICT (id) DO UPDATE SET body = excluded.body

-- name: upsert_state_group
INSERT INTO state_group (id, body) VALUES
  (?, ?)
ON CONFLICT (id) DO UPDATE SET body = excluded.body

-- name: upsert_state_storm
INSERT INTO state_storm (id, body) VALUES
  (?, ?)
ON CONFLICT (id) DO UPDATE SET body = excluded.body

-- name: upsert_state_counter
INSERT INTO state_counter (id, body) VALUES
  (?, ?)
ON CONFLICT (id) DO UPDATE SET body = excluded.body

-- name: upsert_state_silence
INSERT INTO state_silence (id, body) VALUES
  (?, ?)
ON CONFLICT (id) DO UPDATE SET body = excluded.body

-- name: delete_state_alert
DELETE FROM state_alert WHERE id IN (VALUES
  (?)
)

-- name: delete_state_group
DELETE FROM state_group WHERE id IN (VALUES
  (?)
)

-- name: delete_state_storm
DELETE FROM state_storm WHERE id IN (VALUES
  (?)
)

-- name: delete_state_counter
DELETE FROM state_counter WHERE id IN (VALUES
  (?)
)

-- name: delete_state_silence
DELETE FROM state_silence WHERE id IN (VALUES
  (?)
)

-- name: upsert_expiries
INSERT INTO expiries (alert, expires_at) VALUES
  (?, ?)
ON CONFLICT (alert) DO UPDATE SET expires_at = excluded.expires_at

-- name: delete_expiries
DELETE FROM expiries WHERE alert IN (VALUES
  (?)
)

-- name: move_cursor
UPDATE cursor SET seq = ?, decided_at = ?, step = ?, entries = ?, entries_until = ?

-- name: see
UPDATE cursor SET seen_at = max(seen_at, ?)

-- name: cursor
SELECT seq, decided_at, step, seen_at, entries, entries_until FROM cursor

-- name: save_ruleset
INSERT INTO rulesets (version, at, texts) VALUES (?, ?, ?)
ON CONFLICT (version) DO UPDATE SET at = excluded.at

-- name: last_entry
SELECT seq, at FROM journal ORDER BY seq DESC LIMIT 1

-- name: first_entry
SELECT seq, at FROM journal ORDER BY seq LIMIT 1

-- name: count_entries
UPDATE cursor SET entries = ?, entries_until = ?

-- name: get_meta
SELECT value FROM meta WHERE name = ?

-- name: set_meta
INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: last_ids
SELECT (SELECT max(id) FROM decisions), (SELECT max(id) FROM deliveries)

-- name: undecided
SELECT seq, at, body FROM journal WHERE seq > ? ORDER BY seq LIMIT ?

-- name: state_alert
-- An alert that says what its first entry says has only its groups in its row (`model.transition.AlertAsJournalled`).
SELECT state_alert.id, CASE substr(state_alert.body, 1, 9) WHEN CAST('{"groups"' AS BLOB)
  THEN CAST(json_insert(CAST(state_alert.body AS TEXT), '$.alert', json_extract(journal.body, '$.alert')) AS BLOB)
  ELSE state_alert.body END
FROM state_alert LEFT JOIN journal ON journal.seq = state_alert.id
WHERE state_alert.id > ? ORDER BY state_alert.id LIMIT ?

-- name: state_group
SELECT id, body FROM state_group WHERE id > ? ORDER BY id LIMIT ?

-- name: state_storm
SELECT id, body FROM state_storm WHERE id > ? ORDER BY id LIMIT ?

-- name: state_counter
SELECT id, body FROM state_counter WHERE id > ? ORDER BY id LIMIT ?

-- name: state_silence
SELECT id, body FROM state_silence WHERE id > ? ORDER BY id LIMIT ?

-- name: outbox
SELECT id, state, attempts, next_attempt_at, finished_at, reason, last_attempts, event, body FROM deliveries
WHERE id IN (SELECT id FROM deliveries INDEXED BY deliveries_unfinished WHERE state = 'pending' AND state <> 'delivered')
ORDER BY id

-- name: expiries
SELECT alert, expires_at FROM expiries

-- name: entry
SELECT seq, at, body FROM journal WHERE seq = ?

-- name: entry_at
SELECT seq, at FROM journal WHERE seq >= ? ORDER BY seq LIMIT 1

-- name: entries
SELECT seq, at, body FROM journal WHERE seq > :after AND seq <= :last AND at >= :since AND at < :until
ORDER BY seq LIMIT :limit

-- name: latest_entries
SELECT seq, at, body FROM journal WHERE seq < ? ORDER BY seq DESC LIMIT ?

-- name: decisions_of_alert
SELECT id, body FROM decisions WHERE alert_seq = :alert_seq AND alert_seq > 0 AND id < :before_id
  AND (:dedup_key IS NULL OR json_extract(body, '$.dedup_key') = :dedup_key)
ORDER BY id DESC LIMIT :limit

-- name: decisions_of_episode
SELECT id, body FROM decisions WHERE episode = :episode AND episode <> '' AND id < :before_id
  AND json_extract(body, '$.dedup_key') = :dedup_key
ORDER BY id DESC LIMIT :limit

-- name: decisions
SELECT id, body FROM decisions WHERE id < :before_id ORDER BY id DESC LIMIT :limit

-- name: incident
SELECT number, body FROM incidents WHERE number = ?

-- name: incident_of_episode
SELECT number, body FROM incidents WHERE episode = ? AND json_extract(body, '$.dedup_key') = ? ORDER BY number DESC LIMIT 1

-- name: incidents_open
SELECT number, body FROM incidents INDEXED BY incidents_open WHERE status = 'open' AND number < :before_number
  AND (:team IS NULL OR EXISTS (SELECT 1 FROM json_each(body, '$.teams') AS team WHERE team.value = :team))
ORDER BY number DESC LIMIT :limit

-- name: incidents
SELECT number, body FROM incidents WHERE number < :before_number AND (:status IS NULL OR status = :status)
  AND (:team IS NULL OR EXISTS (SELECT 1 FROM json_each(body, '$.teams') AS team WHERE team.value = :team))
ORDER BY number DESC LIMIT :limit

-- name: delivery
SELECT id, state, attempts, next_attempt_at, finished_at, reason, last_attempts, event, body FROM deliveries WHERE id = ?

-- name: deliveries_of_episode
SELECT id, state, attempts, next_attempt_at, finished_at, reason, last_attempts, event, body FROM deliveries
WHERE episode = :episode AND episode <> '' AND json_extract(event, '$.dedup_key') = :dedup_key AND id < :before_id
  AND (:state IS NULL OR state = :state) AND (:team IS NULL OR team = :team)
  AND (:channel IS NULL OR coalesce(json_extract(event, '$.channel'), 'pagerduty') = :channel)
ORDER BY id DESC LIMIT :limit

-- name: deliveries_unfinished
SELECT id, state, attempts, next_attempt_at, finished_at, reason, last_attempts, event, body FROM deliveries
WHERE id IN (SELECT id FROM deliveries INDEXED BY deliveries_unfinished
  WHERE state = :state AND state <> 'delivered' AND id < :before_id AND (:team IS NULL OR team = :team)
    AND (:channel IS NULL OR coalesce(json_extract(event, '$.channel'), 'pagerduty') = :channel)
  ORDER BY id DESC LIMIT :limit)
ORDER BY id DESC

-- name: deliveries
SELECT id, state, attempts, next_attempt_at, finished_at, reason, last_attempts, event, body FROM deliveries
WHERE id < :before_id AND (:state IS NULL OR state = :state) AND (:team IS NULL OR team = :team)
  AND (:channel IS NULL OR coalesce(json_extract(event, '$.channel'), 'pagerduty') = :channel)
ORDER BY id DESC LIMIT :limit

-- name: ruleset
SELECT texts FROM rulesets WHERE version = ?

-- name: latest_ruleset
SELECT version, texts FROM rulesets ORDER BY at DESC LIMIT 1

-- name: count_after
SELECT count(*) FROM journal WHERE seq > ?

-- name: oldest_entries
SELECT seq, at FROM journal WHERE seq > :after AND seq <= (SELECT seq FROM cursor) ORDER BY seq LIMIT :limit

-- name: oldest_decisions
SELECT id, at FROM decisions WHERE id > :after ORDER BY id LIMIT :limit

-- name: oldest_deliveries
SELECT id, created_at FROM deliveries WHERE id > :after ORDER BY id LIMIT :limit

-- name: oldest_incidents
SELECT number, opened_at FROM incidents WHERE number > :after ORDER BY number LIMIT :limit

-- name: retire_entries
DELETE FROM journal WHERE seq > :after AND seq <= :last AND at < :before_at
  AND NOT EXISTS (SELECT 1 FROM state_alert WHERE id = journal.seq)
  AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.state <> 'delivered' AND outbox.alert_seq = journal.seq)
  AND NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.alert_seq = journal.seq AND decisions.alert_seq > 0
    AND decisions.episode <> '' AND (
      (json_extract(decisions.body, '$.action') <> 'update' AND EXISTS (
        SELECT 1 FROM incidents WHERE incidents.episode = decisions.episode AND incidents.status = 'open'))
      OR EXISTS (SELECT 1 FROM outbox WHERE outbox.episode = decisions.episode AND outbox.episode <> '')))

-- name: retire_decisions
DELETE FROM decisions WHERE id > :after AND id <= :last AND at < :before_at AND id < (SELECT max(id) FROM decisions)
  AND NOT EXISTS (SELECT 1 FROM state_alert WHERE id = decisions.alert_seq)
  AND (episode = '' OR NOT (
      (json_extract(body, '$.action') <> 'update' AND EXISTS (
        SELECT 1 FROM incidents WHERE incidents.episode = decisions.episode AND incidents.status = 'open'))
      OR EXISTS (SELECT 1 FROM outbox WHERE outbox.episode = decisions.episode AND outbox.episode <> '')))

-- name: retire_deliveries
-- Priority 5 is an update: what told more of an incident goes like any history, what opened it stays while it is open.
DELETE FROM deliveries WHERE id > :after AND id <= :last AND created_at < :before_at
  AND id < (SELECT max(id) FROM deliveries) AND state <> 'pending'
  AND (json_extract(event, '$.priority') = 5 OR NOT EXISTS (SELECT 1 FROM incidents WHERE incidents.episode = deliveries.episode AND incidents.status = 'open'))

-- name: retire_incidents
DELETE FROM incidents WHERE number > :after AND number <= :last AND status <> 'open' AND closed_at < :before_at
  AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.episode = incidents.episode AND outbox.episode <> '')

-- name: oldest_kept
SELECT min(coalesce((SELECT at FROM journal ORDER BY seq LIMIT 1), :before_at),
  coalesce((SELECT at FROM decisions ORDER BY id LIMIT 1), :before_at), :before_at)

-- name: retire_rulesets
DELETE FROM rulesets WHERE EXISTS (SELECT 1 FROM rulesets AS newer WHERE newer.at > rulesets.at AND newer.at <= :oldest_at)

-- name: keep_webhook
INSERT INTO webhooks (webhook_id, event_id, received_at, done, body) VALUES (?, ?, ?, 0, CAST(? AS TEXT))
ON CONFLICT DO NOTHING

-- name: finish_webhooks
UPDATE webhooks SET done = 1 WHERE webhook_id IN (VALUES
  (?)
)

-- name: upsert_pages
INSERT INTO pages (incident, team, pagerduty_id, is_open, body) VALUES
  (?, ?, ?, ?, CAST(? AS TEXT))
ON CONFLICT (incident, team) DO UPDATE SET pagerduty_id = excluded.pagerduty_id, is_open = excluded.is_open,
  body = excluded.body

-- name: insert_audit
INSERT INTO audit (at, incident, body) VALUES
  (?, ?, CAST(? AS TEXT))

-- name: webhooks
SELECT id, body FROM webhooks INDEXED BY webhooks_undone WHERE done = 0 ORDER BY id LIMIT ?

-- name: pages_of_incident
SELECT incident, body FROM pages WHERE incident = :incident AND incident > :after ORDER BY team LIMIT :limit

-- name: pages_of_pagerduty
SELECT incident, body FROM pages WHERE pagerduty_id = :pagerduty_id AND pagerduty_id <> '' AND incident > :after
ORDER BY incident, team LIMIT :limit

-- name: pages_open
SELECT incident, body FROM pages INDEXED BY pages_open WHERE is_open = 1 AND incident > :after
ORDER BY incident, team LIMIT :limit

-- name: audit_of_incident
SELECT id, body FROM audit WHERE incident = :incident AND incident > 0 AND id < :before_id AND id > :after_id
  AND at >= :since AND at < :until AND (:who = '' OR instr(lower(json_extract(body, '$.who')), lower(:who)) > 0)
ORDER BY id DESC LIMIT :limit

-- name: audit
SELECT id, body FROM audit WHERE id < :before_id
  AND at >= :since AND at < :until AND (:who = '' OR instr(lower(json_extract(body, '$.who')), lower(:who)) > 0)
ORDER BY id DESC LIMIT :limit

-- name: audit_onwards
SELECT id, body FROM audit WHERE id < :before_id AND id > :after_id
  AND at >= :since AND at < :until AND (:who = '' OR instr(lower(json_extract(body, '$.who')), lower(:who)) > 0)
ORDER BY id LIMIT :limit

-- name: retire_webhooks
DELETE FROM webhooks WHERE id IN (
  SELECT id FROM webhooks WHERE done = 1 AND received_at < :before_at ORDER BY id LIMIT :limit)

-- name: retire_audit
DELETE FROM audit WHERE id IN (
  SELECT id FROM audit WHERE at < :before_at AND NOT EXISTS (
    SELECT 1 FROM incidents WHERE incidents.number = audit.incident)
  ORDER BY id LIMIT :limit)

-- name: retire_pages
DELETE FROM pages WHERE rowid IN (
  SELECT rowid FROM pages WHERE is_open = 0 AND incident < (SELECT max(number) FROM incidents)
    AND NOT EXISTS (SELECT 1 FROM incidents WHERE incidents.number = pages.incident) ORDER BY incident LIMIT :limit)
