from __future__ import annotations

import asyncio
import json

import click
import msgspec
import pytest

from router.cli.silences import describe, headline, read_matchers
from router.model.ruleset import NumberTest
from router.model.severity import Severity
from router.model.silence import PlainMatch, Silence
from router.model.transition import StateRow
from router.rehearsal.hiding import Hidden
from router.rules.compiling import ruleset_texts
from router.store.sqlite.driver import SqliteStore
from tests.support.place import Place
from tests.support.rule_texts import SCALE, TEAMS
from tests.support.stores import START, StillClock, commit_of
from tests.unit.cli.test_asking import answering, http, tcp

HELD = Silence(
    id="717f7a553c", match=PlainMatch(services=("payment-*",)), until=START + 60_000, reason="works", starts_at=START, by="ann"
)


@pytest.fixture
def silenced(history: Place) -> Place:
    """Two silences are in force, and rules have been."""

    async def fill() -> None:
        store = SqliteStore(history.folder / "data/alert-router.db", clock=StillClock())
        recovered = await store.open()
        texts = ruleset_texts([("a.yaml", "rules: [{id: all}]")], teams=TEAMS, default_team="platform", scale=SCALE)
        await store.save_ruleset("v1", START, texts)
        rows = [
            StateRow("silence", 1, msgspec.json.encode(HELD)),
            StateRow(
                "silence",
                2,
                msgspec.json.encode(msgspec.structs.replace(HELD, id="two", until_resolved=True, until=START + 9_000_000)),
            ),
        ]
        await store.commit(commit_of(recovered.cursor, changes=rows))
        await store.close()

    asyncio.run(fill())
    return history


def test_listed_for_people_and_for_programs(silenced: Place) -> None:
    for command in (("silences",), ("silences", "list")):
        lines = silenced.run(*command).output.splitlines()
        assert lines[0].split() == ["SILENCE", "STATE", "ENDS", "MATCHES", "BY", "REASON"]
        assert "service=payment-*" in lines[1]
        assert "resolved, " in lines[2]
    found = json.loads(silenced.run("silences", "--output", "json").output)["items"]
    assert [silence["id"] for silence in found] == ["717f7a553c", "two"]


def test_shown_with_what_it_hides(silenced: Place) -> None:
    result = silenced.run("silences", "show", "717f7a553c")
    assert result.output.startswith("It would hide 2 alerts that fire now, and ")
    assert "payment-api  CardError" in result.output
    assert json.loads(silenced.run("silences", "--output", "json", "show", "two").output)["hides"]["alerts"] == 2
    missing = silenced.run("silences", "show", "three")
    assert (missing.exit_code, "there is no silence three" in missing.output) == (1, True)


def test_a_dry_run_asks_nobody(silenced: Place) -> None:
    result = silenced.run("silences", "add", "service=search-*", "--for", "2h", "--reason", "works", "--by", "ann", "--dry-run")
    assert result.exit_code == 0
    assert "It would hide 0 alerts that fire now" in result.output
    assert "by ann" in result.output


def test_added_with_a_yes_and_not_without_a_terminal(silenced: Place) -> None:
    arguments = ("silences", "add", "service=payment-*", "env!=prod", "--for", "2h", "--reason", "works", "--by", "ann")
    refused = silenced.run(*arguments)
    assert (refused.exit_code, "no terminal to ask for a yes" in refused.output) == (2, True)
    listening = tcp()
    silenced.configure(listen=f"127.0.0.1:{listening.getsockname()[1]}")
    answer = msgspec.json.encode({"silence": HELD}).decode()
    with answering(listening, http("200 OK", answer)) as asked:
        result = silenced.run(*arguments, "--yes")
    assert result.output.startswith("silence 717f7a553c is in force until ")
    head, body = asked[0].split(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/silences HTTP/1.1")
    assert json.loads(body) == {
        "match": {"service": ["payment-*"], "labels": {"env": ["!prod"]}}, "reason": "works", "for": "2h", "by": "ann",
    }  # fmt: skip


def test_on_a_terminal_it_is_asked(silenced: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.cli.options._has_terminal", lambda: True)
    result = silenced.run("silences", "add", "service=a", "--for", "2h", "--reason", "works")
    assert "Add it? [y/N]" in result.output
    assert result.exit_code == 1


def test_mistakes_are_told_before_anything_is_asked(silenced: Place) -> None:
    for arguments, words in (
        (("service=a", "--for", "soon", "--reason", "x"), "for: found 'soon'"),
        (("service=a", "--reason", "x"), "a silence has to end"),
        (("service", "--for", "2h", "--reason", "x"), "expected FIELD=PATTERN"),
        (("service=a", "--for", "2h"), "--reason"),
        (("service=a", "severity=sever", "--for", "2h", "--reason", "x"), "expected critical, error"),
    ):
        result = silenced.run("silences", "add", *arguments, "--yes")
        assert (result.exit_code, words in result.output) == (2, True), result.output


def test_ended_through_the_daemon(silenced: Place) -> None:
    listening = tcp()
    silenced.configure(listen=f"127.0.0.1:{listening.getsockname()[1]}")
    with answering(listening, http("200 OK", msgspec.json.encode({"silence": HELD}).decode())) as asked:
        result = silenced.run("silences", "expire", "717f7a553c", "--by", "ann b")
    assert result.output == "silence 717f7a553c is over; what it muted and still fires is paged now\n"
    assert asked[0].startswith(b"DELETE /v1/silences/717f7a553c?by=ann+b HTTP/1.1")


def test_matchers_become_the_match_of_a_rule() -> None:
    assert read_matchers(["service=a-*", "service!=a-db", "alertname=~Disk.*", "severity=p3", "severity=info", "env=prod"]) == {
        "service": ["a-*", "!a-db"], "name": ["/^(?:Disk.*)$/"], "severity": ["p3", "info"], "labels": {"env": ["prod"]},
    }  # fmt: skip
    assert read_matchers(["min_severity=error", "host!~web.*", "path=a=b"]) == {
        "min_severity": "error", "labels": {"host": ["!/^(?:web.*)$/"], "path": ["a=b"]},
    }  # fmt: skip
    for text in ("severity!=p3", "=x", "plain"):
        with pytest.raises(click.UsageError):
            read_matchers([text])


def test_conditions_and_figures_on_one_line() -> None:
    match = PlainMatch(
        services=("a", "b"), severities=(Severity.INFO,), labels=(("env", ("!x",)),),
        where=(NumberTest(field="score", operator="lt", value=0.5),), unless=(PlainMatch(names=("c",)),),
    )  # fmt: skip
    assert describe(match) == "service=a|b severity=info env=!x score lt 0.5 unless (name=c)"
    hidden = Hidden(alerts=1, firing=(), since=0, until=7 * 86_400_000, entries=9, pages=3, critical=1, acknowledged=2)
    assert headline(hidden) == (
        "It would hide 1 alert that fires now, and 3 pages of the last 7d00h (1 critical, 2 that somebody acknowledged)."
    )
