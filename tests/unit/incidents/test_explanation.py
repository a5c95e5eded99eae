"""Explanations: the most telling decision makes the headline, and every reason has its clause."""

import pytest

from router.incidents.explanation import SENTENCES, _without_bodies, describe, explain_alert, explain_incident
from router.model.alert import Alert
from router.model.decision import Action, Decision, Reason
from router.model.delivery import Accepted, Attempt, Delivery, DeliveryState, Priority, Rejected, Throttled, Unavailable
from router.model.incident import Incident
from router.model.journal import AlertReceived, Entry, Restarted
from router.model.severity import Severity
from router.store.base import AuditRow, DecisionRow

KEY = "payment-errors/0011223344556677/k2x-1a"


class Record:
    """A reader over plain lists."""

    def __init__(self, *, entries=(), decisions=(), deliveries=(), incidents=(), pages=(), audit=()) -> None:
        self._pages, self._audit = pages, audit
        self._entries, self._decisions, self._deliveries, self._incidents = entries, decisions, deliveries, incidents

    def entry(self, seq):
        return next((entry for entry in self._entries if entry.seq == seq), None)

    def decisions(self, *, alert_seq=None, dedup_key=None, before_id=None, limit=100):
        found = [d for d in self._decisions if alert_seq in (None, d.alert_seq) and dedup_key in (None, d.dedup_key)]
        return [DecisionRow(id=n, decision=d) for n, d in enumerate(found)][::-1][:limit]

    def deliveries(self, *, state=None, dedup_key=None, team=None, before_id=None, limit=100):
        return [d for d in self._deliveries if d.dedup_key == dedup_key][::-1][:limit]

    def pages(self, *, incident=None, pagerduty_id=None, after_incident=0, limit=1000):
        return [page for page in self._pages if page.incident == incident]

    def audit(self, *, incident=None, before_id=None, limit=100):
        return [AuditRow(id=n, entry=entry) for n, entry in enumerate(self._audit) if entry.incident == incident][::-1]

    def incident(self, number_or_dedup_key):
        return next((i for i in self._incidents if number_or_dedup_key in (i.number, i.dedup_key)), None)


def entry(status: str = "firing") -> Entry:
    alert = Alert(source="s", fingerprint="f", service="payment-api", name="CardError", status=status)
    return Entry(seq=7, at=100, fact=AlertReceived(alert=alert))


def decision(action: Action, reason: Reason, **changes) -> Decision:
    return Decision(**{"at": 100, "action": action, "reason": reason, "alert_seq": 7, "rule": "payment-errors"} | changes)


def delivery(**changes) -> Delivery:
    base = {
        "id": 1, "team": "payments", "routing_key": "env:K", "dedup_key": KEY, "action": "trigger", "priority": Priority.ERROR,
        "created_at": 100, "body": b"{}",
    }  # fmt: skip
    return Delivery(**base | changes)


def incident() -> Incident:
    return Incident(
        number=17, rule="payment-errors", group="0011223344556677", dedup_key=KEY, teams=("payments",), service="payment-api",
        name="CardError", summary="x", severity=Severity.ERROR, status="open", opened_at=100,
    )  # fmt: skip


OPENED = decision(Action.OPEN, Reason.COUNT_REACHED, dedup_key=KEY, teams=("payments",), cause="3 of 3 in 5m")


@pytest.mark.parametrize(
    ("decisions", "deliveries", "status", "headline"),
    [
        ([], [], "firing", "Accepted, not decided yet."),
        (
            [OPENED],
            [delivery(state=DeliveryState.DELIVERED, attempts=1, finished_at=340)],
            "firing",
            (
                "Paged payments by rule payment-errors: the count of its rule was reached (3 of 3 in 5m). "
                "PagerDuty accepted it after 240 ms, at attempt 1."
            ),
        ),
        (
            [OPENED],
            [delivery(attempts=4, last_attempts=(Attempt(at=1, took_ms=2, outcome=Unavailable(cause="refused")),))],
            "firing",
            (
                "Paged payments by rule payment-errors: the count of its rule was reached (3 of 3 in 5m). "
                "It waits in the outbox: 4 attempts, unavailable (no answer: refused)."
            ),
        ),
        (
            [OPENED],
            [delivery(state=DeliveryState.DEAD, reason="the key is unknown")],
            "firing",
            (
                "Paged payments by rule payment-errors: the count of its rule was reached (3 of 3 in 5m). "
                "It could NOT be delivered: the key is unknown."
            ),
        ),
        (
            [decision(Action.HOLD, Reason.COUNT_NOT_REACHED, cause="2 of 3 in 5m")],
            [],
            "firing",
            "Not paged yet, held by rule payment-errors: the count of its rule is not reached yet (2 of 3 in 5m).",
        ),
        (
            [decision(Action.DROP, Reason.DROPPED_BY_RULE, cause="development never pages")],
            [],
            "firing",
            "Not paged by rule payment-errors: a rule says that it never pages (development never pages).",
        ),
        (
            [decision(Action.OPEN, Reason.LIMIT_EXCEEDED, teams=("payments",))],
            [],
            "firing",
            (
                "Told in a storm digest to payments by rule payment-errors: "
                "the limit of incidents was exceeded, so it is told in a storm digest."
            ),
        ),
        (
            [decision(Action.UPDATE, Reason.ALREADY_OPEN), decision(Action.HOLD, Reason.COUNT_NOT_REACHED)],
            [],
            "firing",
            "Not paged yet, held by rule payment-errors: the count of its rule is not reached yet.",
        ),
        (
            [decision(Action.UPDATE, Reason.ALREADY_OPEN)],
            [],
            "firing",
            "No new page by rule payment-errors: its incident is open already.",
        ),
        (
            [decision(Action.CLOSE, Reason.ALL_RESOLVED, dedup_key=KEY)],
            [delivery(action="resolve", state=DeliveryState.CANCELLED, reason="resolved_before_sent")],
            "resolved",
            "Closed by rule payment-errors: all alerts of its group have resolved. It was never sent: resolved_before_sent.",
        ),
        (
            [decision(Action.NONE, Reason.NOTHING_OPEN, rule="")],
            [],
            "resolved",
            "Nothing to resolve: it resolved something for which no incident was open.",
        ),
    ],
)
def test_headlines(decisions, deliveries, status, headline) -> None:
    found = explain_alert(Record(entries=[entry(status)], decisions=decisions, deliveries=deliveries), 7)
    assert found is not None
    assert found.headline == headline


def test_nothing_recorded_is_none() -> None:
    assert explain_alert(Record(), 7) is None
    assert explain_incident(Record(), 17) is None


def test_an_incident_is_found_by_number_and_by_key_and_tells_of_the_alert_that_opened_it() -> None:
    record = Record(
        entries=[entry()],
        decisions=[OPENED, decision(Action.CLOSE, Reason.ALL_RESOLVED, dedup_key=KEY)],
        deliveries=[delivery()],
        incidents=[incident()],
    )
    for subject in (17, KEY):
        found = explain_incident(record, subject)
        assert found is not None
        assert found.headline.startswith("Paged payments")
        assert found.entry is not None
        assert found.entry.seq == 7
        assert len(found.decisions) == 2


def test_every_reason_has_its_clause() -> None:
    assert set(SENTENCES) == set(Reason)


def test_outcomes_in_words() -> None:
    assert describe(Accepted()) == "accepted (202)"
    assert describe(Throttled(retry_after_ms=30)) == "throttled (429, asked to wait 30 ms)"
    assert describe(Unavailable(status=503, cause="busy")) == "unavailable (503: busy)"
    assert describe(Rejected(cause="the key cannot be read")) == "refused (not sent: the key cannot be read)"


def test_an_entry_that_decides_nothing_by_itself_does_not_look_undecided() -> None:
    restarted = Entry(seq=3, at=100, fact=Restarted(down_since=50))
    found = explain_alert(Record(entries=[restarted], decisions=[decision(Action.OPEN, Reason.AT_ONCE)]), 3)
    assert found is not None
    assert found.headline == "This is no alert, and nothing was decided because of it alone."


def test_a_dedup_key_without_an_incident_is_explained_by_what_was_decided_about_it() -> None:
    key = "undecidable/f/100-7"
    about = decision(Action.OPEN, Reason.UNDECIDABLE, dedup_key=key, teams=("platform",))
    found = explain_incident(Record(entries=[entry()], decisions=[about]), key)
    assert found is not None
    assert (found.subject, found.incident) == (key, None)
    assert found.headline.startswith("Paged platform by rule payment-errors: the router failed on it")
    assert explain_incident(Record(), key) is None


def test_a_story_tells_how_deliveries_went_and_not_their_bytes() -> None:
    given = delivery(body=b"{}")
    (shown,) = _without_bodies([given])
    assert (shown.body, shown.id, shown.state) == (b"", given.id, given.state)
