"""``alert-router drill``: a marked test alert through the real rules and key of a team, followed to PagerDuty and back.

Unlike a check of the configuration it proves the whole way: rule, key, service, escalation policy. Somebody is paged.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from router.cli.asking import ask_daemon
from router.cli.options import config_option, fail, output_option, print_json
from router.cli.reading import load
from router.clock import SystemClock
from router.model.drill import NAME

POLL_SECONDS = 0.5
THERE = {"confirmed", "acknowledged", "resolved"}


@click.command(epilog="Example: alert-router drill --team payments --wait 2m")
@config_option
@output_option
@click.option("--team", required=True, help="Whose page is to be proven.")
@click.option("--service", default=None, help="The alert's service; by default the first the team owns that is no pattern.")
@click.option("--severity", type=click.Choice(["critical", "error", "warning", "info"]), default="info", show_default=True)
@click.option("--seconds", type=click.IntRange(1, 3600), default=120, show_default=True, help="How long to wait for each step.")
def drill(*, config_path: Path, output: str, team: str, service: str | None, severity: str, seconds: int) -> None:
    """Page TEAM with a marked test alert, wait until PagerDuty shows the incident, resolve it, and say how long each step took.

    Needs the running daemon with pagerduty.api_token. Exit code 1 if a step did not happen in time.
    """
    chosen = service or _service_of(config_path, team)
    mark = f"drill-{secrets.token_hex(4)}"
    clock = SystemClock()
    started = clock.monotonic()

    def wait(check: Callable[[], Any], what: str) -> Any:
        deadline = clock.monotonic() + seconds
        while not (found := check()):
            if clock.monotonic() > deadline:
                hint = "`alert-router incidents show` and `alert-router deliveries` say how far it got"
                fail(f"waited {seconds} s for {what} (drill {mark})", hint=hint)
            threading.Event().wait(POLL_SECONDS)
        return found

    def took() -> float:
        return round(clock.monotonic() - started, 2)

    _send(config_path, chosen, mark, severity, "firing")
    try:
        incident = wait(lambda: _find(config_path, team, mark), "an incident of ours")
        wait(lambda: _is_in(config_path, incident, team, THERE), "PagerDuty to show it")
        confirmed = took()
    finally:
        _send(config_path, chosen, mark, severity, "resolved")
    wait(lambda: _is_in(config_path, incident, team, {"resolved"}), "PagerDuty to show it as resolved")
    resolved = took()
    if output == "json":
        told = {"team": team, "service": chosen, "mark": mark, "incident": incident}
        print_json(told | {"confirmed_seconds": confirmed, "resolved_seconds": resolved})
        return
    click.echo(f"team {team} is paged: incident {incident}, in PagerDuty after {confirmed} s, over after {resolved} s")


def _service_of(config_path: Path, team: str) -> str:
    teams = load(config_path).teams
    if team not in teams:
        fail(f"there is no team {team}", hint=f"teams are {', '.join(teams)}", code=2)
    exact = [str(pattern) for pattern in teams[team].services if not set(str(pattern)) & set("*?[/")]
    if not exact:
        hint = "name one that the team owns with --service"
        fail(f"team {team} owns its services by pattern only", hint=hint, code=2)
    return exact[0]


def _send(config_path: Path, service: str, mark: str, severity: str, status: str) -> None:
    alert = {
        "service": service,
        "name": NAME,
        "severity": severity,
        "kind": "stateful",
        "status": status,
        "labels": {"drill": mark},
        "summary": f"TEST: drill {mark}, nothing is wrong",
        "dedup_key": mark,
    }
    ask_daemon(config_path, "POST", "/v1/alerts", alert)


def _find(config_path: Path, team: str, mark: str) -> int:
    """The number of the drill's incident, by the alert that opened it; 0: not there yet."""
    for item in json.loads(ask_daemon(config_path, "GET", f"/v1/incidents?team={team}&limit=20"))["items"]:
        story = json.loads(ask_daemon(config_path, "GET", f"/v1/incidents/{item['number']}"))
        entry = story.get("entry") or {}
        if entry.get("fact", {}).get("alert", {}).get("labels", {}).get("drill") == mark:
            return int(item["number"])
    return 0


def _is_in(config_path: Path, incident: int, team: str, states: set[str]) -> bool:
    pages = json.loads(ask_daemon(config_path, "GET", f"/v1/incidents/{incident}"))["pages"]
    return any(page["team"] == team and page["state"] in states for page in pages)
