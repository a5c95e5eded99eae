from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from router.cli.history import Teller, describe
from router.history.base import Progress
from router.history.sqlite.archive import SqliteArchive
from router.sandbox.past import PastSpec
from router.sandbox.server import SandboxServer
from router.sandbox.settings import READ_ONLY_TOKEN
from tests.support.background import sandbox_in_background
from tests.support.following import KEYS
from tests.support.place import Place
from tests.support.stores import StillClock

DAY_MS = 86_400_000


@pytest.fixture
def account() -> Iterator[SandboxServer]:
    with sandbox_in_background(KEYS, rest_rate_limit_per_minute=0) as server:
        until = server.now() - DAY_MS
        server.sandbox.add_past(PastSpec(incidents=12, since=until - 5 * DAY_MS, until=until))
        yield server


def point(place: Place, url: str) -> None:
    place.configure(events_url=url)
    text = place.config.read_text().replace('"}', f'", api_url: "{url}", api_token: env:PD_TOKEN}}')
    place.config.write_text(text)


def test_the_past_is_fetched(history: Place, account: SandboxServer) -> None:
    point(history, account.url)
    done = history.run("history", "sync", "--since", "2000d", PD_TOKEN=READ_ONLY_TOKEN)
    assert done.exit_code == 0, done.output
    assert "12 new incidents, 12 read" in done.output
    assert "History holds 12 incidents from" in done.output
    again = json.loads(history.run("history", "sync", "--since", "2000d", "--output", "json", PD_TOKEN=READ_ONLY_TOKEN).output)
    assert again["done"]["listed"] == again["done"]["read"] == 0
    assert again["holdings"]["incidents"] == 12


def test_what_keeps_it_from_being_fetched_is_told(history: Place, account: SandboxServer) -> None:
    nothing = history.run("history", "sync")
    assert nothing.exit_code == 1
    assert "no pagerduty.api_token" in nothing.output
    point(history, account.url)
    unread = history.run("history", "sync")
    assert unread.exit_code == 1
    assert "PD_TOKEN" in unread.output
    wrong = history.run("history", "sync", PD_TOKEN="u+wrongwrongwrongwro")
    assert wrong.exit_code == 1
    assert "does not know the token" in wrong.output
    stranger = history.run("history", "sync", "--service", "nowhere", PD_TOKEN=READ_ONLY_TOKEN)
    assert "no service 'nowhere'" in stranger.output
    backwards = history.run("history", "sync", "--since", "2d", "--until", "3d", PD_TOKEN=READ_ONLY_TOKEN)
    assert backwards.exit_code == 2
    archive = SqliteArchive(history.folder / "data/alert-router-history.db")
    busy = history.run("history", "sync", PD_TOKEN=READ_ONLY_TOKEN)
    archive.close()
    assert busy.exit_code == 1
    assert "synced already" in busy.output


def test_what_was_never_fetched_is_no_quiet_month(history: Place, account: SandboxServer) -> None:
    point(history, account.url)
    assert history.run("history", "sync", PD_TOKEN="u+wrongwrongwrongwro").exit_code == 1
    for command in (["report", "--month", "2026-10"], ["search", "disk"], ["history", "stats"]):
        done = history.run(*command)
        assert done.exit_code == 1
        assert "nothing has been fetched from PagerDuty yet" in done.output


def test_an_account_where_nothing_happened_is_a_quiet_month(history: Place) -> None:
    with sandbox_in_background(KEYS, rest_rate_limit_per_minute=0) as server:
        point(history, server.url)
        done = history.run("history", "sync", PD_TOKEN=READ_ONLY_TOKEN)
    assert done.exit_code == 0, done.output
    assert "History holds 0 incidents.\n" in done.output
    assert "Nothing happened" in history.run("report", "--month", "2026-10", "--format", "markdown").output


def test_progress_is_a_line() -> None:
    reading = Progress(phase="reading", done=1_200, total=60_000, calls=4_100, seconds_left=11_100.0)
    assert describe(reading) == "read 1,200 of 60,000 incidents (2%), 3h05m left, 4,100 calls"
    assert describe(Progress(phase="listing", done=7, total=0, calls=3)) == "listed 7 new incidents, 3 calls"


def test_progress_is_told_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = StillClock()
    for is_terminal, lines in ((True, 4), (False, 0)):
        teller = Teller(clock, is_terminal=is_terminal)
        for number in range(7):
            teller.show(Progress(phase="listing", done=number, total=0, calls=number))
            clock.at += 300
        teller.finish()
        assert capsys.readouterr().err.count("listed") == lines
