"""Reload of the real process: by signal, by request, by a changed file; good files, broken files, and far too often."""

from __future__ import annotations

import asyncio
import shutil
import signal

import pytest

from tests.support.daemon import Daemon, alert, eventually, off_loop
from tests.support.sending import Sender

pytestmark = pytest.mark.timeout(120)

PER_INSTANCE = """
rules:
  - id: {id}
    match: {{service: "payment-*"}}
    group_by: [service, name, instance]
    summary: "problem at {{{{ labels.instance }}}}."
"""
BROKEN = "rules:\n  - id: x\n    mach: {service: a}\n"
UNWATCHED = {"reload": {"watch": False}}


def rules(rule_id: str) -> str:
    return PER_INSTANCE.format(id=rule_id)


def rule_ids(daemon: Daemon) -> list[str]:
    return [item["id"] for item in daemon.get("/v1/rules")[1]["items"]]


def titles(pagerduty) -> list[str]:
    return [incident.title for incident in pagerduty.sandbox.incidents()]


async def test_sighup_puts_good_rules_in_force_and_keeps_them_when_the_next_are_broken(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon, rules("first"), **UNWATCHED)
    daemon.write_rules(rules("second"))
    await asyncio.sleep(0.5)
    assert rule_ids(daemon) == ["first"], "without watching, a changed file waits for a signal"
    daemon.send_signal(signal.SIGHUP)
    await eventually(lambda: rule_ids(daemon) == ["second"])
    assert daemon.metric("alert_router_last_reload_success") == 1
    loaded_at = daemon.metric("alert_router_last_reload_timestamp_seconds")

    daemon.write_rules(BROKEN)
    daemon.send_signal(signal.SIGHUP)
    await eventually(lambda: daemon.metric("alert_router_last_reload_success") == 0)
    assert rule_ids(daemon) == ["second"]
    assert daemon.metric("alert_router_last_reload_timestamp_seconds") == loaded_at
    assert "rules/everything.yaml:3:5" in daemon.log
    assert 'did you mean \\"match\\"?' in daemon.log
    await eventually(lambda: any("ReloadFailed" in title for title in titles(pagerduty)), what="it tells its own team")
    await off_loop(daemon.post_alerts, alert(instance="still"))
    await eventually(lambda: "problem at still." in titles(pagerduty))

    daemon.write_rules(rules("third"))
    daemon.send_signal(signal.SIGHUP)
    await eventually(lambda: rule_ids(daemon) == ["third"])
    await eventually(
        lambda: [found.status for found in pagerduty.sandbox.incidents() if "ReloadFailed" in found.title] == ["resolved"]
    )


async def test_reload_by_request_answers_what_is_wrong(make_daemon) -> None:
    daemon = await off_loop(make_daemon, rules("first"), **UNWATCHED)
    status, answer = await off_loop(daemon.request, "POST", "/-/reload")
    assert (status, answer) == (200, {"status": "reloaded"})
    daemon.write_rules(rules("second"))
    assert (await off_loop(daemon.request, "POST", "/-/reload"))[0] == 200
    await eventually(lambda: rule_ids(daemon) == ["second"])

    daemon.write_rules(BROKEN + "  - {id: y, match: {service: [}\n", "zz.yaml")
    status, answer = await off_loop(daemon.request, "POST", "/-/reload")
    assert status == 422
    assert any(mistake.startswith("rules/zz.yaml:4:") for mistake in answer["mistakes"]), answer
    (daemon.folder / "rules/zz.yaml").unlink()

    good = (daemon.folder / "config.yaml").read_text()
    (daemon.folder / "config.yaml").write_text(good + "teems: {}\n")
    status, answer = await off_loop(daemon.request, "POST", "/-/reload")
    assert status == 422
    assert "unknown-key" in answer["mistakes"][0]
    assert f"config.yaml:{good.count(chr(10)) + 1}:1" in answer["mistakes"][0]
    (daemon.folder / "config.yaml").write_text(good)
    assert (await off_loop(daemon.request, "POST", "/-/reload"))[0] == 200
    assert rule_ids(daemon) == ["second"]
    assert (await off_loop(daemon.request, "GET", "/-/reload"))[0] == 405


async def test_a_changed_file_is_noticed_and_unrelated_files_are_not(make_daemon) -> None:
    daemon = await off_loop(make_daemon, rules("first"))
    folder = daemon.folder / "rules"
    (folder / "README.md").write_text("rules: [")
    (folder / "notes.txt").write_text("{")
    (folder / "everything.yaml~").write_text("rules: [")
    (folder / ".everything.yaml.swp").write_bytes(b"\0\1")
    (folder / "everything.test.yaml").write_text("tests: []\n")
    (folder / "old").mkdir()
    (folder / "old/rules.yaml").write_text("rules: [")
    await asyncio.sleep(0.8)
    assert daemon.metric("alert_router_last_reload_success") == 1
    assert rule_ids(daemon) == ["first"]
    (folder / "00-more.yaml").write_text("rules: [{id: zero, match: {service: nothing}}]\n")
    await eventually(lambda: rule_ids(daemon) == ["zero", "first"], what="a new file, in sorted order")
    (folder / "00-more.yaml").unlink()
    await eventually(lambda: rule_ids(daemon) == ["first"], what="a file that is gone")
    shutil.rmtree(folder / "old")
    assert daemon.metric("alert_router_reloads_total", result="failure") == 0


async def test_a_changed_configuration_is_noticed(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon)
    text = (daemon.folder / "config.yaml").read_text()
    assert "payment-*" in text
    new = daemon.folder / "config.yaml.new"
    new.write_text(text.replace("payment-*", "checkout-*"))
    new.replace(daemon.folder / "config.yaml")
    await eventually(lambda: "rules_changed" in daemon.log)
    await off_loop(daemon.post_alerts, alert(service="checkout-api"), alert(service="payment-api", instance="moved"))
    await eventually(
        lambda: {found.service for found in pagerduty.sandbox.incidents()} == {"payments", "platform"},
        what="the owner changed",
    )


async def test_what_only_a_restart_can_change_is_named_until_it_happened(make_daemon) -> None:
    daemon = await off_loop(make_daemon, rules("first"), **UNWATCHED)
    text = (daemon.folder / "config.yaml").read_text()
    (daemon.folder / "config.yaml").write_text(text + "limits: {batch: 5}\n")
    for number in (1, 2):
        assert (await off_loop(daemon.request, "POST", "/-/reload"))[0] == 200
        assert daemon.log.count("restart_needed") == number
    assert daemon.post_alerts(*(alert(instance=str(number)) for number in range(6))) == 200, "the old limit is in force"


async def test_fifty_signals_at_once_under_load_lose_and_repeat_nothing(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon, rules("first"))
    with Sender(daemon, "burst") as sender:
        await eventually(lambda: len(sender.accepted) > 20)
        for number in range(50):
            if number % 10 == 0:
                daemon.write_rules(rules(f"number{number}"))
            daemon.send_signal(signal.SIGHUP)
            await asyncio.sleep(0.005)
        await eventually(lambda: rule_ids(daemon) == ["number40"])
        count = len(sender.accepted)
        await eventually(lambda: len(sender.accepted) > count + 20)
    assert sender.statuses == {200}
    assert await off_loop(daemon.post_alerts, alert(instance="last")) == 200
    wanted = {f"problem at {instance}." for instance in [*sender.accepted, "last"]}
    await eventually(lambda: wanted <= set(titles(pagerduty)), seconds=30)
    assert len(titles(pagerduty)) == len(set(titles(pagerduty)))
    assert daemon.metric("alert_router_reloads_total", result="failure") == 0
    assert 1 <= daemon.metric("alert_router_reloads_total", result="success") <= 60
