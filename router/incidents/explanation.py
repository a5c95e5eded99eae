"""Why was I paged, why was I not: the recorded decisions, deliveries and incident of one alert, most important line first."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from router.incidents.ledger import PageState, PageStory, tell_pages
from router.incidents.retelling import MAX_LOOKED_AT, TriedRule, find_counted, retell_rules
from router.model.decision import Action, Decision, Reason, words_of
from router.model.delivery import Accepted, Delivery, DeliveryState, Rejected, Throttled, Unavailable
from router.model.digest import digest_key_of
from router.model.event import PAGERDUTY
from router.model.incident import Incident
from router.model.journal import AlertReceived, Entry
from router.model.page import AuditEntry
from router.store.base import DecisionRow, Reader

MAX_ROWS = 200
"""Decisions and deliveries told per subject, newest first."""

WEIGHT = {
    Action.OPEN: 0,
    Action.CLOSE: 1,
    Action.NOTIFY: 2,
    Action.SUPPRESS: 3,
    Action.DROP: 4,
    Action.HOLD: 5,
    Action.UPDATE: 6,
    Action.NONE: 7,
}
"""Which of several decisions says most: the smallest."""

SENTENCES = {
    Reason.AT_ONCE: "its rule pages at the first occurrence",
    Reason.COUNT_REACHED: "the count of its rule was reached",
    Reason.FIRED_LONG_ENOUGH: "it fired for as long as its rule asks",
    Reason.ABSENT: "nothing arrived for as long as its rule allows",
    Reason.FLAPPING: "it fired and resolved again and again",
    Reason.NOT_FLAPPING: "it has not fired and resolved as often as its rule counts to",
    Reason.FORWARDED: "its inbound key is in shadow, so it went on to PagerDuty as it came",
    Reason.HEARD: "its rule pages only when nothing like it arrives",
    Reason.HEARD_AGAIN: "what was absent has arrived again",
    Reason.STABLE: "it has neither fired nor resolved for as long as its rule counts",
    Reason.NO_RULE_MATCHED: "no rule matched, so it went to the default team",
    Reason.FALLBACK: "the page to another team could not be delivered",
    Reason.LIMIT_EXCEEDED: "the limit of incidents was exceeded, so it is told in a storm digest",
    Reason.BROKE_THROUGH: "it is critical and from a service the storm digest did not hold yet",
    Reason.ALREADY_OPEN: "its incident is open already",
    Reason.SEVERITY_ROSE: "its incident became more severe",
    Reason.STILL_FIRING: "other alerts of its group still fire",
    Reason.ESCALATED: "nobody acknowledged it for as long as its rule waits",
    Reason.ACKNOWLEDGED: "somebody acknowledged its incident",
    Reason.UNACKNOWLEDGED: "nobody holds its incident acknowledged any more",
    Reason.CALLED_BACK: "its source is told what somebody did",
    Reason.ACTED: "its rule wants something done to its page in PagerDuty",
    Reason.KEPT_OPEN: "its incident was resolved in PagerDuty, and its rule keeps it open here",
    Reason.OUTSIDE_SCHEDULE: "its rule does not page at this time",
    Reason.IN_MAINTENANCE: "maintenance mutes it",
    Reason.SILENCED: "a silence mutes it",
    Reason.INHIBITED: "another alert that fires mutes it",
    Reason.SILENCE_CHANGED: "a silence was added or is over",
    Reason.HANDLED_BY_PERSON: "its incident was resolved in PagerDuty, and it has not occurred again since",
    Reason.CLOSED_HERE: "somebody closed its incident from here",
    Reason.ADOPTED: "another rule goes on with what a rule left open that is no longer in force",
    Reason.RESOLVED_IN_PAGERDUTY: "its incident was resolved in PagerDuty",
    Reason.FIRES_AFTER_RESOLVE: "its incident was resolved in PagerDuty, and it fires for longer than its rule allows then",
    Reason.COUNT_NOT_REACHED: "the count of its rule is not reached yet",
    Reason.NOT_FIRING_LONG_ENOUGH: "it has not fired for as long as its rule asks",
    Reason.DROPPED_BY_RULE: "a rule says that it never pages",
    Reason.ALL_RESOLVED: "all alerts of its group have resolved",
    Reason.WENT_QUIET: "nothing more came for as long as its rule asks",
    Reason.NOTHING_OPEN: "it resolved something for which no incident was open",
    Reason.WAITING_FOR_QUIET: "its rule closes the incident only after a quiet time",
    Reason.DIGEST_CHANGED: "a storm digest it belongs to was brought up to date",
    Reason.CHANGE_PASSED_ON: "it is a change event, passed on to the team that owns the service",
    Reason.NEVER_RESOLVES: "its rule leaves closing to a person",
    Reason.NO_TEAM: "its rule names no team",
    Reason.UNDECIDABLE: "the router failed on it (a mistake of its own), so the default team was told plainly",
    Reason.OTHERWISE: "its rule pages nobody yet, or not at this time, and says who is told meanwhile",
    Reason.DIGESTED: "its channel collects, and sends one message for all",
    Reason.DIGEST_SENT: "the digest of its channel was due",
    Reason.CHANNEL_REMOVED: "a channel that was told of it is not in the configuration any more",
    Reason.NO_FALLBACK: "a page could not be delivered and there is no other team to try",
}
"""One clause per Reason; a test holds the set complete."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about one subject. ``headline`` is the sentence for somebody who was just woken."""

    subject: str
    headline: str
    entry: Entry | None
    incident: Incident | None
    decisions: list[Decision]
    deliveries: list[Delivery]
    tried: list[TriedRule] = []  # the rules in the order they were tried on the alert
    counted: tuple[int, ...] = ()  # when the occurrences came that the window of the most telling decision held
    pages: list[PageStory] = []  # how far each team's page got
    audit: list[AuditEntry] = []  # who did what, newest first


def explain_alert(reader: Reader, seq: int) -> Explanation | None:
    """The story of the alert with this journal sequence; None if the journal does not hold it."""
    entry = reader.entry(seq)
    rows = reader.decisions(alert_seq=seq, limit=MAX_ROWS)
    if entry is None and not rows:
        return None
    if not rows and entry is not None:
        rows = _rows_about(reader, entry)
    decisions = [row.decision for row in rows]
    keys = sorted({decision.dedup_key for decision in decisions if decision.dedup_key})
    deliveries = [delivery for key in keys for delivery in reader.deliveries(dedup_key=key, limit=MAX_ROWS)]
    deliveries += _digests(reader, decisions)
    incident = reader.incident(keys[0]) if keys else None
    pages = [] if incident is None else tell_pages(reader, incident, deliveries)
    return Explanation(
        subject=f"alert {seq}",
        headline=_headline(entry, decisions, deliveries) + _ending(pages),
        entry=entry,
        incident=incident,
        decisions=decisions,
        deliveries=_without_bodies(deliveries),
        tried=_tried(reader, entry, decisions),
        counted=find_counted(reader, most_telling(rows)) if rows else (),
        pages=pages,
        audit=[] if incident is None else _audit(reader, incident),
    )


def _explain_key(reader: Reader, key: str) -> Explanation | None:
    """Of a dedup key under which no incident was opened: a digest's, or of an entry that the router itself failed on."""
    rows = reader.decisions(dedup_key=key, limit=MAX_ROWS)
    decisions = [row.decision for row in rows]
    deliveries = reader.deliveries(dedup_key=key, limit=MAX_ROWS)
    if not decisions and not deliveries:
        return None
    seq = next((decision.alert_seq for decision in decisions if decision.alert_seq), 0)
    return Explanation(
        subject=key,
        headline=_headline(None, decisions, deliveries),
        entry=reader.entry(seq) if seq else None,
        incident=None,
        decisions=decisions,
        deliveries=_without_bodies(deliveries),
    )


def _rows_about(reader: Reader, entry: Entry) -> list[DecisionRow]:
    """What was decided because of an entry that is no alert: about the same incident, or the same silence, at its time."""
    key = getattr(entry.fact, "dedup_key", "")
    rows = reader.decisions(dedup_key=key, limit=MAX_ROWS) if key else reader.decisions(limit=MAX_LOOKED_AT)
    return [row for row in rows if row.decision.at == entry.at and not row.decision.alert_seq][:MAX_ROWS]


def most_telling(rows: Sequence[DecisionRow]) -> DecisionRow:
    """Of several decisions the one that says most; the newest of those that say as much."""
    return min(rows, key=lambda row: _weight(row.decision))


def _weight(decision: Decision) -> tuple[int, bool]:
    """The smaller says more; what a rule says of the alert comes before what a storm digest says of itself."""
    return WEIGHT[decision.action], not decision.rule


def _tried(reader: Reader, entry: Entry | None, decisions: Sequence[Decision]) -> list[TriedRule]:
    if entry is None or not isinstance(entry.fact, AlertReceived):
        return []
    version = next((decision.ruleset for decision in decisions if decision.alert_seq == entry.seq), "")
    return retell_rules(reader, entry.fact.alert, version)


def explain_incident(reader: Reader, number_or_dedup_key: int | str) -> Explanation | None:
    """The story of an incident; None if there is none of that number or key."""
    incident = reader.incident(number_or_dedup_key)
    if incident is None:
        return _explain_key(reader, number_or_dedup_key) if isinstance(number_or_dedup_key, str) else None
    rows = reader.decisions(dedup_key=incident.dedup_key, limit=MAX_ROWS)
    decisions = [row.decision for row in rows]
    deliveries = reader.deliveries(dedup_key=incident.dedup_key, limit=MAX_ROWS) + _digests(reader, decisions)
    pages = tell_pages(reader, incident, deliveries)
    opened_by = next((decision.alert_seq for decision in reversed(decisions) if decision.alert_seq), 0)
    entry = reader.entry(opened_by) if opened_by else None
    return Explanation(
        subject=f"incident {incident.number}",
        headline=_headline(None, [d for d in decisions if d.action is not Action.CLOSE] or decisions, deliveries)
        + (_ending(pages) or _closing(decisions)),
        entry=entry,
        incident=incident,
        decisions=decisions,
        deliveries=_without_bodies(deliveries),
        tried=_tried(reader, entry, decisions),
        counted=find_counted(reader, most_telling(rows)) if rows else (),
        pages=pages,
        audit=_audit(reader, incident),
    )


def _digests(reader: Reader, decisions: list[Decision]) -> list[Delivery]:
    """The digests that took it up, as far as they were due."""
    keys = dict.fromkeys(digest_key_of(each.cause) for each in decisions if each.reason is Reason.DIGESTED)
    return [delivery for key in keys for delivery in reader.deliveries(dedup_key=key, limit=MAX_ROWS)]


def _without_bodies(deliveries: list[Delivery]) -> list[Delivery]:
    """What was sent is shown one by one, where it can be read."""
    return [msgspec.structs.replace(delivery, body=b"") for delivery in deliveries]


def _audit(reader: Reader, incident: Incident) -> list[AuditEntry]:
    return [row.entry for row in reader.audit(incident=incident.number, limit=MAX_ROWS)]


def _closing(decisions: Sequence[Decision]) -> str:
    """Why it is closed, where it is and PagerDuty has said nothing of it."""
    closed = next((decision for decision in decisions if decision.action is Action.CLOSE), None)
    if closed is None:
        return ""
    return f" Closed: {SENTENCES[closed.reason]}{f' ({closed.cause})' if closed.cause else ''}."


def _ending(pages: list[PageStory]) -> str:
    """What became of the pages, as far as PagerDuty said anything of them."""
    told = [story for story in pages if story.page.pagerduty_id or story.state is PageState.MISSED]
    if not told:
        return ""
    if len(pages) == 1:
        return f" {told[0].sentence}"
    return "".join(f" {story.team}: {story.sentence}" for story in told)


def _undecided(entry: Entry | None) -> str:
    if entry is not None and not isinstance(entry.fact, AlertReceived):
        return "This is no alert, and nothing was decided because of it alone."
    return "Accepted, not decided yet."


def _headline(entry: Entry | None, decisions: list[Decision], deliveries: list[Delivery]) -> str:
    if not decisions:
        return _undecided(entry)
    decision = min(decisions, key=_weight)
    because = SENTENCES[decision.reason] + (f" ({decision.cause})" if decision.cause else "")
    rule = f" by rule {decision.rule}" if decision.rule else ""
    match decision.action:
        case Action.OPEN if decision.reason is Reason.LIMIT_EXCEEDED:
            return f"Told in a storm digest to {words_of(decision.teams, decision.channels)}{rule}: {because}."
        case Action.OPEN:
            done = "Paged" if decision.teams or not decision.channels else "Told"
            by_whom = [each for each in deliveries if each.team] or deliveries
            return f"{done} {words_of(decision.teams, decision.channels)}{rule}: {because}. {progress(by_whom)}"
        case Action.NOTIFY:
            return f"Not paged, told {words_of(decision.teams, decision.channels)}{rule}: {because}. {progress(deliveries)}"
        case Action.CLOSE:
            return f"Closed{rule}: {because}. {progress([d for d in deliveries if d.action == 'resolve'])}"
        case Action.UPDATE:
            return f"No new page{rule}: {because}."
        case Action.HOLD:
            return f"Not paged yet, held{rule}: {because}."
        case Action.SUPPRESS | Action.DROP:
            return f"Not paged{rule}: {because}."
        case Action.NONE:
            fact = entry.fact if entry else None
            is_resolve = isinstance(fact, AlertReceived) and fact.alert.status == "resolved"
            return f"{'Nothing to resolve' if is_resolve else 'Nothing done'}{rule}: {because}."


def progress(deliveries: list[Delivery]) -> str:
    """How far it has been heard of, in one sentence."""
    first = min(deliveries, key=lambda delivery: delivery.id, default=None)
    if first is None:
        return "Nothing was sent."
    match first.state:
        case DeliveryState.DELIVERED:
            waited = max(0, first.finished_at - first.created_at)
            taker = "PagerDuty" if first.channel == PAGERDUTY else first.channel
            return f"{taker} accepted it after {waited} ms, at attempt {first.attempts}."
        case DeliveryState.PENDING:
            last = describe(first.last_attempts[-1].outcome) if first.last_attempts else "not tried yet"
            return f"It waits in the outbox: {first.attempts} attempts, {last}."
        case DeliveryState.CANCELLED:
            return f"It was never sent: {first.reason}."
        case DeliveryState.DEAD:
            return f"It could NOT be delivered: {first.reason}."


def describe(outcome: Accepted | Throttled | Unavailable | Rejected) -> str:
    """One attempt's answer in a few words."""
    match outcome:
        case Accepted():
            return f"accepted ({outcome.status})"
        case Throttled():
            wait = f", asked to wait {outcome.retry_after_ms} ms" if outcome.retry_after_ms else ""
            return f"throttled ({outcome.status}{wait})"
        case Unavailable() if outcome.is_early:
            return f"too early ({outcome.cause})"
        case Unavailable():
            return f"unavailable ({outcome.status or 'no answer'}: {outcome.cause})"
        case Rejected() if outcome.is_needless:
            return f"needless ({outcome.cause})"
        case Rejected():
            return f"refused ({outcome.status or 'not sent'}: {outcome.cause})"
