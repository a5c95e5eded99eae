"""Alerts through the other doors of the real daemon: webhooks with their sender's proof, and the commands for scripts."""

from __future__ import annotations

import sys

import pytest

from tests.support.daemon import eventually, off_loop
from tests.support.webhooks import sample

pytestmark = pytest.mark.timeout(120)

SECRET = "correct-horse-battery"
SOURCES = {"checks": {"kind": "pingdom", "auth": "env:CHECKS", "mapping": {"service": "'payment-web'"}}}


async def test_a_check_pages_and_its_recovery_resolves(make_daemon, pagerduty) -> None:
    daemon = make_daemon(start=False, sources=SOURCES)
    daemon.environment["CHECKS"] = SECRET
    await off_loop(daemon.start)
    refused = await off_loop(daemon.request, "POST", "/v1/sources/checks", sample("pingdom-down"))
    assert refused[0] == 401
    assert (await off_loop(daemon.request, "POST", "/v1/sources/nobody", b"{}"))[0] == 404
    door = f"/v1/sources/checks?token={SECRET}"
    assert await off_loop(daemon.request, "POST", door, sample("pingdom-down")) == (202, {"accepted": 1})
    await eventually(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["triggered"], what="it pages")
    assert pagerduty.sandbox.incidents()[0].service == "payments"
    assert (await off_loop(daemon.request, "POST", door, sample("pingdom-up")))[0] == 202
    await eventually(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["resolved"], what="it is over")
    assert SECRET not in daemon.log


HEARTBEATS = """
rules:
  - id: late
    match: {service: payment-batch, name: Heartbeat}
    when: {absent_for: 2s}
"""


async def test_a_heartbeat_that_stays_away_pages_until_it_comes_back(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon, HEARTBEATS)
    assert (await off_loop(daemon.request, "POST", "/v1/heartbeats/payment-batch"))[0] == 202
    assert pagerduty.sandbox.incidents() == []
    await eventually(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["triggered"], what="it is late")
    assert (await off_loop(daemon.get, "/v1/heartbeats/payment-batch"))[0] == 202
    await eventually(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["resolved"], what="it is back")


async def test_a_script_fires_and_resolves(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon)
    fired = await off_loop(daemon.run_command, "alert", "fire", "payment-batch", "--name", "Stuck", "--label", "a=b")
    assert fired.returncode == 0, fired.stderr
    await eventually(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["triggered"])
    resolved = await off_loop(daemon.run_command, "alert", "resolve", "payment-batch", "--name", "Stuck", "--label", "a=b")
    assert resolved.returncode == 0, resolved.stderr
    await eventually(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["resolved"])


async def test_a_command_that_fails_fires_until_it_succeeds(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon)
    common = ("exec", "--service", "payment-batch", "--timeout", "100ms", "--", sys.executable, "-c")
    failed = await off_loop(daemon.run_command, *common, "import time; time.sleep(1); raise SystemExit(3)")
    assert failed.returncode == 3
    await eventually(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["triggered"])
    assert "still runs after 100ms" in pagerduty.sandbox.incidents()[0].title
    done = await off_loop(daemon.run_command, *common, "print('done')")
    assert (done.returncode, done.stdout) == (0, "done\n")
    await eventually(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["resolved"])
