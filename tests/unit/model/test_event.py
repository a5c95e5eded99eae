"""Who an event is to, for people."""

from __future__ import annotations

from router.model.event import Event


def test_a_page_is_to_its_team_and_news_to_its_channel() -> None:
    made = {"routing_key": "k", "dedup_key": "d", "action": "trigger", "at": 0}
    assert Event(team="payments", **made).to == "payments"
    assert Event(team="", channel="chat", **made).to == "chat"
