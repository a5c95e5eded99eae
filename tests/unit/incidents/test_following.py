"""One piece of news at a time: what it changes, and that old, repeated and disordered news changes nothing."""

import itertools

import pytest

from router.incidents.following import LAG_MS, follow
from router.model.page import Page, Sighting

AT = 1_790_000_000_000
SENT = Page(incident=1, team="payments", dedup_key="r/g/e", sent_at=AT)
NOW = AT + 3_600_000


STATUSES = {
    "triggered": "triggered",
    "acknowledged": "acknowledged",
    "unacknowledged": "triggered",
    "resolved": "resolved",
    "reopened": "triggered",
}


def news(kind: str, at: int = 0, **more) -> Sighting:
    status = STATUSES.get(kind, "")
    return Sighting(**{"kind": kind, "pagerduty_id": "Q1", "at": AT + at, "who": "Ada", "status": status} | more)


def seen(status: str, at: int, **more) -> Sighting:
    return news("seen", at // 1000 * 1000, status=status, **more)


def after(*sightings: Sighting, page: Page = SENT, now: int = NOW) -> Page:
    for sighting in sightings:
        page = follow(page, sighting, now=now).page
    return page


def told(page: Page, sighting: Sighting, now: int = NOW) -> tuple[list[str], list[str]]:
    step = follow(page, sighting, now=now)
    return [entry.what for entry in step.audit], [fact.status for fact in step.facts]


def test_the_usual_way() -> None:
    assert told(SENT, news("triggered", status="")) == (["confirmed"], [])
    page = after(news("triggered", number=7, url="https://x", service="P1"))
    assert (page.pagerduty_id, page.confirmed_at, page.number) == ("Q1", NOW, 7)
    assert told(page, news("acknowledged", 5_000)) == (["acknowledged"], ["acknowledged"])
    page = after(news("acknowledged", 5_000), page=page)
    assert (page.status, page.holder, page.acknowledged_at) == ("acknowledged", "Ada", AT + 5_000)
    assert told(page, news("unacknowledged", 9_000)) == (["unacknowledged"], ["unacknowledged"])
    page = after(news("unacknowledged", 9_000), page=page)
    assert (page.holder, page.acknowledged_by) == ("", "Ada")
    step = follow(page, news("resolved", 10_000), now=NOW)
    assert [(fact.dedup_key, fact.status, fact.who, fact.team, fact.changed_at) for fact in step.facts] == [
        ("r/g/e", "resolved", "Ada", "payments", AT + 10_000)
    ]
    assert (step.page.resolved_by, step.page.is_open) == ("Ada", False)
    assert told(step.page, news("reopened", 20_000)) == (["reopened"], ["reopened"])
    page = after(news("reopened", 20_000), page=step.page)
    assert (page.status, page.reopened, page.resolved_at) == ("triggered", 1, 0)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_of_deliveries_does_not_matter(order: tuple[int, ...]) -> None:
    all_news = [news("triggered"), news("acknowledged", 1_500), news("resolved", 3_000), news("annotated", 3_100, text="x")]
    page = after(*(all_news[index] for index in order))
    assert (page.status, page.resolved_at, page.pagerduty_id) == ("resolved", AT + 3_000, "Q1")


@pytest.mark.parametrize("kind", ["triggered", "acknowledged", "unacknowledged", "resolved", "reopened"])
def test_the_same_news_twice_changes_nothing_the_second_time(kind: str) -> None:
    page = after(news("triggered"), news("acknowledged", 1_000), news(kind, 5_000))
    assert told(page, news(kind, 5_000)) == ([], [])
    assert after(news(kind, 5_000), page=page) == page


def test_a_page_that_is_first_heard_of_through_a_note_is_open_until_it_is_known_how_it_stands() -> None:
    assert told(SENT, news("annotated", 9_000, text="x")) == (["confirmed", "noted"], [])
    page = after(news("annotated", 9_000, text="x"))
    assert (page.status, page.is_open, page.changed_at) == ("triggered", True, 0)
    assert told(page, seen("resolved", 4_000)) == (["resolved"], ["resolved"])
    assert told(page, news("acknowledged", 4_000)) == (["acknowledged"], ["acknowledged"])


def test_so_is_one_that_is_first_heard_of_as_merged() -> None:
    page = after(news("resolved", 9_000, merged_into="Q2"))
    assert (page.pagerduty_id, page.status, page.is_open) == ("Q2", "triggered", True)


def test_a_note_on_the_next_incident_under_the_key_says_that_it_is_open_and_does_not_say_who_opened_it() -> None:
    page = after(news("triggered", number=7), news("resolved", 5_000, number=7))
    note = news("priority_updated", 60_000, pagerduty_id="Q2", number=9, priority="P1")
    step = follow(page, note, now=NOW)
    assert [(fact.status, fact.who, fact.by_person) for fact in step.facts] == [("reopened", "", False)]
    assert (step.page.pagerduty_id, step.page.is_open) == ("Q2", True)
    assert told(step.page, news("acknowledged", 30_000, pagerduty_id="Q2", number=9)) == (["acknowledged"], ["acknowledged"])


def test_what_is_read_back_may_lag_but_not_for_ever() -> None:
    page = after(news("triggered"), news("acknowledged", 1_500))
    now = AT + 2_000
    assert after(seen("triggered", 0), page=page, now=now) == page
    assert told(page, seen("triggered", 1_500), now) == ([], [])
    assert told(page, seen("resolved", 1_500), now) == (["resolved"], ["resolved"])
    assert told(page, seen("triggered", 1_500), AT + 1_500 + LAG_MS) == (["unacknowledged"], ["unacknowledged"])
    assert told(page, seen("acknowledged", 0), NOW) == ([], [])


def test_a_webhook_of_the_second_in_which_it_was_seen_resolved_does_not_reopen_it() -> None:
    page = after(news("triggered"), seen("resolved", 3_000))
    assert told(page, news("acknowledged", 3_400)) == ([], [])
    assert told(page, news("reopened", 3_900)) == (["reopened"], ["reopened"])
    assert told(page, news("acknowledged", 4_400)) == (["reopened", "acknowledged"], ["reopened", "acknowledged"])


def test_a_merge_is_no_resolution() -> None:
    page = after(news("triggered"), news("acknowledged", 1_000))
    merge = news("resolved", 2_000, merged_into="Q2")
    assert told(page, merge) == (["merged"], [])
    page = after(merge, page=page)
    assert (page.pagerduty_id, page.status, page.merged_from) == ("Q2", "acknowledged", "Q1")
    assert after(merge, page=page) == page, "again"
    assert told(page, news("annotated", 3_000, text="late, of the old one")) == ([], [])
    assert told(page, news("resolved", 9_000, pagerduty_id="Q2")) == (["resolved"], ["resolved"])


def test_another_person_takes_over() -> None:
    page = after(news("triggered"), news("acknowledged", 1_000))
    assert told(page, news("acknowledged", 2_000, who="Grace")) == (["acknowledged"], [])
    page = after(news("acknowledged", 2_000, who="Grace"), page=page)
    assert (page.holder, page.acknowledged_by, page.acknowledged_at) == ("Grace", "Ada", AT + 1_000)


@pytest.mark.parametrize(
    ("sighting", "what", "text"),
    [
        (news("annotated", 5, text="looking"), "noted", "looking"),
        (news("annotated", 5, text="Resolution Note: made room"), "resolution", "made room"),
        (news("escalated", 5, assignees=("Grace",)), "escalated", "to Grace"),
        (news("delegated", 5, assignees=("Grace",)), "delegated", "to Grace"),
        (news("reassigned", 5, assignees=("Grace", "Bob")), "reassigned", "to Grace, Bob"),
        (news("priority_updated", 5, priority="P1"), "priority_updated", "P1"),
        (news("responder_added", 5, responders=(("Bob", "pending"),), text="please"), "responder_added", "Bob: please"),
        (news("responder_replied", 5, responders=(("Bob", "accepted"),)), "responder_replied", "Bob (accepted)"),
        (news("bridge_updated", 5, bridge="https://meet/1"), "bridge_updated", "https://meet/1"),
        (news("priority_updated", 5), "priority_updated", "none"),
        (news("status_update_published", 5, text="we are on it"), "status_published", "we are on it"),
        (news("service_updated", 5, service="P9"), "moved", "to PagerDuty's service P9"),
    ],
)
def test_what_else_happens_is_told_and_moves_nothing(sighting: Sighting, what: str, text: str) -> None:
    page = after(news("triggered", service="P1", priority="P5"))
    step = follow(page, sighting, now=NOW)
    assert [(entry.what, entry.text, entry.who, entry.incident) for entry in step.audit] == [(what, text, "Ada", 1)]
    assert step.facts == ()
    assert step.page.status == "triggered"


def test_what_surrounds_a_page_is_told_once_whichever_way_it_was_heard() -> None:
    page = after(news("triggered", service="P1"))
    now_like_this = {
        "priority": "P1", "service": "P2", "bridge": "https://meet/1", "responders": (("Bob", "pending"), ("Eve", "declined")),
    }  # fmt: skip
    found = seen("triggered", 5_000, updated_at=AT + 9_000, **now_like_this)
    step = follow(page, found, now=NOW)
    whats = ["priority_updated", "moved", "bridge_updated", "responder_added", "responder_replied"]
    assert [(entry.what, entry.who, entry.at) for entry in step.audit] == [(what, "PagerDuty", AT + 9_000) for what in whats]
    page = step.page
    assert (page.priority, page.service, page.bridge) == ("P1", "P2", "https://meet/1")
    assert follow(page, found, now=NOW) == (page, (), ())
    for kind, more in (
        ("priority_updated", {"priority": "P1"}), ("service_updated", {"service": "P2"}),
        ("responder_added", {"responders": (("Bob", "pending"),)}), ("bridge_updated", {"bridge": "https://meet/1"}),
    ):  # fmt: skip
        assert told(page, news(kind, 9_500, **more)) == ([], []), "its webhook comes after it was seen"
    late = news("priority_updated", 4_000, priority="P4", responders=(("Bob", "declined"),))
    assert follow(page, late, now=NOW) == (page, (), ()), "older news moves nothing back"
    assert after(seen("triggered", 9_000, updated_at=AT + 8_000, priority="P4"), page=page).priority == "P1"


def test_lines_of_the_log_are_read_once() -> None:
    page = after(news("triggered"))
    first = news("annotated", 1_000, text="a", log_entry="R1")
    second = news("annotated", 1_000, text="b", log_entry="R2")
    page = after(first, second, page=page)
    assert told(page, first) == told(page, second) == ([], [])
    assert told(page, news("annotated", 0, text="c", log_entry="R0")) == ([], [])
    assert told(page, news("annotated", 2_000, text="d", log_entry="R3")) == (["noted"], [])
    within = [news("acknowledged", 5_000, log_entry="R4"), news("unacknowledged", 5_000, log_entry="R5")]
    assert after(*within, page=page).status == "triggered", "within a second their order counts"


def test_nobody_is_named_who_was_not_told() -> None:
    page = after(news("triggered"), news("resolved", 1, who=""))
    assert page.resolved_by == "PagerDuty"


def test_what_we_said_ourselves_comes_back_and_is_not_told_again() -> None:
    page = after(news("triggered"), news("other", text="runbook", by_us=True))
    assert told(page, news("annotated", 1_000, text="runbook")) == ([], [])
    assert told(page, news("annotated", 1_000, text="another")) == (["noted"], [])
    step = follow(page, seen("triggered", 5_000, updated_at=AT + 9_000, priority="P1", by_us=True), now=NOW)
    assert (step.page.priority, step.audit) == ("P1", ())
    many = after(*(news("other", text=str(number), by_us=True) for number in range(50)), page=page)
    assert len(many.own_notes) == 20


def test_an_incident_opened_under_the_same_key_after_the_first_was_resolved_takes_its_place() -> None:
    page = after(news("triggered", number=7), news("acknowledged", 5_000, number=7))
    opened = news("triggered", 60_000, pagerduty_id="Q2", number=9, url="https://9")
    assert told(page, opened) == (["confirmed", "unacknowledged"], ["unacknowledged"])
    second = after(opened, page=page)
    assert (second.pagerduty_id, second.number, second.url, second.status, second.holder) == (
        *("Q2", 9, "https://9"),
        *("triggered", ""),
    )
    assert second.confirmed_at == page.confirmed_at
    late = news("resolved", 40_000, number=7)
    assert follow(second, late, now=NOW) == (second, (), ())
    assert told(second, news("resolved", 90_000, pagerduty_id="Q2", number=9)) == (["resolved"], ["resolved"])


def test_an_incident_opened_anew_is_told_to_the_engine_once_the_first_was_known_to_be_over() -> None:
    page = after(news("triggered", number=7), news("resolved", 5_000, number=7))
    opened = news("triggered", 60_000, pagerduty_id="Q2", number=9)
    assert told(page, opened) == (["confirmed", "reopened"], ["reopened"])
