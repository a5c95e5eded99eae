"""The real process and its channels: a thread in Slack, a thread of mails, trouble on the other side, and what does not leave."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.support.daemon import KEYS, Daemon, alert, eventually, off_loop
from tests.support.mail import Inbox, mail_server
from tests.support.services import Service, SlackService, serving

pytestmark = pytest.mark.timeout(120)

RULES = """
rules:
  - id: everything
    match: {service: "*"}
    page: owner
    notify: [chat]
    summary: "{{ name }} at {{ service }}"
"""


@pytest.fixture
def slack():
    with serving(SlackService()) as service:
        yield service


def chat(slack: SlackService, **more: Any) -> dict[str, Any]:
    return {"kind": "slack", "token": "env:BOT", "channel": "#ops", "api_url": f"{slack.url}/api", "rate": "unlimited"} | more


async def start(make_daemon, channels: dict[str, Any], rules: str = RULES, **settings: Any) -> Daemon:
    made: Daemon = make_daemon(rules, start=False, channels=channels, **settings)
    made.environment |= {"BOT": SlackService.TOKEN}
    return await off_loop(made.start)


async def post(daemon: Daemon, **labels: str) -> None:
    assert await off_loop(daemon.post_alerts, alert(**labels)) == 200


async def dead_letters(daemon: Daemon) -> list[dict[str, Any]]:
    _, answer = await off_loop(daemon.get, "/v1/deliveries?state=dead")
    return answer["items"]


async def test_an_episode_is_one_thread_in_slack_also_over_a_restart(make_daemon, pagerduty, slack) -> None:
    daemon = await start(make_daemon, {"chat": chat(slack)})
    await post(daemon)
    await eventually(lambda: slack.roots)
    (root,) = slack.roots
    assert root["text"] == ":large_orange_circle: *ERROR* CardError at payment-api"
    await post(daemon, severity="critical")
    await eventually(lambda: slack.replies(root["ts"]))
    assert slack.messages[root["ts"]]["text"] == ":red_circle: *CRITICAL* CardError at payment-api"
    await off_loop(daemon.kill)
    await off_loop(daemon.start)
    await post(daemon, severity="critical", ends_in="-1")
    await post(daemon, ends_in="-1")
    await eventually(lambda: "RESOLVED" in slack.messages[root["ts"]]["text"], seconds=30)
    await eventually(lambda: slack.replies(root["ts"])[-1]["text"].startswith(":white_check_mark: Resolved:"))
    assert len(slack.roots) == 1, "one thread, whatever happened to the process"
    assert slack.refused == []
    assert [incident.status for incident in pagerduty.sandbox.incidents()] == ["resolved"], "PagerDuty heard the same"


async def test_mails_of_an_episode_are_one_thread(make_daemon) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        mail = {
            "kind": "email",
            "server": f"127.0.0.1:{port}",
            "security": "none",
            "from": "a@example.com",
            "to": ["b@example.com"],
        }
        daemon = await start(make_daemon, {"chat": mail})
        await post(daemon)
        await eventually(lambda: inbox.mails)
        await post(daemon, ends_in="-1")
        await eventually(lambda: len(inbox.mails) == 2)
    first, last = inbox.mails
    assert first["Subject"] == "[ERROR] CardError at payment-api"
    assert last["Subject"] == "[RESOLVED] CardError at payment-api"
    assert last["In-Reply-To"] == first["Message-ID"]
    assert "severity=error" in last.get_body(("plain",)).get_content()


async def test_what_fails_for_now_is_tried_again_and_pages_go_on(make_daemon, pagerduty, slack) -> None:
    slack.answers = [(503, {}, b""), (200, {"Retry-After": "1"}, b'{"ok":false,"error":"ratelimited"}')]
    daemon = await start(make_daemon, {"chat": chat(slack)})
    await post(daemon)
    await eventually(pagerduty.sandbox.incidents)
    await eventually(lambda: slack.roots, seconds=30)
    assert len(slack.requests) == 3
    assert await dead_letters(daemon) == []


async def test_a_webhook_that_was_deleted_is_a_dead_letter_that_says_so_and_a_trouble_of_our_own(
    make_daemon, pagerduty
) -> None:
    with serving(SlackService()) as slack:
        channels = {"chat": {"kind": "slack", "url": f"{slack.url}/services/T0/B0/deleted-deleted", "rate": "unlimited"}}
        daemon = await start(make_daemon, channels)
        await post(daemon)
        await eventually(lambda: daemon.metric("alert_router_deliveries_total", channel="chat", state="dead"))
        await eventually(lambda: any("at alert-router" in one.title for one in pagerduty.sandbox.incidents()))
        letters = [letter for letter in await dead_letters(daemon) if letter["channel"] == "chat"]
        assert letters, await dead_letters(daemon)
        assert {letter["reason"] for letter in letters} == {"HTTP 404: no_service"}
        assert "deleted-deleted" not in daemon.log + json.dumps(letters)
        assert any("CardError" in one.title for one in pagerduty.sandbox.incidents()), "the page went out"


async def test_a_reload_adds_a_channel_and_takes_one_away(make_daemon, slack) -> None:
    with serving(Service()) as other:
        channels = {"chat": chat(slack)}
        daemon = await start(make_daemon, channels)
        await post(daemon)
        await eventually(lambda: slack.roots)
        settings = yaml.safe_load((daemon.folder / "config.yaml").read_text())
        settings["channels"] = {"hook": {"kind": "webhook", "url": f"{other.url}/x", "rate": "unlimited"}}
        daemon.write_rules(RULES.replace("chat", "hook"))
        daemon.configure(settings)
        status, answer = await off_loop(daemon.request, "POST", "/-/reload")
        assert status == 200, answer
        await post(daemon, service="search-api")
        await eventually(lambda: other.requests)
        assert json.loads(other.requests[0][3])["summary"] == "CardError at search-api"
        assert len(slack.roots) == 1


async def test_no_secret_of_an_alert_leaves_by_any_way(make_daemon, pagerduty, slack) -> None:
    planted = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"
    with serving(Service()) as other:
        channels = {"chat": chat(slack), "hook": {"kind": "webhook", "url": f"{other.url}/x", "redact": {"labels": ["shop"]}}}
        rules = RULES.replace("[chat]", "[chat, hook]")
        daemon = await start(make_daemon, channels, rules, redact={"labels": ["customer"], "patterns": [r"ORDER-\d+"]})
        labels = {"customer": "acme-corp", "shop": "shop-berlin", "note": f"{planted} ORDER-4711 {KEYS['payments']}"}
        await post(daemon, **labels)
        await eventually(lambda: slack.roots and other.requests and pagerduty.sandbox.incidents(), seconds=30)
        (event,) = pagerduty.sandbox.requests(face="events")
        paged = json.loads(event.body)
        assert paged.pop("routing_key") == KEYS["payments"], "the key is where it belongs and nowhere else"
        chatted, hooked = json.dumps(slack.roots), other.requests[0][3].decode()
        for left in (json.dumps(paged), chatted, hooked):
            for secret in (planted, "acme-corp", "ORDER-4711", KEYS["payments"]):
                assert secret not in left
        assert "shop-berlin" in chatted
        assert "shop-berlin" not in hooked
