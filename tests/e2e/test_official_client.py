"""PagerDuty's own Python client, unmodified, against our Events door and against the stand-in's REST face.

It takes https only, so both show a certificate of a throw-away authority, which the client is told to trust.
"""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pagerduty as official
import pytest

from router.sandbox.server import SandboxServer
from router.sandbox.settings import DEFAULT_TOKEN, READ_ONLY_TOKEN, from_keys
from router.sandbox.switches import Switches
from tests.support.certificates import Authority
from tests.support.daemon import KEYS, Daemon, eventually, off_loop

INBOUND = "f0" * 16
RULES = """
rules:
  - id: everything
    match: {service: "payment-*"}
    group_by: [service, name]
"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Clients:
    """Makes official clients that trust the authority, and closes them."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._trust = trust
        self._made: list[Any] = []

    def events(self, key: str, url: str) -> official.EventsApiV2Client:
        return self._keep(official.EventsApiV2Client(key, base_url=url, verify=self._trust))

    def rest(self, token: str, url: str) -> official.RestApiV2Client:
        sender = "ada@example.test"
        return self._keep(official.RestApiV2Client(token, default_from=sender, base_url=url, verify=self._trust))

    def _keep(self, client: Any) -> Any:
        self._made.append(client)
        return client

    def close(self) -> None:
        for client in self._made:
            client.close()


@pytest.fixture
def clients(authority: Authority) -> Iterator[Clients]:
    made = Clients(ssl.create_default_context(cafile=str(authority.path)))
    yield made
    made.close()


@pytest.fixture
def daemon(make_daemon, authority: Authority, tmp_path: Path) -> Daemon:
    certificate, key = authority.issue("router")
    sources = {"legacy": {"kind": "pagerduty", "keys": [f"file:{tmp_path}/inbound.key"]}}
    inbound = tmp_path / "inbound.key"
    inbound.write_text(INBOUND)
    inbound.chmod(0o600)
    tls = {"cert": str(certificate), "key": str(key)}
    started = make_daemon(RULES, start=False, sources=sources, tls=tls)
    trusted = ssl.create_default_context(cafile=str(authority.path))
    started.connect = lambda: http.client.HTTPSConnection("localhost", started.port, timeout=10, context=trusted)
    return started


async def test_events_go_through_our_door_to_the_team(daemon: Daemon, pagerduty: SandboxServer, clients: Clients) -> None:
    await off_loop(daemon.start)
    client = clients.events(INBOUND, f"https://localhost:{daemon.port}")
    key = await off_loop(
        client.trigger, "Card error", "db-1", "card/1", severity="error", payload={"component": "payment-api", "class": "CardError"},
        custom_details={"shop": "Zürich"}, links=[{"href": "https://wiki/x", "text": "Runbook"}],
    )  # fmt: skip
    assert key == "card/1"
    (incident,) = await eventually(pagerduty.sandbox.incidents)
    assert (incident.service, incident.severity) == ("payments", "error")
    assert "Card error" in incident.title
    assert await off_loop(
        client.trigger, "Card error", "db-1", "card/1", payload={"component": "payment-api", "class": "CardError"}
    )
    assert await off_loop(client.acknowledge, "card/1") == "card/1"
    assert await off_loop(client.resolve, "card/1") == "card/1"
    await eventually(lambda: pagerduty.sandbox.incidents()[0].status == "resolved")
    assert len(pagerduty.sandbox.incidents()) == 1
    made_up = await off_loop(client.trigger, "No key", "db-1", payload={"component": "payment-api", "class": "Other"})
    assert len(made_up) >= 32
    await off_loop(client.send_change_event, {"summary": "deployed 17", "source": "ci"})
    await eventually(lambda: len(pagerduty.sandbox.change_events()) == 1)
    wrong = clients.events("0" * 32, f"https://localhost:{daemon.port}")
    with pytest.raises(official.HttpError):
        await off_loop(wrong.trigger, "x", "y")


@pytest.fixture
async def account(authority: Authority) -> AsyncIterator[SandboxServer]:
    certificate, key = authority.issue("sandbox")
    switches = Switches(processing_delay_ms=20, rate_limit_per_minute=0)
    settings = msgspec.structs.replace(
        from_keys(KEYS, port=0, switches=switches), tls_certificate=str(certificate), tls_key=str(key)
    )
    async with SandboxServer(settings) as server:
        yield server


def here(server: SandboxServer) -> str:
    return server.url.replace("127.0.0.1", "localhost")


class TestRest:
    """What scripts do with the REST client."""

    @pytest.fixture
    async def client(self, account: SandboxServer, clients: Clients) -> official.RestApiV2Client:
        return clients.rest(DEFAULT_TOKEN, here(account))

    @staticmethod
    async def opened(account: SandboxServer, clients: Clients, *keys: str) -> list[str]:
        """Incidents by events, as the official client sends them; their ids."""
        events = clients.events(KEYS["payments"], here(account))
        for key in keys:
            assert await off_loop(events.trigger, f"problem {key}", "db-1", key) == key
        await eventually(lambda: len(account.sandbox.incidents()) == len(keys))
        return [incident.id for incident in account.sandbox.incidents()]

    async def test_an_incident_from_listing_to_its_log(self, account, clients, client) -> None:
        first, second = await self.opened(account, clients, "a", "b")
        listed = await off_loop(client.list_all, "incidents", params={"statuses[]": ["triggered"]})
        assert {row["id"] for row in listed} == {first, second}
        assert await off_loop(client.get_total, "incidents") == 2
        (found,) = await off_loop(client.rget, "/incidents", params={"incident_key": "a"})
        assert found["id"] == first
        changed = await off_loop(client.rput, found, json={"type": "incident_reference", "status": "acknowledged"})
        assert changed["status"] == "acknowledged"
        note = await off_loop(client.rpost, f"/incidents/{first}/notes", json={"content": "looking"})
        assert note["content"] == "looking"
        update = await off_loop(client.rpost, f"/incidents/{first}/status_updates", json={"message": "on it"})
        assert update["message"] == "on it"
        (alert,) = await off_loop(client.rget, f"/incidents/{first}/alerts")
        assert alert["alert_key"] == "a"
        notes = await off_loop(lambda: list(client.iter_incident_notes(first, params={"include[]": ["channels"]})))
        assert [row["channel"]["summary"] for row in notes] == ["looking"]
        merged = await off_loop(client.rput, f"/incidents/{first}/merge", json=[{"id": second, "type": "incident_reference"}])
        assert merged["id"] == first
        assert [incident.id for incident in account.sandbox.incidents("open")] == [first]

    async def test_people_policies_and_responders(self, account, clients, client) -> None:
        (incident,) = await self.opened(account, clients, "a")
        grace = await off_loop(client.find, "users", "grace@example.test", attribute="email")
        policy = await off_loop(client.find, "escalation_policies", "platform escalation")
        wanted: dict[str, Any] = {
            "requester_id": grace["id"],
            "message": "please help",
            "responder_request_targets": [
                {"responder_request_target": {"id": grace["id"], "type": "user_reference"}},
                {"responder_request_target": {"id": policy["id"], "type": "escalation_policy_reference"}},
            ],
        }
        asked = await off_loop(client.rpost, f"/incidents/{incident}/responder_requests", json=wanted)
        assert asked["message"] == "please help"
        snoozed = await off_loop(client.rpost, f"/incidents/{incident}/snooze", json={"duration": 60})
        assert snoozed["status"] == "acknowledged"
        oncalls = await off_loop(client.list_all, "oncalls", params={"escalation_policy_ids[]": [policy["id"]]})
        assert {row["user"]["summary"] for row in oncalls} == {"Ada Example", "Grace Example"}
        assert await off_loop(client.account_has_ability, "coordinated_responding")
        priorities = await off_loop(client.list_all, "priorities")
        assert [row["name"] for row in priorities] == ["P1", "P2", "P3", "P4", "P5"]

    async def test_history_and_services(self, account, clients, client) -> None:
        await self.opened(account, clients, "a", "b", "c")
        (service,) = [row for row in await off_loop(client.list_all, "services") if row["name"] == "payments"]
        made = await off_loop(
            client.rpost, f"/services/{service['id']}/integrations",
            json={"type": "events_api_v2_inbound_integration", "name": "another"},
        )  # fmt: skip
        assert len(made["integration_key"]) == 32
        hook = await off_loop(
            client.rpost, "/webhook_subscriptions",
            json={
                "type": "webhook_subscription",
                "delivery_method": {"type": "http_delivery_method", "url": "https://127.0.0.1:1/hook"},
                "events": ["incident.acknowledged"],
                "filter": {"type": "account_reference"},
            },
        )  # fmt: skip
        assert hook["delivery_method"]["secret"]
        assert [row["id"] for row in await off_loop(client.list_all, "webhook_subscriptions")] == [hook["id"]]

    async def test_rights(self, account, clients, client) -> None:
        (incident,) = await self.opened(account, clients, "a")
        reading = clients.rest(READ_ONLY_TOKEN, here(account))
        assert (await off_loop(reading.rget, f"/incidents/{incident}"))["id"] == incident
        with pytest.raises(official.HttpError) as refused:
            await off_loop(reading.rput, f"/incidents/{incident}", json={"type": "incident_reference", "status": "resolved"})
        assert refused.value.response.status_code == 403
        stranger = clients.rest("x" * 20, here(account))
        with pytest.raises(official.HttpError):
            await off_loop(stranger.rget, "/users")
        assert await asyncio.to_thread(lambda: client.total_call_count) >= 0
