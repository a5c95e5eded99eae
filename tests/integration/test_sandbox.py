"""The sandbox on a real socket: every way a connection can die, and the wire's own bounds."""

import asyncio
import datetime as dt
import ipaddress
import json
import socket
import ssl

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from router.sandbox.faults import Fault
from router.sandbox.server import SandboxServer
from router.sandbox.settings import from_keys
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
    port = int(server.url.rpartition(":")[2])
    outside = socket.gethostbyname(socket.gethostname())
    if outside.startswith("127."):
        pytest.skip("this machine has no other address")
    with pytest.raises(OSError):
        await asyncio.open_connection(outside, port)


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
