"""Debian's Alertmanager as a client of our Events API door, and Debian's amtool as a client of our Alertmanager door."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.daemon import Daemon, alert, eventually, free_port, off_loop
from tests.support.programs import find_program, started

pytestmark = pytest.mark.timeout(120)

INBOUND = "9c" * 16
SOURCES = {"prometheus": {"kind": "alertmanager"}, "old-alertmanager": {"kind": "pagerduty", "keys": ["env:INBOUND"]}}
RULES = """
rules:
  - id: relayed
    match: {source: old-alertmanager}
    summary: "{{ summary }}"
"""


def amtool(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [find_program("/usr/bin/amtool", "prometheus-alertmanager"), f"--alertmanager.url={url}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def alertmanager(folder: Path, daemon: Daemon) -> Iterator[str]:
    """One receiver: PagerDuty, which is us. Its address."""
    folder.mkdir()
    receiver = {
        "routing_key": INBOUND,
        "url": f"http://127.0.0.1:{daemon.port}/v2/enqueue",
        "description": "{{ .CommonLabels.alertname }}: {{ .Alerts.Firing | len }} firing",
        "severity": "{{ .CommonLabels.severity }}",
        "component": "{{ .CommonLabels.service }}",
        "class": "{{ .CommonLabels.alertname }}",
        "send_resolved": True,
    }
    config = {
        "route": {
            "receiver": "router",
            "group_by": ["alertname", "service"],
            "group_wait": "100ms",
            "group_interval": "1s",
            "repeat_interval": "1h",
        },
        "receivers": [{"name": "router", "pagerduty_configs": [receiver]}],
    }
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(config))
    port = free_port()
    command = [
        find_program("/usr/bin/prometheus-alertmanager", "prometheus-alertmanager"),
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with started(command, folder, f"http://127.0.0.1:{port}/-/ready"):
        yield f"http://127.0.0.1:{port}"


def incidents(pagerduty: Any) -> list[tuple[str, str, str, str]]:
    return [(found.service, found.title, found.severity, found.status) for found in pagerduty.sandbox.incidents()]


async def test_alertmanager_pages_through_us_and_resolves(make_daemon, pagerduty, tmp_path) -> None:
    daemon = make_daemon(RULES, start=False, sources=SOURCES)
    daemon.environment["INBOUND"] = INBOUND
    await off_loop(daemon.start)
    with contextlib.ExitStack() as stack:
        url = await off_loop(stack.enter_context, alertmanager(tmp_path / "alertmanager", daemon))
        labels = ["alertname=CardErrors", "service=payment-api", "severity=critical"]
        added = await off_loop(amtool, url, "alert", "add", *labels, "instance=a")
        assert added.returncode == 0, added.stderr
        firing = ("payments", "CardErrors: 1 firing", "critical", "triggered")
        await eventually(lambda: incidents(pagerduty) == [firing], seconds=30, what="one incident at the owner of the service")

        # A second alert joins Alertmanager's group: it triggers again under the same dedup key, which is no second page.
        await off_loop(amtool, url, "alert", "add", *labels, "instance=b")
        await eventually(lambda: _journalled(daemon) == ["firing", "firing"], seconds=30, what="the second trigger")
        await eventually(lambda: daemon.get("/v1/stats")[1]["undecided_entries"] == 0)
        assert len(pagerduty.sandbox.incidents()) == 1
        assert len(pagerduty.sandbox.pages()) == 1

        for instance in ("a", "b"):
            gone = await off_loop(amtool, url, "alert", "add", *labels, f"instance={instance}", "--end=2026-01-01T00:00:00Z",
                                  "--start=2025-01-01T00:00:00Z")  # fmt: skip
            assert gone.returncode == 0, gone.stderr
        await eventually(lambda: [found[3] for found in incidents(pagerduty)] == ["resolved"], seconds=30, what="resolved")
    assert _journalled(daemon) == ["firing", "firing", "resolved"]
    assert len(pagerduty.sandbox.pages()) == 1
    assert "notify retry canceled" not in (tmp_path / "alertmanager/output.txt").read_text()


def _journalled(daemon: Daemon) -> list[str]:
    _, listed = daemon.get("/v1/alerts?journal=true&source=old-alertmanager")
    return [item["alert"].get("status", "firing") for item in listed["items"]]


async def test_alertmanager_learns_that_its_key_is_wrong(make_daemon, pagerduty, tmp_path) -> None:
    """As PagerDuty would: 400 for good, so that it says so in its log instead of trying for ever."""
    daemon = make_daemon(RULES, start=False, sources=SOURCES)
    daemon.environment["INBOUND"] = "ab" * 16
    await off_loop(daemon.start)
    with contextlib.ExitStack() as stack:
        url = await off_loop(stack.enter_context, alertmanager(tmp_path / "alertmanager", daemon))
        await off_loop(amtool, url, "alert", "add", "alertname=X", "service=payment-api", "severity=error")
        log = tmp_path / "alertmanager/output.txt"
        await eventually(lambda: "Invalid routing key" in log.read_text(), seconds=30)
    assert INBOUND not in daemon.log
    assert pagerduty.sandbox.incidents() == []


async def test_amtool_adds_and_lists_alerts_here(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon)
    url = f"http://127.0.0.1:{daemon.port}"
    added = await off_loop(
        amtool, url, "alert", "add", "alertname=CardErrors", "service=payment-api", "severity=critical",
        "--annotation=summary=Cards are declined", "--generator-url=http://example.org/graph",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    await off_loop(daemon.post_alerts, alert(name="DiskFull", service="search-1", severity="warning"))
    await eventually(lambda: {found.service for found in pagerduty.sandbox.incidents()} == {"payments", "platform"})
    assert any("Cards are declined" in found.title for found in pagerduty.sandbox.incidents())

    listed = await off_loop(amtool, url, "alert", "query", "--output=json")
    assert listed.returncode == 0, listed.stderr
    shown = {item["labels"]["alertname"]: item for item in json.loads(listed.stdout)}
    assert set(shown) == {"CardErrors", "DiskFull"}
    assert shown["CardErrors"]["annotations"] == {"summary": "Cards are declined"}
    assert shown["CardErrors"]["status"]["state"] == "active"
    assert shown["CardErrors"]["endsAt"] > shown["CardErrors"]["startsAt"]

    async def names(*matchers: str) -> list[str]:
        found = await off_loop(amtool, url, "alert", "query", "--output=json", *matchers)
        assert found.returncode == 0, found.stderr
        return [item["labels"]["alertname"] for item in json.loads(found.stdout)]

    assert await names("service=payment-api") == ["CardErrors"]
    assert await names("service!=payment-api") == ["DiskFull"]
    assert await names("service=~search-.*") == ["DiskFull"]
    assert await names("service!~s.*", "severity=critical") == ["CardErrors"]
    assert await names("service=~search") == []  # the whole value, as in Alertmanager
    assert await names("DiskFull") == ["DiskFull"]

    simple = await off_loop(amtool, url, "alert", "query")
    assert "CardErrors" in simple.stdout
    status = await off_loop(amtool, url, "cluster", "show")
    assert status.returncode == 0, status.stderr
