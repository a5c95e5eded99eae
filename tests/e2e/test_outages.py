"""The real process with secrets that cannot be used: it starts, pages everybody else, and says what is out until it is mended."""

from __future__ import annotations

import pytest

from tests.support.daemon import KEYS, alert, config, eventually, off_loop
from tests.support.services import Service, serving

pytestmark = pytest.mark.timeout(120)

RULES = """
rules:
  - id: everything
    match: {service: "*"}
    group_by: [service, name, instance]
    page: owner
    notify: [slack, hook]
"""
TEAMS = {
    "payments": {"services": ["payment-*"], "pagerduty": {"routing_key": "env:KEY_PAYMENTS"}},
    "search": {"services": ["search-*"], "pagerduty": {"routing_key": "env:KEY_SEARCH"}},
    "platform": {"services": ["*"], "pagerduty": {"routing_key": "env:KEY_PLATFORM"}},
}
SLACK = "https://hooks.slack.example/services/T0000/B0000/abcdefghijklmnop"


def pages(pagerduty) -> set[tuple[str, str]]:
    """(team paged, title) of what is open."""
    return {(one.service, one.title) for one in pagerduty.sandbox.incidents("open")}


def titled(pagerduty, text: str) -> list[str]:
    return [one.title for one in pagerduty.sandbox.incidents() if text in one.title]


async def test_a_channel_with_a_malformed_secret_costs_its_channel(make_daemon, pagerduty) -> None:
    with serving(Service()) as hook:
        channels = {
            "slack": {"kind": "slack", "url": "env:SLACK"},
            "hook": {"kind": "webhook", "url": f"{hook.url}/in"},
        }
        daemon = make_daemon(RULES, start=False, channels=channels)
        daemon.environment["SLACK"] = SLACK
        checked = await off_loop(daemon.run_command, "check")
        assert checked.returncode == 1
        assert "[wrong-kind] channels.slack.url" in checked.stdout + checked.stderr
        await off_loop(daemon.start)
        await eventually(lambda: titled(pagerduty, "channel:slack is told nothing"), what="it says so")
        assert "ChannelOut" in (await off_loop(daemon.run_command, "explain", "2")).stdout
        assert daemon.metric("alert_router_secret_unusable", of="channel:slack") == 1
        await off_loop(daemon.post_alerts, alert("Alpha"))
        await eventually(lambda: titled(pagerduty, "Alpha") and len(hook.requests) >= 1, what="page and other channel")
        await eventually(lambda: daemon.metric("alert_router_deliveries_total", channel="slack", state="dead") >= 1)
        assert not titled(pagerduty, "could not be delivered"), "it was said before"
        await off_loop(daemon.stop)
        assert SLACK not in daemon.log
        assert "trouble_raised" in daemon.log


async def test_a_team_with_a_broken_key_costs_its_team_and_somebody_gets_its_pages(make_daemon, pagerduty) -> None:
    daemon = make_daemon(RULES.replace("notify", "#"), start=False, teams=TEAMS)
    daemon.environment["KEY_PAYMENTS"] = "u+aBcDeFgHiJkLmNoPqR"
    assert (await off_loop(daemon.run_command, "check")).returncode == 1
    await off_loop(daemon.start)
    await eventually(lambda: titled(pagerduty, "team payments cannot be paged"), what="it says so")
    assert daemon.metric("alert_router_secret_unusable", of="payments") == 1
    await off_loop(daemon.post_alerts, alert("Alpha"), alert("Beta", service="search-api"))
    await eventually(lambda: {team for team, title in pages(pagerduty) if "Alpha" in title} == {"platform"})
    assert {team for team, title in pages(pagerduty) if "Beta" in title} == {"search"}
    # Rules are changed meanwhile: what is out already keeps nobody from that. Anything more is refused.
    daemon.write_rules(RULES.replace("notify", "#").replace("everything", "renamed"))
    status, answer = await off_loop(daemon.request, "POST", "/-/reload")
    assert (status, await off_loop(daemon.metric, "alert_router_last_reload_success")) == (200, 1), answer
    daemon.configure({"listen": f"127.0.0.1:{daemon.port}"} | config(pagerduty.url, teams=_other_key(TEAMS)))
    status, answer = await off_loop(daemon.request, "POST", "/-/reload")
    assert status >= 400
    assert "NOWHERE" in str(answer)
    assert daemon.metric("alert_router_secret_unusable", of="search") == 0, "the old configuration stays"
    daemon.configure({"listen": f"127.0.0.1:{daemon.port}"} | config(pagerduty.url, teams=TEAMS))
    await off_loop(daemon.stop)
    assert "aBcDeFgHi" not in daemon.log
    daemon.environment["KEY_PAYMENTS"] = KEYS["payments"]
    await off_loop(daemon.start)
    await eventually(
        lambda: {one.status for one in pagerduty.sandbox.incidents() if "team payments cannot" in one.title} == {"resolved"}
    )
    assert daemon.metric("alert_router_secret_unusable") == 0
    await off_loop(daemon.post_alerts, alert("Gamma"))
    await eventually(lambda: {team for team, title in pages(pagerduty) if "Gamma" in title} == {"payments"})


def _other_key(teams):
    return teams | {"search": {"services": ["search-*"], "pagerduty": {"routing_key": "env:NOWHERE"}}}


async def test_without_the_rest_token_everybody_is_paged(make_daemon, pagerduty) -> None:
    settings = config(pagerduty.url)["pagerduty"] | {"api_url": pagerduty.url, "api_token": "env:NOWHERE"}
    daemon = make_daemon(RULES.replace("notify", "#"), start=False, pagerduty=settings)
    await off_loop(daemon.start)
    await off_loop(daemon.post_alerts, alert("Alpha"))
    await eventually(lambda: titled(pagerduty, "pages cannot be followed") and titled(pagerduty, "Alpha"))
    assert daemon.process.poll() is None
