"""The real process in an operator's hands: supervisor, stop under load, mistakes at the start, resources, commands."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, alert, config, eventually, off_loop
from tests.support.sending import Sender

pytestmark = pytest.mark.timeout(120)

PER_INSTANCE = """
rules:
  - id: everything
    match: {service: "payment-*"}
    group_by: [service, name, instance]
    summary: "problem at {{ labels.instance }}."
  - {id: noise, match: {service: "dev-*"}, drop: development never pages}
"""


def titles(pagerduty) -> list[str]:
    return [incident.title for incident in pagerduty.sandbox.incidents()]


# -- supervisor --------------------------------------------------------------------------------------------------------


class Supervisor:
    """The receiving end of sd_notify: a datagram socket, as systemd has one."""

    def __init__(self, address: str) -> None:
        self.heard: list[str] = []
        self.at: list[float] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while message := self._socket.recv(65_536):
            self.heard.append(message.decode())
            self.at.append(time.monotonic())

    def close(self, address: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(b"", address)
        self._thread.join()
        self._socket.close()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a supervisor listens; a socket's path has at most 107 bytes, a test's own folder may be longer."""
    path = Path(f"/tmp/{os.getpid()}-{tmp_path.name[-20:]}.notify")
    yield str(path)
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("kind", ["path", "abstract"])
async def test_the_supervisor_hears_ready_alive_and_stopping(make_daemon, address: str, kind: str) -> None:
    if kind == "abstract":
        address = "\0" + address
    supervisor = Supervisor(address)
    try:
        daemon = make_daemon(start=False, reload={"watch": False})
        daemon.environment |= {"NOTIFY_SOCKET": address.replace("\0", "@"), "WATCHDOG_USEC": "400000"}
        await off_loop(daemon.start)
        await eventually(lambda: any(message.startswith("READY=1") for message in supervisor.heard))
        ready = next(message for message in supervisor.heard if message.startswith("READY=1"))
        assert "1 rules" in ready or "1 rule" in ready
        assert str(daemon.port) in ready

        count = supervisor.heard.count("WATCHDOG=1")
        await eventually(lambda: supervisor.heard.count("WATCHDOG=1") >= count + 5)
        signs = [at for at, message in zip(supervisor.at, supervisor.heard, strict=False) if message == "WATCHDOG=1"]
        pauses = sorted(after - before for before, after in itertools.pairwise(signs))
        assert pauses[len(pauses) // 2] < 0.4, "a sign of life before half of them would be late"

        daemon.send_signal(signal.SIGHUP)
        await eventually(lambda: "STATUS=reloaded" in supervisor.heard)
        assert await off_loop(daemon.stop) == 0
        assert supervisor.heard[-1].startswith("STOPPING=1")
        assert supervisor.heard.index(ready) < len(supervisor.heard) - 1
        assert [message for message in supervisor.heard if message.startswith(("READY", "STOPPING"))] == [
            ready, supervisor.heard[-1],
        ]  # fmt: skip
    finally:
        supervisor.close(address)


async def test_a_loop_that_hangs_gives_no_sign_of_life(make_daemon, address: str) -> None:
    """Whatever else of the process still runs: it is the loop that takes alerts and pages."""
    supervisor = Supervisor(address)
    try:
        daemon = make_daemon(start=False)
        daemon.command[1:3] = ["-m", "tests.support.launcher"]
        daemon.environment |= {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000", "PROOF_HANG_SECONDS": "3"}
        await off_loop(daemon.start)
        await eventually(lambda: "WATCHDOG=1" in supervisor.heard)
        daemon.send_signal(signal.SIGUSR1)
        await asyncio.sleep(1)
        count = len(supervisor.heard)
        await asyncio.sleep(1)
        assert len(supervisor.heard) == count, supervisor.heard[count:]
        await eventually(lambda: len(supervisor.heard) > count, what="it goes on, had nobody ended it")
        assert await off_loop(daemon.stop) == 0
    finally:
        supervisor.close(address)


async def test_ready_is_not_said_before_the_doors_are_open(make_daemon, address: str) -> None:
    """A supervisor that starts the senders after us must not start them into a refused connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(address)
        channel.settimeout(20)
        daemon = make_daemon(start=False)
        daemon.environment["NOTIFY_SOCKET"] = address
        await off_loop(daemon.start, wait=False)
        while not (await off_loop(channel.recv, 65_536)).startswith(b"READY=1"):
            pass
        assert await off_loop(daemon.post_alerts, alert()) == 200
    assert await off_loop(daemon.stop) == 0, "a supervisor that went away is no trouble"


# -- stopping ----------------------------------------------------------------------------------------------------------


async def test_sigterm_under_load_answers_what_was_accepted_and_loses_nothing(make_daemon, pagerduty) -> None:
    daemon = make_daemon(PER_INSTANCE, start=False)
    accepted: list[str] = []
    for round_number in range(2):
        await off_loop(daemon.start)
        with Sender(daemon, f"a{round_number}") as one, Sender(daemon, f"b{round_number}") as other:
            await eventually(lambda: len(one.accepted) > 50)
            assert await off_loop(daemon.stop) == 0
        assert one.statuses | other.statuses == {200}, "nobody is turned away half-way"
        accepted += one.accepted + other.accepted
        assert '"event":"stopped"' in daemon.log
        assert "stop_step_cut_short" not in daemon.log
    await off_loop(daemon.start)
    wanted = {f"problem at {instance}." for instance in accepted}
    await eventually(lambda: wanted <= set(titles(pagerduty)), seconds=60)
    assert len(titles(pagerduty)) == len(set(titles(pagerduty)))


async def test_a_second_signal_while_stopping_changes_nothing(make_daemon) -> None:
    daemon = await off_loop(make_daemon)
    idle = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
    half = socket.create_connection(("127.0.0.1", daemon.port), timeout=10)
    half.sendall(b"POST /api/v2/alerts HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n[")
    daemon.process.terminate()
    await asyncio.sleep(0.05)
    began = time.monotonic()
    assert await off_loop(daemon.stop) == 0
    assert time.monotonic() - began < 10, "whoever sends slowly does not hold it up for ever"
    for connection in (idle, half):
        connection.close()


# -- the start -----------------------------------------------------------------------------------------------------------


def refused(daemon: Daemon) -> str:
    """Start it, expect it to end with 1; all it said."""
    daemon.start(wait=False)
    assert daemon.process.wait(30) == 1, daemon.log
    assert "Traceback" not in daemon.log
    return daemon.log


async def test_every_mistake_of_a_broken_configuration_is_printed_with_its_place(make_daemon) -> None:
    daemon = make_daemon(start=False)
    text = (
        "listen: 127.0.0.1:9095\n"
        "default_team: platfrom\n"
        "teams:\n"
        "  platform: {services: ['*'], pagerduty: {routing_key: env:KEY_PLATFORM}}\n"
        "shutdown_timeout: 20\n"
        "listne: x\n"
    )
    (daemon.folder / "config.yaml").write_text(text)
    said = await off_loop(refused, daemon)
    for place in ("config.yaml:2:15: error", "config.yaml:5:19: error", "config.yaml:6:1: error"):
        assert place in said, said
    assert "did you mean" in said
    (daemon.folder / "config.yaml").unlink()
    assert "config.yaml" in await off_loop(refused, daemon)


ONLY_TEAM = {"services": ["*"], "pagerduty": {"routing_key": "env:KEY_PAYMENTS"}}


async def test_a_missing_secret_is_named_and_never_shown(make_daemon) -> None:
    daemon = make_daemon(start=False)
    # Of the only key there is: a team beside others would be out, and the daemon would start.
    daemon.configure(config("https://events.pagerduty.com", teams={"platform": ONLY_TEAM}))
    del daemon.environment["KEY_PAYMENTS"]
    assert "the environment variable KEY_PAYMENTS is not set" in await off_loop(refused, daemon)
    daemon.environment["KEY_PAYMENTS"] = "u+aBcDeFgHiJkLmNoPqR"
    said = (await off_loop(refused, daemon)).splitlines()
    assert any("REST API token" in line for line in said)
    assert not any("aBcDeFgHi" in line for line in said)


async def test_broken_rules_end_the_first_start_and_not_a_later_one(make_daemon, pagerduty) -> None:
    daemon = make_daemon("rules:\n  - {id: x, mach: {}}\n", start=False)
    said = await off_loop(refused, daemon)
    assert "rules/everything.yaml:2:13" in said
    daemon.write_rules(PER_INSTANCE)
    await off_loop(daemon.start)
    assert await off_loop(daemon.stop) == 0
    daemon.write_rules("rules:\n  - {id: x, mach: {}}\n")
    await off_loop(daemon.start)
    await eventually(lambda: any("RulesBrokenAtStart" in title for title in titles(pagerduty)), what="it says so")
    await off_loop(daemon.post_alerts, alert(instance="still"))
    await eventually(lambda: "problem at still." in titles(pagerduty))
    daemon.write_rules(PER_INSTANCE)
    await eventually(
        lambda: [i.status for i in pagerduty.sandbox.incidents() if "RulesBrokenAtStart" in i.title] == ["resolved"]
    )


# -- resources -----------------------------------------------------------------------------------------------------------


def _descriptors(daemon: Daemon) -> int:
    return len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir()))


def _memory(daemon: Daemon) -> int:
    """Resident bytes."""
    pages = int(Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def test_memory_and_descriptors_come_back_after_two_thousand_connections(make_daemon) -> None:
    daemon = await off_loop(make_daemon)

    def connect(count: int) -> None:
        for number in range(count):
            with socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as connection:
                if number % 3 == 0:
                    continue  # says nothing
                connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
                if number % 3 == 1:
                    assert connection.recv(4096).startswith(b"HTTP/1.1 200")

    await off_loop(connect, 100)  # what is made once is made now
    await asyncio.sleep(0.5)
    descriptors, memory = _descriptors(daemon), _memory(daemon)
    await off_loop(connect, 2000)
    await eventually(lambda: _descriptors(daemon) <= descriptors + 2, what="descriptors")
    assert _memory(daemon) < memory + 16 * 1024 * 1024
    assert daemon.get("/-/ready")[0] == 200


async def test_connections_over_the_limit_are_told_so_and_the_others_go_on(make_daemon) -> None:
    daemon = await off_loop(make_daemon, limits={"connections": 20})
    held = [socket.create_connection(("127.0.0.1", daemon.port), timeout=10) for _ in range(20)]
    try:
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as late:
            assert (await off_loop(late.recv, 4096)).startswith(b"HTTP/1.1 503")
        held[0].sendall(b"GET /-/ready HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await off_loop(held[0].recv, 4096)).startswith(b"HTTP/1.1 200")
    finally:
        for connection in held:
            connection.close()
    await eventually(lambda: daemon.get("/-/ready")[0] == 200)


# -- commands ------------------------------------------------------------------------------------------------------------


async def test_commands_and_api_tell_the_same(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon, PER_INSTANCE)
    await off_loop(daemon.post_alerts, alert(instance="x"), alert(instance="y"), alert(service="dev-a"), alert(service="other"))
    await off_loop(daemon.post_alerts, alert(instance="y", ends_in="-1"))
    await eventually(lambda: sorted(i.status for i in pagerduty.sandbox.incidents()) == ["resolved", "triggered", "triggered"])
    await eventually(lambda: daemon.get("/v1/stats")[1]["outbox"]["waiting"] == 0)

    async def command(*arguments: str) -> dict:
        done = await off_loop(daemon.run_command, *arguments, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    async def api(path: str) -> list:
        status, answer = await off_loop(daemon.get, path)
        assert status == 200, answer
        return answer.get("items", answer)

    assert (await command("incidents"))["items"] == await api("/v1/incidents")
    assert (await command("incidents", "--open"))["items"] == await api("/v1/incidents?status=open")
    told = [{name: value for name, value in item.items() if name != "body"} for item in (await command("deliveries"))["items"]]
    assert told == [{name: value for name, value in item.items() if name != "body"} for item in await api("/v1/deliveries")]
    assert len(told) == 4
    journal = (await command("alerts", "--journal"))["items"]
    assert [item["seq"] for item in reversed(journal)] == [item["seq"] for item in await api("/v1/alerts?journal=true")]
    assert {item["seq"] for item in (await command("alerts"))["items"]} == {item["seq"] for item in await api("/v1/alerts")}
    for item in (journal[0], journal[-1]):
        assert await command("explain", str(item["seq"])) == await api(f"/v1/explain/{item['seq']}")
    assert await command("explain", "incident:1") == await api("/v1/incidents/1")
    assert await command("explain", (await api("/v1/incidents/1"))["incident"]["dedup_key"]) == await api("/v1/incidents/1")

    for text in (("deliveries",), ("explain", "1")):
        done = await off_loop(daemon.run_command, *text)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert done.stdout
    missing = await off_loop(daemon.run_command, "explain", "999999")
    assert missing.returncode == 1
    assert "nothing is recorded" in missing.stderr
    assert await off_loop(daemon.stop) == 0
    assert (await command("incidents"))["items"], "also while no daemon runs"
