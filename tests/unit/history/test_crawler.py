from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from router.errors import RemoteRefused, RemoteUnavailable
from router.history import crawler as crawling
from router.history.base import Scope
from router.history.sqlite.archive import SqliteArchive
from router.model.past import PastIncident, PastList, Story
from router.sandbox.settings import DEFAULT_TOKEN
from tests.support.following import KEYS
from tests.support.past import DAY_MS, PastWorld
from tests.support.stores import START


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """A remote that dies at the n-th call, whichever it is."""

    def __init__(self, remote: Any, calls: int) -> None:
        self.remote, self.left = remote, calls

    @property
    def calls(self) -> int:
        return self.remote.calls  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        called = getattr(self.remote, name)

        async def live_or_die(*arguments: Any, **words: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Killed
            return await called(*arguments, **words)

        return live_or_die


async def test_everything_is_fetched_with_notes_log_and_alerts(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=250)
    done = await world.sync()
    assert (done.listed, done.read, done.gone, done.cut_short) == (250, 250, 0, "")
    records = world.records()
    assert [record.number for record in records] == list(range(1, 251))
    assert all(record.is_read and record.status == "resolved" for record in records)
    assert {record.ending for record in records} == {"person", "itself"}
    assert {record.service for record in records} == set(KEYS)
    past = world.past()
    stories = [past.story(record.number) for record in records]
    assert all(story is not None and story.entries[0].kind == "trigger" and story.alerts for story in stories)
    assert any(story is not None and story.notes for story in stories)
    shown = json.dumps([str(story) for story in stories])
    assert "[address]" in shown
    assert "@" not in shown
    assert "1234567" not in shown
    past.close()
    assert world.told[-1].done == world.told[-1].total == 250
    assert world.told[-1].seconds_left == 0


async def test_nothing_new_costs_three_calls(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=120)
    await world.sync()
    world.clock.at += 3_600_000
    again = await world.sync(days=401)
    assert (again.listed, again.read) == (0, 0)
    assert again.calls <= 4


async def test_what_happens_to_old_incidents_is_found_and_so_is_what_is_new(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=60)
    await world.sync()
    world.clock.at += DAY_MS
    old = next(one for one in world.sandbox.incidents() if one.number == 7)
    writing = {"authorization": f"Token token={DEFAULT_TOKEN}", "from": "ada@example.test", "content-type": "application/json"}
    writing["accept"] = "application/vnd.pagerduty+json;version=2"
    note = json.dumps({"note": {"content": "it was the cache after all"}}).encode()
    assert world.sandbox.receive("POST", f"/incidents/{old.id}/notes", writing, note, world.clock.now()).status == 200
    headers = {"content-type": "application/json"}
    payload = {"summary": "CardError again", "source": "s", "severity": "error"}
    body = {"routing_key": KEYS["payments"], "event_action": "trigger", "dedup_key": "k", "payload": payload}
    assert world.sandbox.receive("POST", "/v2/enqueue", headers, json.dumps(body).encode(), world.clock.now()).status == 202
    world.clock.at += 60_000
    done = await world.sync(days=401)
    assert done.listed == 1
    assert done.read == 2
    past = world.past()
    story = past.story(7)
    assert story is not None
    assert story.notes[-1].text == "it was the cache after all"
    new = past.record(61)
    assert new is not None
    assert (new.status, new.resolved_at) == ("triggered", 0)
    past.close()
    world.clock.at += 600_000
    newest = next(one for one in world.sandbox.incidents() if one.number == 61)
    world.sandbox.resolve(newest.id, world.clock.now(), user="ada@example.test", note="restarted")
    world.clock.at += 60_000
    assert (await world.sync(days=401)).read >= 1
    resolved = world.records()[-1]
    assert (resolved.status, resolved.ending, resolved.resolved_by) == ("resolved", "person", "Ada Example")
    assert resolved.resolution == "restarted"


@pytest.mark.parametrize("calls", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89])
async def test_cut_off_anywhere_it_goes_on_and_misses_nothing(calls: int, tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=140)
    for life in range(100):
        try:
            await world.sync(remote=lambda reader, life=life: Mortal(reader, calls + life))  # type: ignore[misc]
            break
        except Killed:
            continue
    else:
        await world.sync()
    whole = PastWorld(tmp_path / "whole", incidents=140)
    await whole.sync()
    assert world.records() == whole.records()


async def test_progress_is_not_lost_by_dying(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=40)
    with pytest.raises(Killed):
        await world.sync(remote=lambda reader: Mortal(reader, 23))  # three lists, one a story
    read = sum(record.is_read for record in world.records())
    assert read == 20
    assert (await world.sync()).read == 20


async def test_more_than_ten_thousand_are_listed_by_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawling, "MAX_ROWS", 150)
    world = PastWorld(tmp_path, incidents=700)
    assert (await world.sync()).listed == 700
    assert len(world.records()) == 700


async def test_more_than_half_a_year_is_asked_for_in_pieces(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=50, days=1_200)
    assert (await world.sync(days=1_300)).listed == 50


async def test_the_past_before_can_be_added_later(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=100, days=300)
    first = await world.sync(days=100)
    assert 0 < first.listed < 100
    second = await world.sync(days=400)
    assert first.listed + second.listed == 100
    assert second.read == second.listed


async def test_rows_that_move_between_two_pages_are_not_missed(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=450, rest_rows_change_between_pages=True)
    assert (await world.sync()).listed == 450


async def test_a_range_that_means_the_last_change_finds_them_too(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=90, rest_range_compares="last_status_change_at")
    assert (await world.sync()).listed == 90


async def test_only_some_services_and_statuses(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=80)
    ids = {service["name"]: service["id"] for service in world.sandbox.services()}
    done = await world.sync(Scope(services=(ids["payments"],)))
    assert 0 < done.listed < 80
    assert {record.service for record in world.records()} == {"payments"}
    nothing = await world.sync(Scope(statuses=("triggered",)))
    assert nothing.listed == 0


async def test_too_many_calls_are_waited_out(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=60, rest_rate_limit_per_minute=30)
    done = await world.sync()
    assert (done.read, done.cut_short) == (60, "")
    assert world.clock.now() - START > 3 * 60_000


async def test_an_account_that_does_not_answer_ends_the_crawl_with_what_was_read(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=30)

    class Failing:
        def __init__(self, remote: Any) -> None:
            self.remote = remote
            self.calls = 0
            self.left = 10

        def __getattr__(self, name: str) -> Any:
            return getattr(self.remote, name)

        async def story(self, incident: Any) -> Story:
            self.left -= 1
            if self.left < 0:
                raise RemoteUnavailable("it is down")
            return await self.remote.story(incident)  # type: ignore[no-any-return]

    done = await world.sync(remote=Failing)
    assert (done.read, done.cut_short) == (10, "it is down")
    assert (await world.sync()).read == 20


async def test_what_is_gone_at_pagerduty_is_gone_here(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=10)

    class Without:
        """Number 3 was deleted between the list and its story."""

        def __init__(self, remote: Any) -> None:
            self.remote = remote
            self.calls = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self.remote, name)

        async def story(self, incident: Any) -> Story:
            return Story() if incident.number == 3 else await self.remote.story(incident)

        async def incident(self, _pagerduty_id: str) -> PastIncident | None:
            return None

    done = await world.sync(remote=Without)
    assert (done.read, done.gone) == (9, 1)
    assert 3 not in [record.number for record in world.records()]


class Crowded:
    """More incidents within one second than a list gives."""

    calls = 0

    async def incidents(self, **_: Any) -> PastList:
        return PastList(received=100, more=True, total=20_000)


async def test_more_than_fit_in_one_second_are_told(tmp_path: Path) -> None:
    world = PastWorld(tmp_path)
    with pytest.raises(RemoteRefused, match="within the second"):
        await world.sync(remote=lambda _reader: Crowded(), days=1)


async def test_a_crawl_that_is_cancelled_lets_go_of_the_file(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=200)
    task = asyncio.ensure_future(world.sync())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    SqliteArchive(world.path).close()
    await world.sync()
    assert len(world.records()) == 200


def write(world: PastWorld, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {
        "authorization": f"Token token={DEFAULT_TOKEN}", "from": "ada@example.test", "content-type": "application/json",
        "accept": "application/vnd.pagerduty+json;version=2",
    }  # fmt: skip
    answer = world.sandbox.receive(method, path, headers, b"" if body is None else json.dumps(body).encode(), world.clock.now())
    assert answer.status < 300, answer.body
    return json.loads(answer.body) if answer.body else {}


@pytest.mark.parametrize("asked", [False, True])
async def test_notes_that_were_edited_or_deleted_are_followed_a_day_later_or_when_asked_for(
    tmp_path: Path, *, asked: bool
) -> None:
    world = PastWorld(tmp_path, incidents=20)
    await world.sync()
    incident = next(one for one in world.sandbox.incidents() if one.number == 7)
    notes = [
        write(world, "POST", f"/incidents/{incident.id}/notes", {"note": {"content": f"it was the {what}"}})["note"]
        for what in ("disk", "password hunter2")
    ]
    world.clock.at += 200_000
    assert (await world.sync(days=401)).read == 1
    path = f"/incidents/{incident.id}/notes"
    write(world, "PUT", f"{path}/{notes[0]['id']}", {"note": {"content": "it was the cache"}})
    write(world, "DELETE", f"{path}/{notes[1]['id']}")
    world.clock.at += 200_000
    done = await world.sync(days=401, again=asked)
    if not asked:
        assert done.read == 0, "nothing says that something happened"
        world.clock.at += DAY_MS
        assert (await world.sync(days=401)).read == 1
        assert (await world.sync(days=401)).read == 0
    past = world.past()
    story, record = past.story(7), past.record(7)
    assert story is not None
    assert record is not None
    assert [note.text for note in story.notes][-1] == "it was the cache"
    assert record.resolution == "it was the cache"
    assert [hit.number for hit in past.search("cache", from_number=0, limit=9)] == [7]
    assert past.search("hunter2", from_number=0, limit=9) == []
    past.close()
