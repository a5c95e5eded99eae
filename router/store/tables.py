"""What the twin in memory holds, how it is written, retired and looked back on.

Apart from ``memory`` so that what is durable and how work becomes durable do not mix. Values are frozen, but for
deliveries, which are copied as they go in and out. Must never do: wait, or know of callers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from router.errors import InvariantError, StoreUnavailable
from router.model.alert import Alert
from router.model.decision import Action, Decision
from router.model.delivery import Delivery, DeliveryState, Priority
from router.model.incident import Incident
from router.model.journal import AlertReceived, Entry
from router.model.page import AuditEntry, Followed, Page, Webhook
from router.model.transition import StateKind, StateRow, completed
from router.store.base import AuditRow, Commit, DecisionRow


class Tables:
    """What is durable."""

    def __init__(self) -> None:
        self.journal: dict[int, Entry] = {}
        self.last_seq = 0
        self.cursor = 0
        self.decided_at = 0
        self.seen_at = 0
        self.state: dict[tuple[StateKind, int], bytes] = {}
        self.decisions: dict[int, Decision] = {}
        self.next_decision_id = 1
        self.incidents: dict[int, Incident] = {}
        self.deliveries: dict[int, Delivery] = {}
        self.rulesets: dict[str, tuple[int, bytes]] = {}
        self.expiries: dict[int, int] = {}
        self.webhooks: dict[str, tuple[Webhook, bool]] = {}  # with whether its effect is recorded
        self.webhook_events: dict[str, str] = {}
        self.pages: dict[tuple[int, str], Page] = {}
        self.audit: dict[int, AuditEntry] = {}
        self.next_audit_id = 1

    def keep_webhook(self, webhook: Webhook) -> bool:
        """Unless it, or its event, is there already."""
        if webhook.webhook_id in self.webhooks or webhook.event_id in self.webhook_events:
            return False
        self.webhooks[webhook.webhook_id] = (webhook, False)
        self.webhook_events[webhook.event_id] = webhook.webhook_id
        return True

    def copy(self) -> Tables:
        """Independent of this one; values are frozen, but for deliveries, which are copied as they go in and out."""
        other = Tables()
        other.__dict__ |= {name: dict(value) if isinstance(value, dict) else value for name, value in self.__dict__.items()}
        return other


def state_rows(tables: Tables) -> list[StateRow]:
    """All of them, by kind and id, those of alerts completed from the journal."""

    def alert_of(row_id: int) -> Alert:
        fact = tables.journal[row_id].fact
        assert isinstance(fact, AlertReceived)
        return fact.alert

    return [completed(StateRow(kind, row_id, body), alert_of) for (kind, row_id), body in sorted(tables.state.items())]


def copied(delivery: Delivery) -> Delivery:
    """The same as it is now; the dispatcher goes on moving the original."""
    return msgspec.structs.replace(delivery)


def moved(delivery: Delivery, progress: Delivery) -> Delivery:
    """Only what the dispatcher moves; the rest was settled by the commit."""
    return msgspec.structs.replace(
        delivery,
        state=progress.state,
        attempts=progress.attempts,
        next_attempt_at=progress.next_attempt_at,
        finished_at=progress.finished_at,
        reason=progress.reason,
        last_attempts=progress.last_attempts,
    )


def write_commit(tables: Tables, commit: Commit, deliveries: Sequence[Delivery]) -> None:
    """One transition, whole; InvariantError if one of its deliveries is there already."""
    if known := [delivery.id for delivery in deliveries if delivery.id in tables.deliveries]:
        raise InvariantError(f"delivery {known[0]} was committed before")
    for decision in commit.decisions:
        tables.decisions[tables.next_decision_id] = decision
        tables.next_decision_id += 1
    tables.incidents.update((incident.number, incident) for incident in commit.incidents)
    tables.deliveries.update((delivery.id, delivery) for delivery in deliveries)
    for change in commit.changes:
        if change.body is None:
            tables.state.pop((change.kind, change.id), None)
        else:
            tables.state[change.kind, change.id] = change.body
    tables.cursor = commit.cursor
    tables.decided_at = commit.decided_at


def write_followed(tables: Tables, step: Followed) -> None:
    """One step of following, whole."""
    tables.pages.update(((page.incident, page.team), page) for page in step.pages)
    for entry in step.audit:
        tables.audit[tables.next_audit_id] = entry
        tables.next_audit_id += 1
    for webhook_id in step.done:
        if webhook_id in tables.webhooks:
            tables.webhooks[webhook_id] = (tables.webhooks[webhook_id][0], True)


def retire_history(tables: Tables, before_at: int) -> int:
    """The same history goes as in the SQLite driver, and the same stays."""
    outbox = [delivery for delivery in tables.deliveries.values() if delivery.state is DeliveryState.PENDING]
    open_keys = {incident.dedup_key for incident in tables.incidents.values() if incident.status == "open"}
    pending_keys = {delivery.dedup_key for delivery in outbox if delivery.dedup_key}
    active = {row_id for kind, row_id in tables.state if kind == "alert"}
    kept = active | {delivery.alert_seq for delivery in outbox}
    kept |= {decision.alert_seq for decision in tables.decisions.values() if _explains(decision, open_keys, pending_keys)}
    gone = [seq for seq, entry in tables.journal.items() if entry.at < before_at and seq <= tables.cursor and seq not in kept]
    for seq in gone:
        del tables.journal[seq]
    for decision_id, decision in list(tables.decisions.items())[:-1]:
        is_needed = _explains(decision, open_keys, pending_keys) or decision.alert_seq in active
        if decision.at < before_at and not is_needed:
            del tables.decisions[decision_id]
    for delivery_id, delivery in list(tables.deliveries.items())[:-1]:
        is_over = delivery.dedup_key not in open_keys or delivery.priority is Priority.UPDATE
        if delivery.state is DeliveryState.PENDING:
            continue
        if delivery.created_at < before_at and is_over:
            del tables.deliveries[delivery_id]
    for number, incident in list(tables.incidents.items()):
        is_over = incident.status == "closed" and incident.dedup_key not in pending_keys
        if incident.closed_at < before_at and is_over:
            del tables.incidents[number]
    _retire_followed(tables, before_at)
    _retire_rulesets(tables, before_at)
    return len(gone)


def _explains(decision: Decision, open_keys: set[str], pending_keys: set[str]) -> bool:
    """Whether something that is open or pending rests on it; what only told more of something open does not count."""
    key = decision.dedup_key
    return key in pending_keys or (key in open_keys and decision.action is not Action.UPDATE)


def _retire_followed(tables: Tables, before_at: int) -> None:
    newest = max(tables.incidents, default=0)
    for key, page in list(tables.pages.items()):
        if not page.is_open and page.incident not in tables.incidents and page.incident < newest:
            del tables.pages[key]
    for audit_id, entry in list(tables.audit.items()):
        if entry.at < before_at and entry.incident not in tables.incidents:
            del tables.audit[audit_id]
    for webhook_id, (webhook, is_done) in list(tables.webhooks.items()):
        if is_done and webhook.received_at < before_at:
            del tables.webhooks[webhook_id]
            del tables.webhook_events[webhook.event_id]


def _retire_rulesets(tables: Tables, before_at: int) -> None:
    oldest_entry = tables.journal[min(tables.journal)].at if tables.journal else before_at
    oldest_decision = tables.decisions[min(tables.decisions)].at if tables.decisions else before_at
    oldest_at = min(oldest_entry, oldest_decision, before_at)
    times = [at for at, _ in tables.rulesets.values() if at <= oldest_at]
    for version, (at, _) in list(tables.rulesets.items()):
        if any(newer > at for newer in times):
            del tables.rulesets[version]


class MemoryReader:
    """Looks at a memory store's tables; the same answers as the SQLite reader's."""

    def __init__(self, tables: Tables) -> None:
        """A live view."""
        self._tables: Tables | None = tables

    def entry(self, seq: int) -> Entry | None:
        """One journal entry, or None."""
        return self._open().journal.get(seq)

    def entries(
        self, *, after_seq: int = 0, since: int | None = None, until: int | None = None, limit: int = 100
    ) -> list[Entry]:
        """Journal entries in sequence order; ``since`` <= at < ``until``."""
        found = (
            entry
            for seq, entry in sorted(self._open().journal.items())
            if seq > after_seq and (since is None or entry.at >= since) and (until is None or entry.at < until)
        )
        return _first(found, limit)

    def latest_entries(self, *, before_seq: int | None = None, limit: int = 100) -> list[Entry]:
        """Journal entries, newest first."""
        found = sorted(self._open().journal.items(), reverse=True)
        return _first((entry for seq, entry in found if before_seq is None or seq < before_seq), limit)

    def decisions(
        self,
        *,
        alert_seq: int | None = None,
        dedup_key: str | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[DecisionRow]:
        """Decisions, newest first."""
        found = (
            DecisionRow(id=decision_id, decision=decision)
            for decision_id, decision in sorted(self._open().decisions.items(), reverse=True)
            if (before_id is None or decision_id < before_id)
            and (alert_seq is None or decision.alert_seq == alert_seq)
            and (not dedup_key or decision.dedup_key == dedup_key)
        )
        return _first(found, limit)

    def incidents(
        self, *, status: str | None = None, team: str | None = None, before_number: int | None = None, limit: int = 100
    ) -> list[Incident]:
        """Incidents, newest first."""
        found = (
            incident
            for number, incident in sorted(self._open().incidents.items(), reverse=True)
            if (before_number is None or number < before_number)
            and (status is None or incident.status == status)
            and (team is None or team in incident.teams)
        )
        return _first(found, limit)

    def incident(self, number_or_dedup_key: int | str) -> Incident | None:
        """One incident by its number or dedup key."""
        if isinstance(number_or_dedup_key, int):
            return self._open().incidents.get(number_or_dedup_key)
        found = [incident for incident in self._open().incidents.values() if incident.dedup_key == number_or_dedup_key]
        return max(found, key=lambda incident: incident.number, default=None)

    def deliveries(
        self,
        *,
        state: DeliveryState | None = None,
        dedup_key: str | None = None,
        team: str | None = None,
        channel: str | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> list[Delivery]:
        """Deliveries, newest first; ``channel``: pagerduty, or the name of one."""
        found = (
            copied(delivery)
            for delivery_id, delivery in sorted(self._open().deliveries.items(), reverse=True)
            if (before_id is None or delivery_id < before_id)
            and (state is None or delivery.state is state)
            and (not dedup_key or delivery.dedup_key == dedup_key)
            and (team is None or delivery.team == team)
            and (channel is None or delivery.channel == channel)
        )
        return _first(found, limit)

    def delivery(self, delivery_id: int) -> Delivery | None:
        """One delivery with its last attempts."""
        found = self._open().deliveries.get(delivery_id)
        return None if found is None else copied(found)

    def webhooks(self, *, limit: int = 1000) -> list[Webhook]:
        """Webhooks that were taken and whose effect is not recorded yet, oldest first."""
        return _first((webhook for webhook, is_done in self._open().webhooks.values() if not is_done), limit)

    def pages(
        self, *, incident: int | None = None, pagerduty_id: str | None = None, after_incident: int = 0, limit: int = 1000
    ) -> list[Page]:
        """Pages by incident, then team: of one incident, of one of PagerDuty's, or else all that are open there."""
        found = (
            page
            for _, page in sorted(self._open().pages.items())
            if page.incident > after_incident
            and (
                page.incident == incident
                if incident is not None
                else bool(pagerduty_id) and page.pagerduty_id == pagerduty_id
                if pagerduty_id is not None
                else page.is_open
            )
        )
        return _first(found, limit)

    def audit(
        self,
        *,
        incident: int | None = None,
        who: str = "",
        since: int | None = None,
        until: int | None = None,
        before_id: int | None = None,
        after_id: int | None = None,
        limit: int = 100,
    ) -> list[AuditRow]:
        """Who did what, newest first; with ``after_id`` oldest first from there on."""
        found = (
            AuditRow(id=audit_id, entry=entry)
            for audit_id, entry in sorted(self._open().audit.items(), reverse=after_id is None or incident is not None)
            if (before_id is None or audit_id < before_id)
            and audit_id > (after_id or 0)
            and (incident is None or (entry.incident == incident > 0))
            and _ascii_lower(who) in _ascii_lower(entry.who)
            and entry.at >= (since or 0)
            and (until is None or entry.at < until)
        )
        return _first(found, limit)

    def state(self, kind: str, *, after_id: int = 0, limit: int = 1000) -> list[StateRow]:
        """Engine state rows of a kind in order of id."""
        rows = (row for row in state_rows(self._open()) if row.kind == kind and row.id > after_id)
        return _first(rows, limit)

    def ruleset(self, version: str) -> bytes | None:
        """The texts of a rule set."""
        found = self._open().rulesets.get(version)
        return None if found is None else found[1]

    def latest_ruleset(self) -> tuple[str, bytes] | None:
        """Version and texts of the newest rule set."""
        newest = max(self._open().rulesets.items(), key=lambda item: item[1][0], default=None)
        return None if newest is None else (newest[0], newest[1][1])

    def close(self) -> None:
        """Let go. A second call does nothing."""
        self._tables = None

    def _open(self) -> Tables:
        if self._tables is None:
            raise StoreUnavailable("the reader is closed")
        return self._tables


def _ascii_lower(text: str) -> str:
    """As SQLite's ``lower`` does it: other letters stay as they are."""
    return text.encode().lower().decode()


def _first(rows: Any, limit: int) -> list[Any]:
    return [row for _, row in zip(range(limit), rows)]  # noqa: B905 - the shorter one ends it
