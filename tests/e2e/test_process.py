"""The real process under strain: signals without end, a clock that jumps, descriptors that run out, ten thousand idle peers.

Every time the same questions: is what was answered 2xx paged, is nothing paged twice, and does everything come back afterwards.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.sandbox.faults import Fault
from tests.support.daemon import Daemon, alert, eventually, off_loop
from tests.support.sending import Sender

pytestmark = pytest.mark.timeout(180)

RULES = """
rules:
  - id: everything
    match: {service: "payment-*"}
    group_by: [service, name, instance]
    summary: "problem at {{ labels.instance }}."
"""
MIB = 1024 * 1024


def titles(pagerduty) -> list[str]:
    return [incident.title for incident in pagerduty.sandbox.incidents()]


async def all_paged_once(pagerduty, accepted: list[str], seconds: float = 60) -> None:
    wanted = {f"problem at {instance}." for instance in accepted}
    await eventually(lambda: wanted <= set(titles(pagerduty)), seconds=seconds, what="everything accepted is paged")
    assert len(titles(pagerduty)) == len(set(titles(pagerduty)))
    assert len(pagerduty.sandbox.pages()) == len({page.title for page in pagerduty.sandbox.pages()})


def descriptors(daemon: Daemon) -> int:
    return len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir()))


def memory(daemon: Daemon) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()


def blocks(process: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    """Whether the process holds this signal back, or handles it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigBlk", "SigCgt"))]
    return any(mask >> (number - 1) & 1 for mask in masks)


def holds_back(process: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    """Whether a signal that comes now waits until there is somebody to hear it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (mask,) = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigBlk")]
    return bool(mask >> (number - 1) & 1)


# -- signals -----------------------------------------------------------------------------------------------------------


async def test_signals_without_end_at_every_moment_of_a_life_end_it_cleanly_and_lose_nothing(make_daemon, pagerduty) -> None:
    """SIGHUP from the moment there is somebody to hear it; then SIGTERM, SIGINT and SIGHUP until the process is gone."""
    chance = random.Random(7)
    daemon = make_daemon(RULES, start=False)
    accepted: list[str] = []

    def storm(numbers: list[signal.Signals], seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and daemon.process.poll() is None:
            daemon.process.send_signal(chance.choice(numbers))
            time.sleep(chance.uniform(0, 0.004))

    def start_amid_hangups() -> None:
        daemon.start(wait=False)
        while not blocks(daemon.process, signal.SIGHUP):
            time.sleep(0.001)
        assert holds_back(daemon.process, signal.SIGHUP), "from its first moment on, long before it can be told to reload"
        storm([signal.SIGHUP], 1.0)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if daemon.get("/-/ready")[0] == 200:
                    return
            storm([signal.SIGHUP], 0.02)
        raise AssertionError(f"not ready: {daemon.log}")

    for number in range(4):
        await off_loop(start_amid_hangups)
        with Sender(daemon, f"round{number}", pause_seconds=0.002) as sender:
            await off_loop(storm, [signal.SIGHUP], 0.3)
            await off_loop(storm, [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], 30.0)
        assert daemon.process.wait(1) == 0, daemon.log
        assert sender.statuses <= {200}
        accepted += sender.accepted
    assert len(accepted) > 50
    await off_loop(daemon.start)
    await all_paged_once(pagerduty, accepted)
    assert "Traceback" not in daemon.log
    assert daemon.log.count('"event":"stopped"') == 4


# -- the clock ---------------------------------------------------------------------------------------------------------


async def test_a_clock_that_jumps_both_ways_is_told_of_and_loses_and_repeats_nothing(make_daemon, pagerduty, tmp_path) -> None:
    clock = tmp_path / "clock"
    hour_ms = 3_600_000

    def step(milliseconds: int) -> None:
        new = tmp_path / "clock.new"
        new.write_text(str(milliseconds))
        new.replace(clock)

    step(0)
    daemon = make_daemon(RULES, start=False)
    daemon.command[1:3] = ["-m", "tests.support.launcher"]
    daemon.environment["PROOF_CLOCK_FILE"] = str(clock)
    await off_loop(daemon.start)
    accepted: list[str] = []

    async def post(instance: str) -> None:
        assert await off_loop(daemon.post_alerts, alert(instance=instance, ends_in="86400")) == 200
        accepted.append(instance)

    def jumps() -> int:
        return daemon.log.count('"trouble":"ClockJumped"')

    await post("before")
    for number, offset in enumerate((6 * hour_ms, 0)):
        step(offset)
        before = jumps()
        await post(f"step{number}")
        await post("before")  # a resend, whatever the clock says
        await eventually(lambda before=before: jumps() > before, seconds=20, what="the router notices")
        await post(f"later{number}")
        await off_loop(daemon.kill)
        await off_loop(daemon.start)
        await post(f"restarted{number}")
    wanted = {f"problem at {instance}." for instance in accepted}
    await eventually(lambda: wanted <= set(titles(pagerduty)), what="everything is paged whatever the clock says")
    await eventually(lambda: any("ClockJumped" in title for title in titles(pagerduty)), what="and so is the jump")
    ours = [title for title in titles(pagerduty) if "ClockJumped" not in title]
    assert len(ours) == len(set(ours))
    for instance in dict.fromkeys(accepted):
        assert await off_loop(daemon.post_alerts, alert(instance=instance, ends_in="-1")) == 200
    await eventually(lambda: not pagerduty.sandbox.incidents("open"), seconds=30, what="everything closes again")


# -- descriptors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [64, 200])
async def test_a_neighbour_who_takes_every_connection_takes_no_descriptor_of_ours(make_daemon, pagerduty, limit: int) -> None:
    """Known senders go on, pages go out, rules are reloaded; when the neighbour is gone, so are its descriptors."""
    daemon = make_daemon(RULES, start=False, limits={"header_timeout": "30s"})
    daemon.command = ["prlimit", f"--nofile={limit}:{limit}", *daemon.command]
    await off_loop(daemon.start)
    known = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)

    def post(instance: str) -> int:
        known.request("POST", "/api/v2/alerts", json.dumps([alert(instance=instance)]), {"Content-Type": "application/json"})
        answer = known.getresponse()
        answer.read()
        return answer.status

    assert await off_loop(post, "first") == 200
    at_rest = descriptors(daemon)
    with contextlib.ExitStack() as neighbour:
        for _ in range(limit + 50):
            neighbour.enter_context(socket.create_connection(("127.0.0.1", daemon.port), timeout=10))
        for number in range(5):
            assert await off_loop(post, f"amid{number}") == 200
        daemon.write_rules(RULES + "# another version\n")
        daemon.send_signal(signal.SIGHUP)
        await eventually(lambda: "rules_changed" in daemon.log, what="a reload without a descriptor to spare")
        await all_paged_once(pagerduty, ["first", *(f"amid{number}" for number in range(5))])
        assert descriptors(daemon) < limit
    await eventually(lambda: descriptors(daemon) <= at_rest + 4, what="descriptors come back")
    known.close()
    assert await off_loop(daemon.post_alerts, alert(instance="last")) == 200
    await all_paged_once(pagerduty, ["last"])
    assert '"event":"connections_limited"' in daemon.log
    assert await off_loop(daemon.stop) == 0


@pytest.fixture
def many_descriptors() -> Iterator[int]:
    """How many connections this test may hold: ten thousand where the machine lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 10_000
    ceiling = wanted + 1_000 if hard == resource.RLIM_INFINITY else min(wanted + 1_000, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, ceiling), hard))
    yield min(wanted, ceiling - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_ten_thousand_idle_connections_hold_up_nobody_and_leave_nothing_behind(
    make_daemon, pagerduty, many_descriptors: int
) -> None:
    daemon = await off_loop(make_daemon, RULES, limits={"connections": 12_000, "header_timeout": "60s"})
    assert await off_loop(daemon.post_alerts, alert(instance="before")) == 200
    await all_paged_once(pagerduty, ["before"])
    descriptors_before, memory_before = descriptors(daemon), memory(daemon)
    held: list[socket.socket] = []

    def connect() -> None:
        address = ("127.0.0.1", daemon.port)
        held.extend(socket.create_connection(address, timeout=30) for _ in range(many_descriptors))

    try:
        await off_loop(connect)
        await eventually(lambda: descriptors(daemon) >= descriptors_before + many_descriptors, what="all are let in")
        per_connection = (memory(daemon) - memory_before) / many_descriptors
        assert per_connection < 16_384, f"{per_connection:.0f} bytes a connection"
        accepted = []
        began = time.monotonic()
        for number in range(50):
            assert await off_loop(daemon.post_alerts, alert(instance=f"amid{number}")) == 200
            accepted.append(f"amid{number}")
        assert time.monotonic() - began < 10
        await all_paged_once(pagerduty, accepted)
    finally:
        for connection in held:
            connection.close()
    await eventually(lambda: descriptors(daemon) <= descriptors_before + 4, seconds=30, what="descriptors come back")
    # The collector looks rarely, so the rounds before the last show what is kept for a while; the last must not add to it.
    kept = [memory(daemon)]
    for _ in range(3):
        held.clear()
        try:
            await off_loop(connect)  # what was freed is used again
            await eventually(lambda: descriptors(daemon) >= descriptors_before + many_descriptors)
        finally:
            for connection in held:
                connection.close()
        await eventually(lambda: descriptors(daemon) <= descriptors_before + 4, seconds=30)
        kept.append(memory(daemon))
    assert kept[-1] < max(kept[:-1]) + 16 * MIB, [size // MIB for size in kept]
    assert await off_loop(daemon.post_alerts, alert(instance="after")) == 200
    await all_paged_once(pagerduty, ["after"])


# -- the other side -----------------------------------------------------------------------------------------------------


async def test_answers_that_drip_or_never_end_hold_up_neither_doors_nor_other_teams(make_daemon, pagerduty) -> None:
    """One team's calls are answered a byte at a time; everybody else's alerts are taken and paged meanwhile."""
    rules = RULES.replace('service: "payment-*"', 'service: "*"')
    daemon = await off_loop(make_daemon, rules)
    key = daemon.environment["KEY_PAYMENTS"]
    pagerduty.sandbox.add_fault(Fault(kind="drip", routing_key=key, drip_ms=500), pagerduty.now())
    slow = [f"slow{number}" for number in range(5)]
    for instance in slow:
        assert await off_loop(daemon.post_alerts, alert(instance=instance)) == 200
    began = time.monotonic()
    fast = [f"fast{number}" for number in range(50)]
    for instance in fast:
        assert await off_loop(daemon.post_alerts, alert(service="search-api", instance=instance)) == 200
    await all_paged_once(pagerduty, fast)
    assert time.monotonic() - began < 15
    at_rest = descriptors(daemon)
    pagerduty.sandbox.clear_faults()
    await all_paged_once(pagerduty, [*slow, *fast], seconds=60)
    assert descriptors(daemon) <= at_rest + 4


# -- a disk that may no longer be written ---------------------------------------------------------------------------------


async def test_a_disk_that_fails_is_told_of_refuses_and_is_used_again_once_it_works(make_daemon, pagerduty) -> None:
    """Every write of the running process fails, as on a disk that was set read-only: who asks is told, nothing is lost."""
    daemon = await off_loop(make_daemon, RULES)
    assert await off_loop(daemon.post_alerts, alert(instance="before")) == 200
    await all_paged_once(pagerduty, ["before"])

    def limit_writes(size: str) -> None:
        subprocess.run(["prlimit", f"--pid={daemon.process.pid}", f"--fsize={size}:unlimited"], check=True)

    limit_writes("4096")
    for number in range(3):
        status, answer = await off_loop(daemon.request, "POST", "/api/v2/alerts", [alert(instance=f"refused{number}")])
        assert (status, "nothing was taken" in answer["message"]) == (503, True), answer
    status, answer = await off_loop(daemon.get, "/-/ready")
    assert (status, "disk I/O error" in str(answer)) == (503, True), answer
    assert daemon.metric("alert_router_store_refusing") == 1
    await eventually(lambda: '"trouble":"StoreRefuses"' in daemon.log, what="the log says so")
    limit_writes("unlimited")

    def ready() -> bool:
        return daemon.get("/-/ready")[0] == 200

    await eventually(ready, seconds=20, what="used again, also while nobody sends")
    assert await off_loop(daemon.post_alerts, alert(instance="after")) == 200
    await eventually(
        lambda: [i.status for i in pagerduty.sandbox.incidents() if "StoreRefuses" in i.title] == ["resolved"],
        what="somebody was paged, and it is over",
    )
    wanted = {f"problem at {instance}." for instance in ("before", "after")}
    await eventually(lambda: wanted <= set(titles(pagerduty)))
    assert not any("refused" in title for title in titles(pagerduty) if "StoreRefuses" not in title)
    assert await off_loop(daemon.stop) == 0
