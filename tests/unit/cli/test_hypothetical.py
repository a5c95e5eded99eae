from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from router.cli.backtest import compile_rules
from router.cli.hypothetical import MAX_RULES
from router.cli.reading import load
from router.model.severity import Severity
from router.store.sqlite.driver import SqliteStore
from tests.support.engine import World, at, event
from tests.support.journals import alert, journal
from tests.support.stores import StillClock, commit_of
from tests.support.trial import RULES, keep, lay_out, run

AT = ["--at", "2026-11-18T12:00Z"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALERT_ROUTER_CONFIG", raising=False)
    lay_out(tmp_path, journal())
    return tmp_path


def test_each_rule_tried_with_the_condition_that_failed(place: Path) -> None:
    result = run("explain", "--service", "api", "--name", "Down", "--label", "env=prod", *AT)
    assert result.exit_code == 0
    assert result.output == (
        "Would page platform by rule rest: its rule pages at the first occurrence.\n"
        "\n"
        "firing event  error  api  Down  env=prod\n"
        "  at 2026-11-18 12:00:00Z, from json\n"
        "  there is no store yet: counts begin at nothing, and nothing is open\n"
        "\n"
        "rules, in the order they are tried\n"
        '  ✗ noise  service "dev-*": found "api"  (rules/a.yaml:2:5)\n'
        "  ✗ slow  severity warning: found error  (rules/a.yaml:3:5)\n"
        "  ✓ rest  matches  (rules/a.yaml:4:5)\n"
        "\n"
        "decisions\n"
        "  open     at_once  rest\n"
        '  > trigger to platform, error: "api: Down"\n'
    )


@pytest.mark.parametrize(
    ("arguments", "headline"),
    [
        (["--service", "dev-1"], "Would be dropped by rule noise: a rule says that it never pages (development)."),
        (
            ["--service", "api", "--severity", "warn", "--source", "prometheus"],
            (
                "Would be held by rule slow: it has not fired for as long as its rule asks (0s of 10m). "
                "Would page at 2026-11-18 12:10:00Z if it goes on."
            ),
        ),
    ],
)
def test_what_would_be_done(place: Path, arguments: list[str], headline: str) -> None:
    assert run("explain", *arguments, *AT).output.splitlines()[0] == headline


def test_an_alert_from_a_file_or_standard_input(place: Path) -> None:
    (place / "alert.json").write_text('{"service": "pay-1", "status": "resolved"}')
    assert run("explain", "--alert", "alert.json").output.startswith(
        "Would do nothing: it resolved something for which no incident was open."
    )
    found = json.loads(run("explain", "--alert", "-", *AT, "--output", "json", given="service: pay-1\n").stdout)
    assert found["headline"] == "Would page payments by rule rest: its rule pages at the first occurrence."
    assert [tried["matches"] for tried in found["tried"]] == [False, False, True]
    assert found["tried"][0]["failed"] == {"key": "service", "wanted": '"dev-*"', "found": '"pay-1"'}
    assert found["events"][0]["team"] == "payments"


def test_what_the_store_knows_counts(place: Path) -> None:
    entries = journal((0, alert("api", "Down", Severity.WARNING)), (11, alert("web")))
    keep(place, entries, compile_rules([Path("rules")], load(Path("config.yaml"))))
    again = run("explain", "--service", "web", "--name", "Down", "--source", "prometheus", "--label", "x=y", *AT)
    assert again.output.startswith("Would belong to the open incident rest/")
    early = run("explain", "--service", "new", "--at", "2026-11-18T11:00Z")
    assert "the store knows its state of 2026-11-18 11:17" in early.output


def test_many_rules_are_cut_in_the_middle(place: Path) -> None:
    rules = "".join(f"  - {{id: r{number}, match: {{service: s{number}}}}}\n" for number in range(MAX_RULES + 10))
    (place / "rules" / "a.yaml").write_text(f"rules:\n{rules}")
    result = run("explain", "--service", "api", *AT)
    assert "… 10 more that do not match" in result.output
    assert "✓ default  no rule matches: the default team" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "describe an alert with --service"),
        (["--name", "x"], 2, "an alert needs a --service"),
        (["--alert", "x", "--service", "y"], 2, "leave the other options out"),
        (["17", "--service", "y"], 2, "leave out the options"),
        (["--service", "x", "--label", "y"], 2, "expected name=value"),
        (["--service", "x", "--at", "noon"], 2, "expected a time such as"),
        (["--service", "x", "--severity", "bad"], 2, "unknown-severity"),
        (["--alert", "nowhere.json"], 2, "nowhere.json cannot be read"),
        (["--alert", "broken.json"], 2, 'did you mean "name"?'),
    ],
)
def test_wrong_usage(place: Path, arguments: list[str], code: int, message: str) -> None:
    (place / "broken.json").write_text('{"service": "a", "nme": "b"}')
    result = run("explain", *arguments)
    assert result.exit_code == code
    assert message in result.output


def test_the_rules_of_these_tests_are_sound(place: Path) -> None:
    assert (place / "rules" / "a.yaml").read_text() == RULES


def test_when_the_occurrences_came_that_the_count_would_hold(place: Path) -> None:
    """The decision that nobody took is looked for among those that were."""
    counted = "rules: [{id: a, when: {count: 3, within: 5m}, resolve: {after_quiet: 1h}}]\n"
    (place / "rules" / "a.yaml").write_text(counted)
    world = World(*compile_rules([place / "rules"], load(place / "config.yaml")).rules)

    async def fill() -> None:
        store = SqliteStore(load(place / "config.yaml").store.path, clock=StillClock())
        await store.open()
        for offset in ("0s", "1m"):
            (entry,) = await store.append(at(offset), [event(source="json")])
            world.take([entry], entry.at)
            done = world.last
            await store.commit(commit_of(entry.seq, decisions=done.decisions, incidents=done.incidents, changes=done.changes))
        await store.close()

    asyncio.run(fill())
    result = run("explain", "--service", "api", "--name", "Down", "--at", "2026-11-18T11:08:40Z")
    assert result.output.splitlines()[0].endswith("the count of its rule was reached (3 of 3 in 5m).")
    assert "  counted on 2026-11-18 at 11:06:40Z, 11:07:40Z, 11:08:40Z\n" in result.output
