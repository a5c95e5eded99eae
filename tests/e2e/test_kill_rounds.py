"""kill -9 at random instants, round after round: under load, while starting and recovering, amid reloads and retention.

The checkers stand outside: the sandbox's ledger, the answers senders got, and the recorded decisions. ``PROOF_ROUNDS`` sets
the number of rounds (20), ``PROOF_SEED`` the seed (from the rounds' number).
"""

from __future__ import annotations

import asyncio
import collections
import os
import random
import signal

import pytest

from router.sandbox.faults import Fault
from router.sandbox.ledger import Page
from tests.support.daemon import Daemon, alert, eventually, off_loop
from tests.support.sending import Sender

ROUNDS = int(os.environ.get("PROOF_ROUNDS", "20"))
pytestmark = pytest.mark.timeout(120 + 6 * ROUNDS)

RULES = """
rules:
  - id: everything
    match: {service: "payment-*"}
    group_by: [service, name, instance]
    summary: "problem at {{ labels.instance }}."
"""
DAY_SECONDS = 86_400
RESOLVED_AT_ONCE = 200


class Rounds:
    """One daemon that is killed again and again, and what its senders know."""

    def __init__(self, daemon: Daemon, chance: random.Random) -> None:
        self.daemon = daemon
        self.chance = chance
        self.accepted: list[str] = []
        self.sent: list[str] = []
        self.kinds: collections.Counter[str] = collections.Counter()

    async def play(self, number: int, kind: str) -> None:
        self.kinds[kind] += 1
        if kind == "start":
            await off_loop(self.daemon.start, wait=False)
            await asyncio.sleep(self.chance.uniform(0.0, 0.9))
            await off_loop(self.daemon.kill)
            return
        await off_loop(self.daemon.start)
        await self.resend()
        with (
            Sender(self.daemon, f"{number}a", pause_seconds=0.004, ends_in=DAY_SECONDS) as one,
            Sender(self.daemon, f"{number}b", pause_seconds=0.004, ends_in=DAY_SECONDS) as other,
        ):
            if kind == "reload":
                for step in range(self.chance.randrange(1, 6)):
                    self.daemon.write_rules(RULES + f"# {number} {step}\n")
                    self.daemon.send_signal(signal.SIGHUP)
                    await asyncio.sleep(self.chance.uniform(0.0, 0.08))
            await asyncio.sleep(self.chance.uniform(0.0, 0.4))
            await off_loop(self.daemon.kill)
        for sender in (one, other):
            self.accepted += sender.accepted
            self.sent += sender.sent

    async def resend(self) -> None:
        """As Prometheus does after a restart: what fires is told again, and is nothing new."""
        for instance in self.chance.sample(self.accepted, min(20, len(self.accepted))):
            assert await off_loop(self.daemon.post_alerts, alert(instance=instance, ends_in=str(DAY_SECONDS))) == 200

    async def resolve_all(self) -> None:
        """Also what was never answered: it may be in the journal all the same."""
        for start in range(0, len(self.sent), RESOLVED_AT_ONCE):
            batch = [alert(instance=instance, ends_in="-1") for instance in self.sent[start : start + RESOLVED_AT_ONCE]]
            while (status := await off_loop(self.daemon.post_alerts, *batch)) == 429:
                await asyncio.sleep(0.1)
            assert status == 200


def read_all(daemon: Daemon, path: str) -> list[dict]:
    found: list[dict] = []
    cursor = ""
    while True:
        status, answer = daemon.get(f"{path}{'&' if '?' in path else '?'}limit=1000{cursor}")
        assert status == 200, answer
        found += answer["items"]
        if answer["next"] is None:
            return found
        cursor = f"&cursor={answer['next']}"


def check_pages(pages: list[Page]) -> None:
    told = collections.Counter(page.title for page in pages)
    assert not (twice := {title: count for title, count in told.items() if count > 1}), f"paged more than once: {twice}"


def journalled(daemon: Daemon) -> tuple[set[int], set[int]]:
    """Sequences of alerts in the journal, and of those with a decision."""
    entries = {item["seq"] for item in read_all(daemon, "/v1/alerts?journal=true")}
    return entries, {item["decision"]["alert_seq"] for item in read_all(daemon, "/v1/decisions")}


@pytest.mark.parametrize("with_retention", [False, True], ids=["whole history", "amid retention"])
async def test_killed_again_and_again_nothing_is_lost_nothing_repeated_and_nothing_stays_open(
    make_daemon, pagerduty, with_retention: bool
) -> None:
    rounds = max(3, ROUNDS // 4) if with_retention else ROUNDS
    chance = random.Random(int(os.environ.get("PROOF_SEED", rounds)))
    store = {"url": "sqlite:data/alert-router.db", "retention": {"size": "64KiB" if with_retention else "2GiB"}}
    daemon = make_daemon(RULES, start=False, store=store)
    if with_retention:
        daemon.command[1:3] = ["-m", "tests.support.launcher"]
        daemon.environment["PROOF_RETIRE_SECONDS"] = "0.05"
    pagerduty.sandbox.add_fault(Fault(kind="reset_after", probability=0.03), pagerduty.now())
    played = Rounds(daemon, chance)
    for number in range(rounds):
        await played.play(number, chance.choice(["load", "load", "start", "reload"]) if number else "load")
    pagerduty.sandbox.clear_faults()
    await off_loop(daemon.start)
    assert len(played.accepted) > 10 * rounds
    wanted = {f"problem at {instance}." for instance in played.accepted}

    def missing() -> set[str]:
        return wanted - {incident.title for incident in pagerduty.sandbox.incidents()}

    await eventually(lambda: not missing(), seconds=90, what=f"every accepted alert paged after {played.kinds}")
    await eventually(lambda: daemon.metric("alert_router_undecided_entries") == 0)
    if not with_retention:
        entries, decided = await off_loop(journalled, daemon)
        assert len(entries) >= len(played.accepted)
        assert entries <= decided, f"without a decision: {sorted(entries - decided)[:10]}"
    await played.resolve_all()
    await eventually(
        lambda: not pagerduty.sandbox.incidents("open"), seconds=90, what="everything closed again at the other side"
    )
    await eventually(lambda: daemon.metric("alert_router_outbox_deliveries") == 0)
    assert await off_loop(read_all, daemon, "/v1/incidents?status=open") == []
    assert daemon.metric("alert_router_dead_letters") == 0
    check_pages(pagerduty.sandbox.pages(reason=None))
    incidents = collections.Counter(incident.title for incident in pagerduty.sandbox.incidents())
    assert max(incidents.values()) == 1, "a second incident was opened"
    assert await off_loop(daemon.stop) == 0
    assert "Traceback" not in daemon.log
