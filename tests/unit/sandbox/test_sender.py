"""How sending a webhook can go; see the integration tests for whole exchanges."""

import asyncio
import contextlib

import pytest

from router.sandbox.sender import send
from router.sandbox.webhooks import Delivery


def delivery(url):
    return Delivery(
        id=1,
        subscription_id="P",
        resource_id="Q",
        webhook_id="w",
        url=url,
        headers=(("x-webhook-id", "w"),),
        body=b"{}",
        born_at=0,
        next_at=0,
    )


async def outcome(answer, timeout_ms=2_000, *, hangs=False):
    finished = asyncio.Event()

    async def take(reader, writer):
        with contextlib.suppress(ConnectionError):
            await reader.readuntil(b"{}")
            writer.write(answer)
            if hangs:
                await reader.read()
        writer.close()
        finished.set()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        return await send(delivery(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), timeout_ms, None)
    finally:
        await asyncio.wait_for(finished.wait(), 5)
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\nhalf", 202),
        (b"HTTP/1.1 500 No\r\n\r\n", 500),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 Fine\r\n\r\n", 204),
        (b"", "unreachable"),
        (b"HTTP/1.1 20", "unreachable"),
        (b"this is not HTTP\r\n\r\n", "unreachable"),
    ],
)
async def test_only_the_status_matters(answer, expected):
    assert await outcome(answer) == expected


async def test_too_slow():
    assert await outcome(b"HTTP/1.1 2", timeout_ms=30, hangs=True) == "timeout"


@pytest.mark.parametrize("url", ["http://receiver.example/", "http://10.0.0.1/", "http://127.example.com/", "http:///x"])
async def test_only_this_machine(url):
    assert await send(delivery(url), 2_000, None) == "unreachable"
