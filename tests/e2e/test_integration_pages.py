"""The pages of the five integrations, followed to the letter: their files, their tests, their one command, a real daemon."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.daemon import KEYS, Daemon, eventually, off_loop
from tests.support.mail import Inbox, mail_server
from tests.support.services import SlackService, TeamsService, serving

pytestmark = pytest.mark.timeout(120)

PAGES = Path(__file__).resolve().parents[2] / "docs" / "howto" / "integrations"
_BLOCK = re.compile(r"^`([a-z./-]+)`:\n\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

EXPECTED = {
    "scores": ("search", "p99 latency of search-index is unusual (score 0.93)"),
    "error-counts": ("payments", "payment-api: CardError (3 in 5m)"),
    "data-quality": ("search", "not_null failed for orders"),
    "low-confidence": ("search", "model-fraud is only 42 % sure"),
    "urgency": ("payments", "payment-api: Down - no answer"),
}
"""Whose key is paged, and the incident's title, by page."""

ENVIRONMENT = {
    "PD_KEY_PAYMENTS": KEYS["payments"],
    "PD_KEY_PLATFORM": KEYS["platform"],
    **dict.fromkeys(("PD_KEY_SEARCH", "PD_KEY_DATA", "PD_KEY_ML"), KEYS["search"]),
    "PD_KEY_ML_LEADS": KEYS["platform"],
    "PD_API_TOKEN": "u+abcdefghijklmnopqr",
    "DETECTOR_SECRET": "0123456789abcdef0123456789abcdef",
    "SLACK_BOT_TOKEN": SlackService.TOKEN,
    "SMTP_PASSWORD": "correct horse battery",
}


def files_of(page: str) -> dict[str, str]:
    return dict(_BLOCK.findall((PAGES / f"{page}.md").read_text()))


def test_every_page_is_followed() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {"index", *EXPECTED}


def at_stand_ins(settings: dict[str, Any], slack: SlackService, mail_port: int, events_url: str) -> dict[str, Any]:
    """The page's configuration with everything outside of this machine replaced."""
    settings = settings | {"pagerduty": settings.get("pagerduty", {}) | {"events_url": events_url, "api_url": events_url}}
    for channel in settings.get("channels", {}).values():
        if channel["kind"] == "slack" and "token" in channel:
            channel |= {"api_url": f"{slack.url}/api", "channel": SlackService.CHANNEL}
        if channel["kind"] == "email":
            channel |= {"server": f"127.0.0.1:{mail_port}", "security": "none"}
            channel.pop("username"), channel.pop("password")
    return settings


@pytest.mark.parametrize("page", EXPECTED)
async def test_what_a_page_says_works(make_daemon, pagerduty, page: str) -> None:
    files = files_of(page)
    inbox = Inbox()
    with serving(SlackService()) as slack, serving(TeamsService()) as teams, mail_server(inbox) as port:
        daemon: Daemon = make_daemon({}, start=False)
        for name, text in files.items():
            if name.startswith("rules/"):
                daemon.write_rules(text, name.removeprefix("rules/"))
        (daemon.folder / "rules" / "everything.yaml").unlink(missing_ok=True)
        daemon.environment |= ENVIRONMENT | {
            "SLACK_WEBHOOK": f"{slack.url}{SlackService.HOOK}",
            "TEAMS_WORKFLOW": f"{teams.url}{TeamsService.PATH}?{TeamsService.QUERY}",
        }
        written = yaml.safe_load(files["config.yaml"])
        daemon.configure(at_stand_ins(written, slack, port, pagerduty.url) | {"listen": f"127.0.0.1:{daemon.port}"})
        for command in (("check",), ("test", "rules/")):
            result = await off_loop(daemon.run_command, *command)
            assert result.returncode == 0, result.stdout + result.stderr
        await off_loop(daemon.start)
        (command_text,) = _COMMAND.findall((PAGES / f"{page}.md").read_text())
        command_text = command_text.replace(":9095", f":{daemon.port}")
        sent = await off_loop(
            subprocess.run, ["sh", "-c", command_text], env=daemon.environment, capture_output=True, check=False
        )
        assert sent.returncode == 0, sent.stderr
        incidents = await eventually(pagerduty.sandbox.incidents)
        team, title = EXPECTED[page]
        assert [one.title for one in incidents] == [title]
        (event,) = [entry for entry in pagerduty.sandbox.requests(face="events") if entry.status == 202]
        assert json.loads(event.body)["routing_key"] == KEYS[team]
        await eventually(lambda: slack.messages or teams.cards, what="the channel was told")
        assert slack.refused + teams.refused == []
        if page == "data-quality":
            assert "4711;Ada" not in event.body.decode() + json.dumps(slack.messages)


@pytest.mark.parametrize("page", EXPECTED)
async def test_the_configuration_of_a_page_is_good_as_it_stands(tmp_path: Path, page: str) -> None:
    files = files_of(page)
    (tmp_path / "rules").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    daemon = Daemon(tmp_path / "unused", {})
    daemon.folder = tmp_path
    daemon.environment |= ENVIRONMENT | {
        "SLACK_WEBHOOK": "https://hooks.slack.com/services/T0/B0/abcdefghijklmnop",
        "TEAMS_WORKFLOW": "https://prod-1.westeurope.logic.azure.com:443/workflows/a/triggers/manual/paths/invoke?sig=abcdefgh",
    }
    result = await off_loop(daemon.run_command, "check")
    assert result.returncode == 0, result.stdout + result.stderr
