"""The load: a closed loop (as fast as it is accepted) and an open one (at a given rate). A process of its own.

``python -m tests.benchmarks.generator ORDER`` where ORDER is the JSON of ``Order``; prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, Literal

import httptools
import msgspec
import uvloop

from tests.benchmarks import workload
from tests.benchmarks.pages import Pages, percentile
from tests.benchmarks.processes import ask, cpu_seconds, memory_mb, stolen_seconds

_LOST = -1
_LATER = 429
_LATER_SECONDS = 1.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to send where. ``ingest``: all alerts, then all again with a later end. ``rate``, ``storm``: once, until paged."""

    mode: Literal["ingest", "rate", "storm"]
    run: str
    port: int
    sink_port: int
    pid: int
    count: int
    batch: int = 64
    connections: int = 8
    rounds: int = 2
    routes: int = 10
    kind: workload.Kind = "prefix"
    rate: float = 200
    drain_seconds: float = 0.3  # ingest: the work a server puts off is part of the work
    quiet_seconds: float = 15  # rate, storm: give up when no page came for this long


class _Client(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self, done: Callable[[_Client, int], None]) -> None:
        self._done = done
        self._parser = httptools.HttpResponseParser(self)
        self.closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.closing:
            self._done(self, _LOST)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self._parser = httptools.HttpResponseParser(self)
        self._done(self, status)


def pack(order: Order, alerts: Sequence[dict[str, Any]]) -> list[bytes]:
    """Whole requests, made beforehand so that the loop only writes."""
    requests = []
    for start in range(0, len(alerts), order.batch):
        body = msgspec.json.encode(alerts[start : start + order.batch])
        head = (
            f"POST /api/v2/alerts HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\nUser-Agent: Prometheus/2.42.0\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


class Sender:
    """Sends requests over a few connections; knows when each was due, sent and answered."""

    def __init__(self, order: Order, requests: list[bytes]) -> None:
        self._order = order
        self._requests = requests
        self._current: dict[_Client, int] = {}
        self._idle: deque[_Client] = deque()  # the longest idle first, so that a server closes none for idleness
        self._waiting: deque[int] = deque()
        self._clients: list[_Client] = []
        self._left = len(requests)
        self._finished = asyncio.get_running_loop().create_future()
        self.statuses: Counter[int] = Counter()
        self.sent = [0] * len(requests)
        self.took_ns = [0] * len(requests)

    async def connect(self) -> None:
        """Open the connections."""
        loop = asyncio.get_running_loop()
        for _ in range(self._order.connections):
            _, client = await loop.create_connection(lambda: _Client(self._done), "127.0.0.1", self._order.port)
            self._clients.append(client)
        self._idle = deque(self._clients)

    def close(self) -> None:
        """Let go of them."""
        for client in self._clients:
            client.closing = True
            client.transport.close()

    def offer(self, index: int) -> None:
        """Send this request as soon as a connection is free."""
        if self._idle:
            self._send(self._idle.popleft(), index)
        else:
            self._waiting.append(index)

    async def all_at_once(self) -> float:
        """The closed loop: seconds until the last answer."""
        started = time.monotonic_ns()
        for index in range(len(self._requests)):
            self.offer(index)
        await self._finished
        return (time.monotonic_ns() - started) / 1e9

    async def at_rate(self, alerts_per_second: float) -> None:
        """The open loop: each request is due at its time, whether or not the ones before are answered."""
        gap_ns = self._order.batch / alerts_per_second * 1e9
        begin = time.monotonic_ns() + 100_000_000
        for index in range(len(self._requests)):
            due = begin + int(index * gap_ns)
            if (wait := (due - time.monotonic_ns()) / 1e9) > 0:
                await asyncio.sleep(wait)
            self.offer(index)
            self.sent[index] = due
        await self._finished

    def _send(self, client: _Client, index: int) -> None:
        self._current[client] = index
        self.sent[index] = self.sent[index] or time.monotonic_ns()
        client.transport.write(self._requests[index])

    def _done(self, client: _Client, status: int) -> None:
        index = self._current.pop(client, None)
        if index is None:  # closed between two requests: nothing is lost by it
            self._idle.remove(client)
            return
        self.took_ns[index] = time.monotonic_ns() - self.sent[index]
        self.statuses[status] += 1
        if status == _LATER:  # a full queue: sent again, as every real sender does, and the time it costs counts
            self._idle.append(client)
            asyncio.get_running_loop().call_later(_LATER_SECONDS, self.offer, index)
            return
        self._left -= 1
        if status == _LOST and not self._finished.done():
            self._finished.set_exception(ConnectionError("the server closed a connection in mid-request"))
        elif self._left == 0:
            self._finished.set_result(None)
        elif self._waiting:
            self._send(client, self._waiting.popleft())
        else:
            self._idle.append(client)


def check_answers(sender: Sender) -> None:
    """Only what was taken in the end is work done: any other answer spoils the run."""
    if not set(sender.statuses) <= {200, _LATER}:
        raise RuntimeError(f"not every request was answered 200: {dict(sender.statuses)}")


async def ingest(order: Order) -> dict[str, Any]:
    """New alerts, then the same again: how fast, at what cost."""
    now = time.time()
    alerts = workload.make_alerts(order.run, order.count, routes=order.routes, now=now, kind=order.kind)
    result: dict[str, Any] = {}
    stolen = stolen_seconds()
    for number in range(order.rounds):
        if number:
            for alert in alerts:
                alert["endsAt"] = workload.timestamp(now + 3600 + 60 * number)
        sender = Sender(order, pack(order, alerts))
        await sender.connect()
        before = cpu_seconds(order.pid)
        seconds = await sender.all_at_once()
        sender.close()
        await asyncio.sleep(order.drain_seconds)
        used = cpu_seconds(order.pid) - before
        check_answers(sender)
        what = "resend" if number else "new"
        result |= {
            f"{what}_per_second": order.count / seconds,
            f"{what}_cpu_per_100k": used / order.count * 100_000,
            f"{what}_p99_ms": percentile(sender.took_ns, 99) / 1e6,
            f"{what}_sent_later": sender.statuses[_LATER],
        }
    return result | {"memory_mb": memory_mb(order.pid), "stolen_seconds": stolen_seconds() - stolen}


async def paged(order: Order) -> dict[str, Any]:
    """Alerts at a rate or all at once, until every one is paged (or nothing comes any more): alert to page."""
    ask(order.sink_port, "POST", "/_reset")
    alerts = workload.make_alerts(order.run, order.count, routes=order.routes, now=time.time(), kind=order.kind)
    sender = Sender(order, pack(order, alerts))
    await sender.connect()
    before, stolen = cpu_seconds(order.pid), stolen_seconds()
    begin = time.monotonic_ns()
    if order.mode == "rate":
        await sender.at_rate(order.rate)
    else:
        await sender.all_at_once()
    accepted_seconds = (time.monotonic_ns() - begin) / 1e9
    sender.close()
    check_answers(sender)
    peak = await _until_paged(order)
    pages = Pages.of(order.sink_port)
    sent = {workload.token(order.run, number): sender.sent[number // order.batch] for number in range(order.count)}
    latencies = [(pages.first[token] - at) / 1e6 for token, at in sent.items() if token in pages.first]
    return {
        "arrived": len(latencies),
        "repeated": pages.repeated,
        "second_incidents": pages.second_incidents,
        "accept_seconds": accepted_seconds,
        "page_p50_ms": percentile(latencies, 50),
        "page_p99_ms": percentile(latencies, 99),
        "last_page_seconds": (max(pages.first.values(), default=begin) - min(sender.sent)) / 1e9,
        "cpu_per_100k": (cpu_seconds(order.pid) - before) / order.count * 100_000,
        "sent_later": sender.statuses[_LATER],
        "memory_mb": peak,
        "stolen_seconds": stolen_seconds() - stolen,
    }


async def _until_paged(order: Order) -> float:
    """Wait; answers the most memory the server used meanwhile."""
    quiet, last, peak = 0.0, -1, 0.0
    while quiet < order.quiet_seconds:
        peak = max(peak, memory_mb(order.pid))
        arrived = json.loads(ask(order.sink_port, "GET", "/_stats")[1])["tokens"]
        if arrived >= order.count:
            break
        quiet = quiet + 0.25 if arrived == last else 0.0
        last = arrived
        await asyncio.sleep(0.25)
    return peak


if __name__ == "__main__":
    given = msgspec.json.decode(sys.argv[1], type=Order)
    print(json.dumps(uvloop.run(ingest(given) if given.mode == "ingest" else paged(given))))
