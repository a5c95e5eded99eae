from __future__ import annotations

from typing import Any

import pytest

from router.history import recollection as recollecting
from router.history.recollection import MAX_LINKS, MAX_TEXT, Memory, Recollection, describe, remember
from router.model.alert import Link
from router.model.event import Event
from tests.support.past import record
from tests.support.stores import START

KEY = "card-errors/0123456789abcdef/mh2k3-1"


def event(**changes: Any) -> Event:
    values = {
        "team": "payments", "routing_key": "env:K", "dedup_key": "card-errors/0123456789abcdef/zzz-9", "action": "trigger",
        "at": START, "summary": "CardError 99 on host-3", "rule": "card-errors",
    }  # fmt: skip
    return Event(**(values | changes))


def learnt(*records: Any, limit: int = MAX_LINKS) -> Recollection:
    found = Recollection(limit)
    found.learn(records)
    return found


def test_the_closest_come_first_each_once_after_the_pages_own_links() -> None:
    rule = record(1, dedup_key="card-errors/ffffffffffffffff/a-1", title="else", resolution="by rule")
    title = record(
        2, dedup_key="other/aaaaaaaaaaaaaaaa/a-2", rule="other", title="CardError 1 on host-1", resolution="by title"
    )
    kind = record(3, dedup_key=KEY, title="CardError 2 on host-2", resolution="by kind")
    own = Link(href="https://example.test/runbook")
    found = learnt(rule, title, kind).enrich(event(links=(own,)))
    assert found.links[0] == own
    assert [link.text.rpartition(": ")[2] for link in found.links[1:]] == ["by kind", "by title", "by rule"]
    assert found.links[1] == Link(href=kind.url, text="#3, 2026-09-21, Ada Example: by kind")


def test_the_newest_of_many() -> None:
    records = [record(number, dedup_key=KEY, resolution=f"fix {number}") for number in range(1, 10)]
    assert [link.text[:2] for link in learnt(*records).enrich(event()).links] == ["#9", "#8", "#7"]
    assert len(learnt(*records, limit=1).enrich(event()).links) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"ending": "itself"},
        {"ending": "merged"},
        {"status": "triggered", "resolved_at": 0, "ending": ""},
        {"url": "javascript:alert(1)"},
        {"resolved_by": "", "resolution": ""},
    ],
)
def test_only_what_somebody_resolved_is_remembered(changes: dict[str, Any]) -> None:
    assert remember([record(1, dedup_key=KEY, **changes)]) == Memory()


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "resolve"},
        {"is_update": True},
        {"channel": "chat"},
        {"body": "{}"},
        {"dedup_key": "x", "rule": "", "summary": "x"},
    ],
)
def test_only_pages_of_a_known_kind_carry_links(changes: dict[str, Any]) -> None:
    page = event(**changes)
    assert learnt(record(1, dedup_key=KEY)).enrich(page) is page


def test_switched_off_nothing_is_remembered() -> None:
    page = event()
    assert learnt(record(1, dedup_key=KEY), limit=0).enrich(page) is page


def test_a_mistake_of_ours_costs_the_links_and_not_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    found = learnt(record(1, dedup_key=KEY))
    monkeypatch.setattr(recollecting, "mask", lambda _text: 1 / 0)
    page = event()
    assert found.enrich(page) is page


def test_the_oldest_kinds_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recollecting, "MAX_KEYS", 2)
    found = remember([record(n, kind=f"k{n}", title=f"{'x' * n}", resolution="fix") for n in (1, 2, 3)])
    assert set(found.kinds) == {"k2", "k3"}


def test_words_are_one_line_of_bounded_length() -> None:
    text = describe(record(1, resolution="a\nb" + "x" * 1000))
    assert "\n" not in text
    assert len(text) == MAX_TEXT
    assert describe(record(1)) == "#1, 2026-09-21, Ada Example resolved it"
    assert describe(record(1, resolved_by="", resolution="fixed")) == "#1, 2026-09-21, somebody: fixed"
