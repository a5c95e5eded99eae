"""The sandbox on a real socket: every way a connection can die, and the wire's own bounds."""

import asyncio
import contextlib
import datetime as dt
import hashlib
import hmac
import ipaddress
import json
import ssl

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from router.sandbox.faults import Fault
from router.sandbox.server import SandboxServer
from router.sandbox.settings import DEFAULT_TOKEN, from_keys
from router.sandbox.switches import Switches

KEY = "a" * 32
EVENT = {
    "routing_key": KEY,
    "event_action": "trigger",
    "dedup_key": "k",
    "payload": {"summary": "Disk full", "source": "db", "severity": "critical"},
}


@pytest.fixture
async def server():
    switches = Switches(processing_delay_ms=5, rate_limit_per_minute=0)
    async with SandboxServer(from_keys({"payments": KEY}, port=0, switches=switches)) as running:
        yield running


@pytest.fixture
async def client(server):
    async with httpx.AsyncClient(base_url=server.url, timeout=5) as made:
        yield made


async def until(condition):
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to that")


async def exchange(server, data):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(data)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


def raw(event=EVENT, extra=b""):
    body = json.dumps(event).encode()
    head = b"POST /v2/enqueue HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" + extra
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


async def test_an_event_becomes_an_incident_without_further_requests(server, client):
    answer = await client.post("/v2/enqueue", json=EVENT)
    assert (answer.status_code, answer.json()["dedup_key"]) == (202, "k")
    await until(lambda: server.sandbox.incidents("open"))
    assert (await client.get("/_sandbox/pages.json")).json()["pages"][0]["reason"] == "triggered"
    assert (await client.get("/")).text.startswith("<!doctype html>")
    assert (await client.head("/")).content == b""


@pytest.mark.parametrize(("kind", "taken"), [("reset_before", 0), ("reset_after", 1)])
async def test_resets(server, client, kind, taken):
    server.sandbox.add_fault(Fault(kind=kind, count=1), server.now())
    with pytest.raises(httpx.ReadError):
        await client.post("/v2/enqueue", json=EVENT)
    assert sum(entry.fate == "accepted" for entry in server.sandbox.requests()) == taken


async def test_new_connections_are_reset(server, client):
    server.sandbox.add_fault(Fault(kind="reset_connect", count=1), server.now())
    with pytest.raises(httpx.TransportError):
        await client.post("/v2/enqueue", json=EVENT)
    assert (await client.post("/v2/enqueue", json=EVENT)).status_code == 202


@pytest.mark.parametrize(("kind", "taken"), [("hang", 0), ("hang_after", 1)])
async def test_hangs(server, client, kind, taken):
    server.sandbox.add_fault(Fault(kind=kind, count=1), server.now())
    with pytest.raises(httpx.ReadTimeout):
        await client.post("/v2/enqueue", json=EVENT, timeout=0.05)
    assert sum(entry.fate == "accepted" for entry in server.sandbox.requests()) == taken


async def test_cut_in_the_middle(server, client):
    server.sandbox.add_fault(Fault(kind="cut", count=1), server.now())
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/v2/enqueue", json=EVENT)


async def test_trickle_and_truncated(server, client):
    server.sandbox.add_fault(Fault(kind="drip", count=1, drip_ms=1), server.now())
    assert (await client.post("/v2/enqueue", json=EVENT)).json()["status"] == "success"
    server.sandbox.add_fault(Fault(kind="truncated", count=1), server.now())
    answer = await client.post("/v2/enqueue", json=EVENT)
    assert answer.status_code == 202
    with pytest.raises(ValueError):
        answer.json()


async def test_stopped_and_started_again_on_the_same_port(server, client):
    await client.post("/v2/enqueue", json=EVENT)
    await server.stop()
    with pytest.raises(httpx.TransportError):
        await client.post("/v2/enqueue", json=EVENT)
    await server.start()
    assert (await client.post("/v2/enqueue", json=EVENT)).status_code == 202
    await until(lambda: len(server.sandbox.incidents()) == 1 and server.sandbox.incidents()[0].triggers == 2)


async def test_skipping_time(server, client):
    await client.post("/v2/enqueue", json=EVENT)
    await client.post("/_sandbox/skip", json={"milliseconds": 31 * 60_000})
    assert [page.reason for page in server.sandbox.pages()] == ["triggered", "escalated"]
    assert (await client.post("/_sandbox/skip", json={"milliseconds": -1})).status_code == 400


async def test_pipelined_requests_are_answered_in_order_even_when_one_is_slow(server):
    server.sandbox.add_fault(Fault(kind="slow", count=1, delay_ms=20), server.now())
    second = {**EVENT, "dedup_key": "second"}
    found = await exchange(server, raw() + raw(second, b"connection: close\r\n"))
    assert found.count(b"HTTP/1.1 202") == 2
    assert found.index(b'"dedup_key":"k"') < found.index(b'"dedup_key":"second"')


async def test_a_body_far_over_the_limit_is_read_but_not_kept(server, client):
    answer = await client.post("/v2/enqueue", content=b"x" * 20_000_000, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert len(server.sandbox.requests()[0].body) <= 1_048_576


async def test_what_is_not_http_is_refused(server):
    assert (await exchange(server, b"hello\r\n\r\n")).startswith(b"HTTP/1.1 400")
    head = b"GET / HTTP/1.1\r\nhost: x\r\nbig: " + b"x" * 70_000 + b"\r\n\r\n"
    assert b" 431 " in (await exchange(server, head))[:20]
    upgrade = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    assert (await exchange(server, upgrade)).count(b"HTTP/1.1 ") == 1


async def test_a_client_that_waits_for_permission_gets_it(server):
    found = await exchange(server, raw(extra=b"expect: 100-continue\r\nconnection: close\r\n"))
    assert found.startswith(b"HTTP/1.1 100 Continue")
    assert b"HTTP/1.1 202" in found


async def test_it_listens_on_loopback_only(server):
    assert {listening.getsockname()[0] for listening in server._listener.sockets} == {"127.0.0.1"}


async def test_tls(tmp_path):
    certificate, key = make_certificate(tmp_path)
    plain = from_keys({"payments": KEY}, port=0)
    settings = type(plain)(services=plain.services, port=0, tls_certificate=certificate, tls_key=key)
    async with SandboxServer(settings) as server:
        assert server.url.startswith("https://")
        trust = ssl.create_default_context(cafile=certificate)
        async with httpx.AsyncClient(verify=trust) as client:
            assert (await client.post(f"{server.url}/v2/enqueue", json=EVENT)).status_code == 202
            server.sandbox.add_fault(Fault(kind="reset_after", count=1), server.now())
            with pytest.raises(httpx.TransportError):
                await client.post(f"{server.url}/v2/enqueue", json=EVENT)


def make_certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sandbox")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths[1].write_bytes(private)
    return str(paths[0]), str(paths[1])


class Receiver:
    """A webhook receiver that answers with the statuses it is given, one after the other."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.requests = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/hook?x=1"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await self.server.wait_closed()

    async def take(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # somebody spoke TLS
            writer.close()
            return
        lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        self.requests.append((lines[0], headers, await reader.readexactly(int(headers["content-length"]))))
        status = self.statuses.pop(0) if self.statuses else 202
        if status == "hang":
            with contextlib.suppress(ConnectionError):
                await reader.read()
        else:
            writer.write(f"HTTP/1.1 {status} Answer\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()


async def test_webhooks_over_the_wire(server, client):
    async with Receiver(202, 500) as receiver:
        made = await client.post("/_sandbox/webhooks", json={"url": receiver.url, "service": "payments"})
        secret = made.json()["secret"]
        await client.post("/v2/enqueue", json=EVENT)
        await until(lambda: len(receiver.requests) == 1)
        await client.post("/v2/enqueue", json={**EVENT, "event_action": "resolve"})
        await until(lambda: [one.outcomes for one in server.sandbox.webhooks() if one.outcomes][-1][-1][1] == 500)
        await client.post("/_sandbox/skip", json={"milliseconds": 60_000})
        await until(lambda: len(receiver.requests) == 3)
        await until(lambda: all(one.state == "delivered" for one in server.sandbox.webhooks()))
    for line, headers, body in receiver.requests:
        assert line == "POST /hook?x=1 HTTP/1.1"
        expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-pagerduty-signature"] == f"v1={expected}"
    assert receiver.requests[1] == receiver.requests[2]
    listed = (await client.get("/_sandbox/webhooks")).json()["webhooks"]
    assert [json.loads(one["body"])["event"]["event_type"] for one in listed] == ["incident.triggered", "incident.resolved"]


async def test_webhooks_that_nobody_takes(server, client):
    server.sandbox.set_switches({"webhook_timeout_ms": 50})
    async with Receiver("hang") as receiver:
        for url in (receiver.url, "http://127.0.0.1:9/", "http://receiver.example/", "https://127.0.0.1:9/"):
            server.sandbox.subscribe(url, ["incident.triggered"])
        async with Receiver() as plain:
            server.sandbox.subscribe(plain.url.replace("http:", "https:"), ["incident.triggered"])
            await client.post("/v2/enqueue", json=EVENT)
            await until(lambda: len([one for one in server.sandbox.webhooks() if one.outcomes]) == 5)
    found = [one.outcomes[0][1] for one in server.sandbox.webhooks()]
    assert found[:4] == ["timeout", "unreachable", "unreachable", "unreachable"]
    assert found[4] in {"tls", "timeout", "unreachable"}
    assert server.url.startswith("http://127.0.0.1:")


async def test_stopping_while_a_webhook_is_under_way(server, client):
    async with Receiver("hang") as receiver:
        server.sandbox.subscribe(receiver.url)
        await client.post("/v2/enqueue", json=EVENT)
        await until(lambda: receiver.requests)
        await server.stop()
    assert server.sandbox.webhooks()[0].state == "waiting"


async def test_rest_over_the_wire(server, client):
    await client.post("/v2/enqueue", json=EVENT)
    await until(lambda: server.sandbox.incidents("open"))
    headers = {"authorization": f"Token token={DEFAULT_TOKEN}", "accept": "application/vnd.pagerduty+json;version=2"}
    found = (await client.get("/incidents", params={"incident_key": "k"}, headers=headers)).json()["incidents"]
    assert [incident["title"] for incident in found] == ["Disk full"]
    assert (await client.get("/incidents")).status_code == 401
