"""The one curl of the page about webhooks, run by the real curl for every preset that has a genuine body: each becomes an alert."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, eventually, off_loop

pytestmark = pytest.mark.timeout(60)

ROOT = Path(__file__).resolve().parents[2]
SECRET = "0123456789abcdef0123456789abcdef"
BODIES = {
    "alertmanager-webhook": "alertmanager-webhook-v4-firing",
    "grafana": "grafana-legacy-v6-multi-evalmatch",
    "google-monitoring": "gcp-stackdriver-incident-open",
    "newrelic": "newrelic-incident",
    "pingdom": "pingdom-down",
    "checkmk": "checkmk-host-recovery",
}


def send(daemon: Daemon, command: str, preset: str) -> subprocess.CompletedProcess[str]:
    command = command.replace("127.0.0.1:9095", f"127.0.0.1:{daemon.port}").replace("shop-grafana", preset)
    command = command.replace("body.json", str(ROOT / "tests/samples" / f"{BODIES[preset]}.json"))
    environment = daemon.environment | {"GRAFANA_SECRET": SECRET}
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, timeout=20, check=False)


async def test_the_page_s_curl_works_for_every_preset_with_a_genuine_body(make_daemon, pagerduty) -> None:
    (command,) = re.findall(r"^ +(curl .*)$", (ROOT / "docs/howto/sources.md").read_text(), flags=re.MULTILINE)
    daemon = make_daemon(start=False, sources={preset: {"kind": preset, "auth": "env:SECRET"} for preset in BODIES})
    daemon.environment["SECRET"] = SECRET
    await off_loop(daemon.start)
    for preset in BODIES:
        done = await off_loop(send, daemon, command, preset)
        assert done.returncode == 0, (preset, done.stdout, done.stderr)
        assert '"accepted":' in done.stdout, preset
    listed = await eventually(lambda: daemon.get("/v1/alerts?journal=true&limit=100")[1]["items"])
    sources = {item["alert"]["source"] for item in listed}
    assert sources >= set(BODIES) - {"checkmk"}, "a recovery of what nobody reported is no alert"
    wrong = await off_loop(send, daemon, command.replace("$GRAFANA_SECRET", "not-the-secret"), "pingdom")
    assert wrong.returncode == 22, "curl's exit code for 401 and its like"
