"""An imported configuration in the real daemon beside the original in Debian's Alertmanager: the same alerts, silences, inhibitions.

Both are sent the same alerts and the same silences (amtool exports there and imports here); then both are asked what they mute,
and our pages are held to the groups that Alertmanager would notify of.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.test_alertmanager import amtool
from tests.support.daemon import KEYS, _instant, eventually, free_port, off_loop
from tests.support.programs import find_program, started

pytestmark = pytest.mark.timeout(120)

SAMPLE = (Path(__file__).parents[1] / "samples/alertmanager-conf.good.yml").read_text()
PAGER = [{"routing_key": "0" * 32, "url": "http://127.0.0.1:1/"}]
OWN = json.dumps({
    "route": {
        "receiver": "team-X-pager",
        "group_by": ["..."],
        "routes": [
            {"receiver": "team-Y-pager", "matchers": ['service=~"foo[0-9]|baz"', 'severity!="warning"'], "continue": True},
            {"receiver": "team-DB-pager", "match": {"service": "database"}, "group_by": ["alertname", "severity"]},
        ],
    },
    "receivers": [{"name": f"team-{name}-pager", "pagerduty_configs": PAGER} for name in ("X", "Y", "DB")],
    "inhibit_rules": [
        {"source_match": {"severity": "critical"}, "target_match": {"severity": "warning"}, "equal": ["service", "job"]},
        {"source_matchers": ['owner2=~"team-X|team-Z"'], "target_matchers": ['owner2!=""', "severity!=critical"], "equal": ["owner"]},
        {"source_match_re": {"service": "f.*"}, "target_match_re": {"service": "f.*", "severity": "(?:warn|crit).*"}, "equal": ["severity"]},
        {"source_match": {"name": "y"}, "target_match_re": {"source": ".+"}, "equal": ["source", "absent"]},
    ],
})  # fmt: skip
SILENCES = (
    ["service=files", "owner=team-Y"],
    ["service=~foo[12]", "severity!=critical", "owner2=team-X"],
    ["alertname=DiskFull", "service!~foo.*|baz", "severity=warning"],
    ["name=y"],
)


def alerts() -> list[dict[str, Any]]:
    """Every mixture; those of names that are fields of an alert here besides. The most severe first, so that they mute in time."""
    services, severities = (None, "foo1", "foo3", "baz", "files", "database"), ("critical", "warning", None)
    mixtures = itertools.product(severities, services, (None, "team-Y"), (None, "team-X"), ("Down", "DiskFull"))
    names = ("severity", "service", "owner", "owner2", "alertname")
    sets = [dict(zip(names, each, strict=True)) for each in mixtures]
    sets += [{"alertname": "Own", "name": name, "source": source} for name in ("y", "x") for source in ("a", "b", None)]
    sets += [{"alertname": "NoService", "job": job, "severity": severity} for severity in severities[:2] for job in ("a", "b")]
    labels = [{name: value for name, value in each.items() if value} for each in sets]
    return [{"labels": each, "startsAt": _instant(-60), "endsAt": _instant(1_800)} for each in labels]


@contextlib.contextmanager
def alertmanager(folder: Path, text: str) -> Iterator[str]:
    folder.mkdir()
    (folder / "alertmanager.yml").write_text(text)
    port = free_port()
    command = [
        find_program("/usr/bin/prometheus-alertmanager", "prometheus-alertmanager"),
        "--config.file=alertmanager.yml", "--storage.path=data", f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]  # fmt: skip
    with started(command, folder, f"http://127.0.0.1:{port}/-/ready"):
        yield f"http://127.0.0.1:{port}"


def ask(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or "null")


def muted(url: str) -> dict[str, tuple[bool, bool]]:
    """By labels: whether a silence, whether another alert mutes it."""
    return {
        json.dumps(item["labels"], sort_keys=True): (bool(item["status"]["silencedBy"]), bool(item["status"]["inhibitedBy"]))
        for item in ask(f"{url}/api/v2/alerts")
    }


def notified(url: str) -> Counter[str]:
    """How many groups of each receiver that pages hold an alert that nothing mutes."""
    groups = ask(f"{url}/api/v2/alerts/groups")
    return Counter(
        group["receiver"]["name"].lower()
        for group in groups
        if group["receiver"]["name"].endswith("-pager") and any(item["status"]["state"] == "active" for item in group["alerts"])
    )


@pytest.mark.parametrize("text", [SAMPLE, OWN], ids=["sample", "own"])
async def test_the_same_alerts_are_muted_and_page_the_same_receivers(text: str, make_daemon, pagerduty, tmp_path: Path) -> None:
    (tmp_path / "alertmanager.yml").write_text(text)
    daemon = await off_loop(make_daemon, start=False)
    imported = await off_loop(daemon.run_command, "import", str(tmp_path / "alertmanager.yml"))
    assert imported.returncode == 0, imported.stdout + imported.stderr
    written = daemon.folder / "imported"
    settings = yaml.safe_load((written / "config.yaml").read_text())
    daemon.configure(settings | {
        "listen": f"127.0.0.1:{daemon.port}",
        "rules": [str(written / "rules")],
        "pagerduty": {"events_url": pagerduty.url, "rate": "unlimited"},
    })  # fmt: skip
    services = dict(zip(("team-x-pager", "team-y-pager", "team-db-pager"), KEYS, strict=True))
    for team, service in services.items():
        daemon.environment[f"PD_KEY_{team.upper().replace('-', '_')}"] = KEYS[service]
    daemon.environment["SMTP_PASSWORD"] = "not-much-of-a-secret"
    await off_loop(daemon.start)
    ours = f"http://127.0.0.1:{daemon.port}"

    with contextlib.ExitStack() as stack:
        theirs = await off_loop(stack.enter_context, alertmanager(tmp_path / "alertmanager", text))
        for matchers in SILENCES:
            await off_loop(amtool, theirs, "silence", "add", *matchers, "--comment=works", "--author=ann")
        exported = tmp_path / "silences.json"
        exported.write_text((await off_loop(amtool, theirs, "silence", "query", "--output=json")).stdout)
        done = await off_loop(amtool, ours, "silence", "import", "--force", str(exported))
        assert done.returncode == 0, done.stderr
        await eventually(lambda: len(daemon.get("/api/v2/silences")[1]) == len(SILENCES))

        sent = alerts()
        for url in (theirs, ours):
            for first in range(0, len(sent), 48):
                await off_loop(ask, f"{url}/api/v2/alerts", sent[first : first + 48])
        await eventually(lambda: len(daemon.get("/api/v2/alerts")[1]) == len(sent), what="all alerts decided")
        expected = await off_loop(muted, theirs)
        assert await off_loop(muted, ours) == expected
        silenced, inhibited = (sum(each[place] for each in expected.values()) for place in (0, 1))
        assert silenced > 5
        assert inhibited > 20
        groups = await off_loop(notified, theirs)
        assert groups.total() > 10
    await eventually(lambda: daemon.get("/v1/stats")[1]["undecided_entries"] == 0)

    def paged() -> Counter[str]:
        team_of = {service: team for team, service in services.items()}
        return Counter(team_of[found.service] for found in pagerduty.sandbox.incidents())

    await eventually(lambda: paged() == groups, what=f"pages for these groups: {groups}, found {paged()}")
