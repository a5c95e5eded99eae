"""The REST client against the strict stand-in on a socket: headers, paging, limits, errors in every shape."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from router.clock import SystemClock
from router.errors import InvariantError, RemoteRefused, RemoteUnavailable
from router.pagerduty import rest
from router.pagerduty.rest import RestClient
from router.sandbox.faults import Fault
from router.sandbox.server import SandboxServer
from router.sandbox.settings import DEFAULT_TOKEN, READ_ONLY_TOKEN, from_keys
from router.sandbox.switches import Switches
from router.wire.transport import Limits, Transport

KEY = "a1" * 16


@pytest.fixture
async def pagerduty() -> AsyncIterator[SandboxServer]:
    switches = Switches(processing_delay_ms=0, rate_limit_per_minute=0)
    async with SandboxServer(from_keys({"payments": KEY}, port=0, switches=switches)) as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "SPACING_SECONDS", 0.0)
    monkeypatch.setattr(rest, "MAX_WAIT_SECONDS", 0.2)


class Clients:
    """Makes clients, and closes them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.made: list[RestClient] = []

    def __call__(self, token: str = DEFAULT_TOKEN, sender: str = "ada@example.test") -> RestClient:
        transport = Transport(limits=Limits(max_body=4_000_000, total_seconds=5))
        client = RestClient(url=self.url, transport=transport, token=lambda: token, sender=sender, clock=SystemClock())
        self.made.append(client)
        return client


@pytest.fixture
async def client(pagerduty: SandboxServer) -> AsyncIterator[Clients]:
    clients = Clients(pagerduty.url)
    yield clients
    for made in clients.made:
        await made.aclose()


def trigger(pagerduty: SandboxServer, key: str) -> str:
    payload = {"summary": "s", "source": "s", "severity": "error"}
    body = json.dumps({"routing_key": KEY, "event_action": "trigger", "dedup_key": key, "payload": payload}).encode()
    headers = {"content-type": "application/json"}
    sandbox = pagerduty.sandbox
    assert sandbox.receive("POST", "/v2/enqueue", headers, body, pagerduty.now()).status == 202
    sandbox.advance(pagerduty.now() + 1)
    return next(incident.id for incident in sandbox.incidents() if key in incident.dedup_keys)


async def test_an_incident_is_found_by_its_dedup_key_and_followed(client: Clients, pagerduty: SandboxServer) -> None:
    mine, other = trigger(pagerduty, "a/b/c"), trigger(pagerduty, "a/b/d")
    rest_client = client(READ_ONLY_TOKEN)
    (found,) = await rest_client.incidents_with_key("a/b/c")
    assert (found.pagerduty_id, found.status, found.kind) == (mine, "triggered", "seen")
    assert [alert.key for alert in await rest_client.alerts(mine)] == ["a/b/c"]
    pagerduty.sandbox.acknowledge(mine, pagerduty.now(), user="grace@example.test")
    again = await rest_client.incident(mine)
    assert again is not None
    assert (again.status, again.who, again.by_person) == ("acknowledged", "Grace Example", True)
    assert {one.pagerduty_id for one in await rest_client.open_incidents([found.service])} == {mine, other}
    kinds = [entry.kind for entry in await rest_client.log_entries(mine)]
    assert kinds[0] == "seen"
    assert kinds[-1] == "acknowledged"
    assert list((await rest_client.integrations(found.service)).values()) == [KEY]
    assert await rest_client.incident("QNOBODY") is None
    assert await rest_client.alerts("QNOBODY") == []


async def test_what_would_find_everything_is_not_asked(client: Clients) -> None:
    with pytest.raises(InvariantError):
        await client().incidents_with_key("  ")
    with pytest.raises(InvariantError):
        await client().incident("")


@pytest.mark.parametrize("moves", [False, True])
async def test_every_page_is_read_also_while_rows_move(client: Clients, pagerduty: SandboxServer, *, moves: bool) -> None:
    wanted = {trigger(pagerduty, f"a/b/{number}") for number in range(230)}
    pagerduty.sandbox.set_switches({"rest_rows_change_between_pages": moves})
    found = [one.pagerduty_id for one in await client().open_incidents([])]
    assert len(found) == len(set(found))
    assert set(found) == wanted


async def test_acting(client: Clients, pagerduty: SandboxServer) -> None:
    mine = trigger(pagerduty, "a/b/c")
    acting = client()
    for _ in range(2):  # a second time is the same
        found = await acting.acknowledge(mine)
        assert found is not None
        assert found.status == "acknowledged"
    await acting.annotate(mine, "looking")
    await acting.snooze(mine, 60)
    await acting.reassign(mine, "grace@example.test")
    with pytest.raises(RemoteRefused, match="nobody"):
        await acting.reassign(mine, "nobody@example.test")
    await acting.escalate(mine, level=2)
    for _ in range(2):
        found = await acting.resolve(mine, "restarted it")
        assert found is not None
        assert found.status == "resolved"
    notes = [entry.text for entry in await acting.log_entries(mine) if entry.kind == "annotated"]
    assert "looking" in " ".join(notes)


async def test_asking_for_help_and_telling_how_it_stands(client: Clients, pagerduty: SandboxServer) -> None:
    mine = trigger(pagerduty, "a/b/c")
    acting = client()
    users, policies = ["grace@example.test"], ["payments escalation"]
    await acting.request_responders(mine, users=users, policies=policies, message="help https://wiki/db")
    await acting.publish_status(mine, "cards work again")
    found = await acting.prioritise(mine, "p1")
    assert found is not None
    assert (found.priority, found.responders) == ("P1", (("Grace Example", "pending"), ("Ada Example", "pending")))
    found = await acting.escalate(mine, policy="Payments escalation")
    assert found is not None
    calls = acting.calls
    await acting.request_responders(mine, users=["grace@example.test"], policies=[], message="again")
    assert acting.calls == calls + 1, "who is who was asked before"
    for wrong in (acting.prioritise(mine, "P9"), acting.escalate(mine, policy="nothing")):
        with pytest.raises(RemoteRefused, match=r"has no (P9|nothing) among its"):
            await wrong
    with pytest.raises(RemoteRefused, match=r"incidents\.write"):
        await client(READ_ONLY_TOKEN).publish_status(mine, "x")
    with pytest.raises(RemoteRefused, match=r"pagerduty\.from"):
        await client(sender="").request_responders(mine, users=["PX12345"], policies=[], message="x")


async def test_a_plan_without_the_ability_is_told(client: Clients, pagerduty: SandboxServer) -> None:
    mine = trigger(pagerduty, "a/b/c")
    pagerduty.sandbox._world.abilities = ()
    with pytest.raises(RemoteRefused, match="plan lacks this ability"):
        await client().request_responders(mine, users=["grace@example.test"], policies=[], message="x")


async def test_a_trimmed_note_is_read_whole(client: Clients, pagerduty: SandboxServer) -> None:
    mine = trigger(pagerduty, "a/b/c")
    pagerduty.sandbox.annotate(mine, pagerduty.now(), content="x" * 300, user="ada@example.test")
    answer = await client()._read(f"/incidents/{mine}/notes", "notes")
    note_id = answer["notes"][0]["id"]
    assert await client().note(mine, note_id) == "x" * 300
    assert await client().note(mine, "PGONE") == ""


@pytest.mark.parametrize("shape", ["object", "string_errors", "array", "html"])
async def test_refusals_name_what_is_lacking(client: Clients, pagerduty: SandboxServer, shape: str) -> None:
    mine = trigger(pagerduty, "a/b/c")
    pagerduty.sandbox.set_switches({"rest_error_shape": shape})
    with pytest.raises(RemoteRefused, match=r"incidents\.write") as refused:
        await client(READ_ONLY_TOKEN).acknowledge(mine)
    assert (refused.value.status, refused.value.right) == (403, "incidents.write")
    with pytest.raises(RemoteRefused, match="does not know the token") as refused:
        await client("sandboxwrongtoken001").incident(mine)
    assert "wrongtoken" not in str(refused.value)
    with pytest.raises(RemoteRefused, match=r"pagerduty\.from"):
        await client(sender="").acknowledge(mine)
    with pytest.raises(RemoteRefused):
        await client(sender="nobody@example.test").acknowledge(mine)


async def test_an_oauth_token_goes_as_bearer(client: Clients, pagerduty: SandboxServer) -> None:
    mine = trigger(pagerduty, "a/b/c")
    assert await client(f"Bearer {DEFAULT_TOKEN}").incident(mine) is not None
    assert pagerduty.sandbox.requests(face="rest")[-1].headers["authorization"] == f"Bearer {DEFAULT_TOKEN}"


@pytest.mark.parametrize("kind", ["503", "reset_before", "429"])
async def test_trouble_is_tried_again_a_bounded_number_of_times(client: Clients, pagerduty: SandboxServer, kind: str) -> None:
    mine = trigger(pagerduty, "a/b/c")
    pagerduty.sandbox.add_fault(Fault(kind=kind, face="rest", count=1), pagerduty.now())
    assert await client().incident(mine) is not None
    pagerduty.sandbox.add_fault(Fault(kind="503", face="rest"), pagerduty.now())
    before = len(pagerduty.sandbox.requests(face="rest"))
    with pytest.raises(RemoteUnavailable):
        await client().incident(mine)
    assert len(pagerduty.sandbox.requests(face="rest")) - before == rest.ATTEMPTS
    before = len(pagerduty.sandbox.requests(face="rest"))
    with pytest.raises(RemoteUnavailable):
        await client().annotate(mine, "not twice")
    assert len(pagerduty.sandbox.requests(face="rest")) - before == 1


async def test_the_last_of_the_limit_is_left_to_others(client: Clients, pagerduty: SandboxServer) -> None:
    mine = trigger(pagerduty, "a/b/c")
    pagerduty.sandbox.set_switches({"rest_rate_limit_per_minute": 20})
    asking = client()
    for _ in range(19):
        await asking.incident(mine)
        if asking._next_at > SystemClock().monotonic():
            break
    assert asking._next_at > SystemClock().monotonic() + 1, "waits for the reset"
    assert asking.calls == 19
