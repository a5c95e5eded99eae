"""What a reader sees in single places; the whole page is looked at in ``test_rendering``."""

from __future__ import annotations

from router.history.health import Proposal, RuleHealth
from router.history.html import _health, _link


def test_only_addresses_of_the_web_become_links() -> None:
    assert _link("https://example.test/a?b=1&c=2", "<b>") == (
        '<a href="https://example.test/a?b=1&amp;c=2" rel="noreferrer">&lt;b&gt;</a>'
    )
    assert _link("javascript:alert(1)", "x") == "x"
    assert _link("", "x") == "x"


def test_a_change_that_would_harm_says_so() -> None:
    proposal = Proposal(change="firing_for: 4m", removes=31, of=33, harms=1, command="alert-router backtest")
    health = RuleHealth(rule="r", pages=40, never_acknowledged=33, over_by_itself=31, lasted_ms=120_000, proposal=proposal)
    text = _health([health])
    assert "<code>firing_for: 4m</code> removes <b>31 of 33</b>. It would also have removed 1 that somebody" in text
    assert "notify" in _health(
        [RuleHealth(rule="r", pages=9, never_acknowledged=9, over_by_itself=0, lasted_ms=0, proposal=None)]
    )
    assert "No rule paged often" in _health([])
