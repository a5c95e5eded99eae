"""Every case on a real socket, on asyncio's own loop and on uvloop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from router.api.application import Api
from router.api.auth import Authenticator
from router.api.exchange import Answer, Request, answer_text
from router.api.limits import MAX_HEAD_BYTES, MAX_HEADERS, ServerLimits
from router.api.routes import Found, Route
from router.api.server import ApiServer
from router.api.sockets import bind_tcp
from router.clock import SystemClock
from router.telemetry.metrics import Metrics
from tests.support.doors import parse, port_of, request, talk

LIMITS = ServerLimits(
    body_bytes=100_000, bodies_bytes=150_000, connections=20, header_seconds=0.3, body_seconds=0.5, idle_seconds=0.8
)
LARGE = b"x" * 90_000
Scene = Callable[["Bench"], Awaitable[None]]


class Bench:
    """A server whose door echoes the body, after the word to go on if it is asked to wait."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.go_on = asyncio.Event()
        routes = [
            Route(method="POST", path="/echo", handler=self.echo, scope="ingest", name="echo", takes_body=True),
            Route(method="POST", path="/wait", handler=self.wait, scope="ingest", name="wait"),
            Route(method="GET", path="/large", handler=self.large, scope=None, name="large"),
        ]
        self.api = Api(routes=routes, authenticator=Authenticator(), metrics=Metrics())
        self.server = ApiServer(api=self.api, clock=SystemClock(), limits=LIMITS)
        self.port = 0

    async def echo(self, request: Request) -> Answer:
        self.seen.append(request.body)
        return answer_text(f"{len(request.body)} bytes")

    async def wait(self, request: Request) -> Answer:
        self.seen.append(request.body)
        await self.go_on.wait()
        return answer_text("done")

    async def large(self, _request: Request) -> Answer:
        return answer_text("x" * 5_000_000)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def play(request: pytest.FixtureRequest) -> Callable[[Scene], None]:
    async def stage(scene: Scene) -> None:
        bench = Bench()
        server = bench.server
        async with asyncio.TaskGroup() as tasks:
            await server.start(bind_tcp("127.0.0.1", 0), tasks)
            bench.port = port_of(server)
            try:
                async with asyncio.timeout(20):
                    await scene(bench)
            finally:
                bench.go_on.set()
                await server.stop(1.0)
            assert server.connections == set()
            assert server.bodies_held == 0

    def run(scene: Scene) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(stage(scene))

    return run


def once(data: bytes, check: Callable[[bytes], None]) -> Scene:
    async def scene(bench: Bench) -> None:
        check(await talk(bench.port, data))

    return scene


def expect(status: int, words: str = "") -> Callable[[bytes], None]:
    def check(answer: bytes) -> None:
        found, headers, body = parse(answer)
        assert (found, words in body.decode()) == (status, True), answer[:500]
        assert headers["connection"] == "close"
        assert "server" not in headers
        assert "date" in headers

    return check


CHUNK = b"ffff\r\n" + b"x" * 65_535 + b"\r\n"
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

ONE_REQUEST: dict[str, tuple[bytes, int, str]] = {
    "with a length": (request("POST", "/echo", b"x" * 10), 200, "10 bytes"),
    "chunked": (CHUNKED + b"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n", 200, "5 bytes"),
    "empty": (HEAD + b"\r\n", 200, "0 bytes"),
    "no HTTP": (b"hello there\r\n\r\n", 400, "no valid HTTP"),
    "a TLS greeting": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50, 400, "no valid HTTP"),
    "two framings": (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "no valid HTTP"),
    "two framings, other order": (CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n0\r\n\r\n", 400, "no valid HTTP"),
    "two lengths": (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400, "no valid HTTP"),
    "a length that is none": (HEAD + b"Content-Length: 1x\r\n\r\na", 400, "no valid HTTP"),
    "a negative length": (HEAD + b"Content-Length: -1\r\n\r\n", 400, "no valid HTTP"),
    "a huge length": (HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", 400, "no valid HTTP"),
    "an unknown transfer encoding": (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 400, "no valid HTTP"),
    "compressed on the way": (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 415, "gzip, chunked"),
    "two transfer encodings": (
        HEAD + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "",
    ),
    "a bad chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "no valid HTTP"),
    "a blank before the colon": (HEAD + b"X : y\r\n\r\n", 400, "no valid HTTP"),
    "a NUL in a header": (HEAD + b"X: \x00\r\n\r\n", 400, "no valid HTTP"),
    "a folded header": (HEAD + b"X: a\r\n b\r\n\r\n", 400, "no valid HTTP"),
    "no host": (b"POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400, "Host is missing"),
    "two hosts": (HEAD + b"Host: y\r\n\r\n", 400, "host is given twice"),
    "two authorizations": (HEAD + b"Authorization: a\r\nAuthorization: b\r\n\r\n", 400, "authorization is given twice"),
    "too long": (request("POST", "/echo", b"x" * 100_001), 413, "at most 100000 bytes"),
    "too long, chunked": (CHUNKED + CHUNK * 2 + b"0\r\n\r\n", 413, "at most"),
    "too long for nobody": (request("POST", "/nowhere", b"x" * 100_001), 404, "nothing is at"),
    "too many headers": (HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(MAX_HEADERS + 1)) + b"\r\n", 431, "at most"),
    "one large header": (HEAD + b"X: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n", 431, "at most"),
    "a header without end": (HEAD + b"X: " + b"y" * (MAX_HEAD_BYTES * 5), 431, "at most"),
    "a long URL": (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "at most"),
    "a form": (request("POST", "/echo", b"a=b", content_type="application/x-www-form-urlencoded"), 415, "application/json"),
    "gzip": (request("POST", "/echo", b"a=b", content_encoding="gzip"), 415, "gzip"),
    "another expectation": (HEAD + b"Expect: more\r\nContent-Length: 1\r\n\r\n", 417, "100-continue"),
    "a path with escapes": (request("POST", "/%65cho", b"x"), 200, "1 bytes"),
    "a path of odd bytes": (b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", 400, "no valid HTTP"),
    "another method": (request("DELETE", "/echo"), 405, "takes POST"),
    "connect": (b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 405, "no proxy"),
    "HTTP/2 without asking": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_REQUEST)
def test_one_request(name: str, play: Callable[[Scene], None]) -> None:
    data, status, words = ONE_REQUEST[name]
    play(once(data, expect(status, words)))


def test_a_head_is_answered_without_a_body(play: Callable[[Scene], None]) -> None:
    def check(answer: bytes) -> None:
        status, headers, body = parse(answer)
        assert (status, headers["content-length"], body) == (200, "5000000", b"")

    play(once(request("HEAD", "/large"), check))


def test_a_mistake_of_ours_costs_one_connection_and_neither_others_nor_the_process(play: Callable[[Scene], None]) -> None:
    """Requests run in the daemon's own tree of tasks, which an error that gets out of one of them would bring down."""

    async def scene(bench: Bench) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        writer.write(request("POST", "/wait"))
        while not bench.seen:
            await asyncio.sleep(0.01)
        answer = bench.api.answer

        async def broken(_found: Found, _request: Request) -> Answer:
            raise RuntimeError("a mistake")

        bench.api.answer = broken  # type: ignore[method-assign]
        with contextlib.suppress(ConnectionError):
            assert await talk(bench.port, request("POST", "/echo", b"x")) == b""
        bench.api.answer = answer  # type: ignore[method-assign]
        expect(200, "1 bytes")(await talk(bench.port, request("POST", "/echo", b"x")))
        bench.go_on.set()
        assert b"done" in await reader.read()
        writer.close()

    play(scene)


def test_requests_on_one_connection_are_answered_in_order(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        many = [request("POST", "/echo", b"x" * n, close=n == 50) for n in range(1, 51)]
        answer = await talk(bench.port, b"".join(many))
        assert [part.split(b"\r\n")[-1] for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [
            b"%d bytes" % n for n in range(1, 51)
        ]
        assert [len(body) for body in bench.seen] == list(range(1, 51))

    play(scene)


def test_a_bad_request_behind_a_good_one_does_not_cost_the_good_one_its_answer(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        answer = await talk(bench.port, request("POST", "/echo", b"x", close=False) + b"nonsense\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"1 bytes" in answer
        assert b"connection: close" in answer

    play(scene)


def test_a_request_byte_by_byte(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        for byte in request("POST", "/echo", b"hello"):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        expect(200, "5 bytes")(await reader.read())
        writer.close()

    play(scene)


def test_old_clients_are_kept_if_they_ask(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        old = b"POST /echo HTTP/1.0\r\nContent-Length: 1\r\n"
        answer = await talk(bench.port, old + b"Connection: keep-alive\r\n\r\nx" + old + b"\r\ny")
        assert answer.count(b"HTTP/1.1 200 OK") == 2
        assert answer.index(b"connection: keep-alive") < answer.index(b"connection: close")

    play(scene)


def test_who_waits_to_be_asked_for_the_body_is_asked(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        writer.write(HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        expect(200, "3 bytes")(await reader.read())
        writer.close()

    play(scene)


@pytest.mark.parametrize(("path", "length", "status"), [(b"/nowhere", 3, 404), (b"/echo", 200_000, 413)])
def test_who_would_be_refused_is_not_asked(path: bytes, length: int, status: int, play: Callable[[Scene], None]) -> None:
    head = HEAD.replace(b"/echo", path) + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length
    play(once(head, expect(status)))


def test_an_offer_to_upgrade_is_passed_over(play: Callable[[Scene], None]) -> None:
    """As Java's client makes it with its first request, also with a body."""

    async def scene(bench: Bench) -> None:
        offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2_settings": "AAMAAABkAARAAAAAAAIAAAAA"}
        with_body = request("POST", "/echo", b"hello", close=False, **offer)
        answer = await talk(bench.port, with_body * 2 + request("POST", "/echo", b"more"))
        assert answer.count(b"5 bytes") == 2
        assert answer.endswith(b"4 bytes")
        chunked = CHUNKED.replace(b"Connection: close", b"Connection: upgrade, close\r\nUpgrade: websocket")
        expect(200, "3 bytes")(await talk(bench.port, chunked + b"3\r\nabc\r\n0\r\n\r\n"))

    play(scene)


def test_a_slow_head(play: Callable[[Scene], None]) -> None:
    play(once(b"POST /echo HTTP/1.1\r\nHost: x\r\n", expect(408, "0.3 seconds")))


def test_nothing_at_all(play: Callable[[Scene], None]) -> None:
    def check(answer: bytes) -> None:
        assert answer == b""

    play(once(b"", check))


def test_a_slow_body(play: Callable[[Scene], None]) -> None:
    play(once(HEAD + b"Content-Length: 100\r\n\r\nabc", expect(408, "0.5 seconds")))


def test_a_dripping_body_is_not_excused(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        writer.write(HEAD + b"Content-Length: 100\r\n\r\n")
        answering = asyncio.ensure_future(reader.read())
        for _ in range(100):
            writer.write(b"x")
            await asyncio.sleep(0.05)
            if answering.done():
                break
        expect(408)(await answering)
        writer.close()

    play(scene)


def test_an_idle_connection_is_closed_after_its_time_and_not_before(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        loop = asyncio.get_running_loop()
        for _ in range(2):
            writer.write(request("POST", "/echo", b"x", close=False))
            await reader.readuntil(b"1 bytes")
            began = loop.time()
            await asyncio.sleep(0.5)  # longer than a head may take
        assert await reader.read() == b""
        assert 0.7 < loop.time() - began < 3
        writer.close()

    play(scene)


def test_who_does_not_read_the_answer_is_cut_off(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", bench.port, limit=1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(request("GET", "/large", close=False) * 20)
        await asyncio.sleep(0.2)
        assert len(bench.server.connections) == 1
        async with asyncio.timeout(5):
            while bench.server.connections:
                await asyncio.sleep(0.05)
        writer.transport.abort()

    play(scene)


def test_a_sender_that_shuts_its_side_still_gets_its_answer(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        writer.write(request("POST", "/wait", b"x", close=False))
        writer.write_eof()
        await asyncio.sleep(0.05)
        bench.go_on.set()
        expect(200, "done")(await reader.read())
        writer.close()

    play(scene)


def test_a_request_whose_sender_is_gone_is_finished_all_the_same(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        writer.write(request("POST", "/wait", b"x", close=False))
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await asyncio.sleep(0.05)
        assert bench.seen == [b"x"]
        bench.go_on.set()

    play(scene)


def test_one_connection_too_many_is_told_so_and_the_others_go_on(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        idle = [await asyncio.open_connection("127.0.0.1", bench.port) for _ in range(LIMITS.connections)]
        await asyncio.sleep(0.05)
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        status, headers, _ = parse(await reader.read())
        assert (status, headers["retry-after"]) == (503, "5")
        writer.close()
        reader, writer = idle[0]
        writer.write(request("POST", "/echo", b"x"))
        expect(200)(await reader.read())
        for _, one in idle:
            one.close()

    play(scene)


def test_a_refused_sender_that_goes_on_sending_can_read_why(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        writer.write(HEAD + b"Content-Length: 50000000\r\n\r\n")

        async def send() -> None:
            for _ in range(50):
                writer.write(b"x" * 100_000)
                await writer.drain()

        sending = asyncio.ensure_future(send())
        expect(413)(await reader.read())
        sending.cancel()
        writer.close()
        await asyncio.gather(sending, return_exceptions=True)

    play(scene)


def chunked(body: bytes) -> bytes:
    return CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


async def begin(bench: Bench, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    writer.write(data)
    await writer.drain()
    return reader, writer


async def holding(bench: Bench, size: int) -> None:
    async with asyncio.timeout(5):
        while bench.server.bodies_held != size:
            await asyncio.sleep(0.005)


def test_large_bodies_share_a_bound_and_small_ones_are_read_all_the_same(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await begin(bench, request("POST", "/wait", LARGE))
        await holding(bench, len(LARGE))
        for data in (request("POST", "/echo", LARGE), chunked(LARGE)):
            status, headers, text = parse(await talk(bench.port, data))
            assert (status, headers["retry-after"]) == (503, "5")
            assert b"limits.bodies" in text
        small = b"y" * 64_000  # more than is left of the bound, and none of its business
        for data in (request("POST", "/echo", small), chunked(small)):
            expect(200, "64000 bytes")(await talk(bench.port, data))
        bench.go_on.set()
        expect(200)(await reader.read())
        writer.close()
        await holding(bench, 0)
        for data in (request("POST", "/echo", LARGE), chunked(LARGE)):
            expect(200, "90000 bytes")(await talk(bench.port, data))

    play(scene)


@pytest.mark.parametrize("end", ["aborted", "late", "too long", "queued"])
def test_what_a_large_body_held_comes_back_however_it_ends(play: Callable[[Scene], None], end: str) -> None:
    async def scene(bench: Bench) -> None:
        before = b"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"  # is answered first, and takes its time
        reader, writer = await begin(
            bench, before + chunked(LARGE) if end == "queued" else chunked(LARGE).removesuffix(b"0\r\n\r\n")
        )
        await holding(bench, len(LARGE))
        if end == "aborted":
            writer.transport.abort()
        elif end == "queued":  # and the server stops, its grace is over
            for connection in list(bench.server.connections):
                connection.abort()
        elif end == "late":
            expect(408)(await reader.read())
        else:
            writer.write(CHUNK)
            expect(413)(await reader.read())
        await holding(bench, 0)
        writer.close()

    play(scene)


def test_a_body_that_nobody_reads_takes_no_room(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await begin(bench, request("POST", "/nowhere", LARGE)[:-1])
        await asyncio.sleep(0.05)
        assert bench.server.bodies_held == 0
        writer.write(b"x")
        expect(404)(await reader.read())
        writer.close()

    play(scene)
