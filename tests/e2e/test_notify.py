"""The real process beside real servers: what a channel is told, through refusals, crashes and reloads."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.daemon import alert, eventually, off_loop
from tests.support.services import Service, SlackService, said, serving

pytestmark = pytest.mark.timeout(120)

RULES = """
rules:
  - id: payments
    match: {service: "payment-*", severity: critical}
    group_by: [service, name, instance]
    page: owner
    notify: [chat, hook]
  - id: talk
    match: {service: "dev-*"}
    group_by: [service, name, instance]
    page: []
    notify: hook
"""


def told(service: Service) -> list[tuple[str, str]]:
    """(state, instance) of what a webhook got."""
    bodies = [json.loads(body) for _, _, _, body in service.requests]
    return [(body["state"], body["service"]) for body in bodies]


def titles(pagerduty) -> list[str]:
    return [incident.title for incident in pagerduty.sandbox.incidents()]


def channels(chat: SlackService, hook: Service, **more: object) -> dict[str, object]:
    return {
        "chat": {"kind": "slack", "token": "env:SLACK_TOKEN", "channel": SlackService.CHANNEL, "api_url": f"{chat.url}/api"},
        "hook": {"kind": "webhook", "url": f"{hook.url}/in"},
        **more,
    }


async def test_a_page_and_its_channels_and_the_end_of_both(make_daemon, pagerduty) -> None:
    with serving(SlackService()) as chat, serving(Service()) as hook:
        daemon = make_daemon(RULES, start=False, channels=channels(chat, hook))
        daemon.environment["SLACK_TOKEN"] = SlackService.TOKEN
        await off_loop(daemon.start)
        await off_loop(daemon.post_alerts, alert(instance="a", severity="critical"))
        await eventually(
            lambda: len(titles(pagerduty)) == 1 and len(chat.roots) == 1 and told(hook) == [("firing", "payment-api")]
        )
        shown = await off_loop(daemon.run_command, "explain", "2")
        assert "Paged payments, and tells chat and hook by rule payments" in shown.stdout
        assert "to chat  delivered" in shown.stdout
        listed = await off_loop(daemon.run_command, "incidents")
        assert "payments,chat,hook" in listed.stdout
        attempts = daemon.metric("alert_router_delivery_attempts_total", channel="chat", outcome="accepted")
        assert attempts == 1
        await off_loop(daemon.post_alerts, alert(instance="a", severity="critical", ends_in="-1"))
        await eventually(lambda: [one.status for one in pagerduty.sandbox.incidents()] == ["resolved"])
        await eventually(lambda: told(hook)[-1] == ("resolved", "payment-api") and chat.updates == 1)
        assert len(chat.roots) == 1, "one thread"
        assert SlackService.TOKEN not in daemon.log


async def test_a_digest_survives_kill_9_and_comes_once(make_daemon, pagerduty) -> None:
    with serving(SlackService()) as chat, serving(Service()) as hook:
        digest = {"kind": "webhook", "url": f"{hook.url}/digest", "digest": {"every": "20s"}}
        daemon = make_daemon(
            RULES,
            start=False,
            channels=channels(chat, hook, digest=digest),
            severity_channels={"warning": ["digest"]},
            default_team="platform",
        )
        daemon.environment["SLACK_TOKEN"] = SlackService.TOKEN
        await off_loop(daemon.start)
        for number in range(5):
            await off_loop(daemon.post_alerts, alert(service="search", name=f"Slow{number}", severity="warning"))
        await off_loop(daemon.kill)
        await off_loop(daemon.start)
        assert hook.requests == []
        await eventually(lambda: len(hook.requests) == 1, seconds=60, what="the digest")
        body = json.loads(hook.requests[0][3])
        assert body["summary"] == "Digest: 5 opened, 0 resolved"
        assert all(f"Slow{number}" in body["text"] for number in range(5))
        # What was sent and is not recorded yet is sent again after a kill, here as everywhere.
        await eventually(lambda: [one.get("state") for one in daemon.get("/v1/deliveries")[1]["items"]] == ["delivered"])
        await off_loop(daemon.kill)
        await off_loop(daemon.start)
        listed = await off_loop(daemon.run_command, "deliveries", "--output", "json")
        assert [item["channel"] for item in json.loads(listed.stdout)["items"]] == ["digest"]
        explained = await off_loop(daemon.run_command, "explain", "2")
        assert "digested" in explained.stdout
        assert "to digest  delivered" in explained.stdout
        assert titles(pagerduty) == []
        assert len(hook.requests) == 1


async def test_a_channel_that_refuses_is_a_trouble_once_and_no_fallback(make_daemon, pagerduty) -> None:
    with serving(Service()) as hook:
        hook.answers = [said({"error": "gone"}, 410) for _ in range(3)]
        daemon = await off_loop(make_daemon, RULES, channels={"hook": {"kind": "webhook", "url": f"{hook.url}/in"},
                                                             "chat": {"kind": "webhook", "url": f"{hook.url}/in"}})  # fmt: skip
        for number in range(3):
            await off_loop(daemon.post_alerts, alert(service="dev-1", instance=str(number)))
        await eventually(lambda: daemon.metric("alert_router_dead_letters") == 3)
        await eventually(lambda: len(titles(pagerduty)) == 1, what="the router says so")
        assert "ChannelFailed" in titles(pagerduty)[0]
        assert "channel:hook" in titles(pagerduty)[0]
        await off_loop(daemon.post_alerts, alert(service="dev-1", instance="4"))
        await eventually(lambda: [one.status for one in pagerduty.sandbox.incidents()] == ["resolved"], seconds=30)


async def test_a_channel_that_is_removed_while_something_waits_is_a_dead_letter_and_wakes_nobody(
    make_daemon, pagerduty
) -> None:
    with serving(Service()) as hook:
        hook.answers = [said({}, 503) for _ in range(1_000)]
        urls = {name: {"kind": "webhook", "url": f"{hook.url}/in"} for name in ("hook", "chat")}
        daemon = await off_loop(make_daemon, RULES, channels=urls, reload={"watch": False})
        await off_loop(daemon.post_alerts, alert(service="dev-1"))
        await eventually(lambda: len(hook.requests) >= 1)
        daemon.write_rules("rules: [{id: rest, match: {service: 'x-*'}}]")
        text = (daemon.folder / "config.yaml").read_text()
        (daemon.folder / "config.yaml").write_text(text[: text.index("channels:")] + text[text.index("reload:") :])
        daemon.send_signal(signal.SIGHUP)
        await eventually(lambda: daemon.metric("alert_router_dead_letters") == 1, seconds=40)
        listed = await off_loop(daemon.run_command, "deliveries", "--state", "dead")
        assert "channel hook is not in the configuration" in listed.stdout
        await off_loop(daemon.post_alerts, alert(service="dev-1", ends_in="-1"))
        await eventually(lambda: "channel_removed" in daemon.run_command("incidents", "show", "1").stdout)
        assert titles(pagerduty) == []
