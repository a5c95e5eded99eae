import asyncio
import contextlib
import ssl

import httpx
import pytest

from router.wire.connection import NetworkFailure
from router.wire.origin import parse_origin
from router.wire.transport import MAX_ORIGINS, HttpxPoster, Limits, Transport, open_poster, proxy_of, target_of
from tests.support.peer import OK, answer, keep_answering, make_authority, peer

HEADERS = {"User-Agent": "alert-router", "Accept": "application/json"}


def target(url, path="/v2/enqueue"):
    return target_of(parse_origin(url)[0], path, HEADERS)


@contextlib.asynccontextmanager
async def transport(**members):
    made = Transport(**members)
    try:
        yield made
    finally:
        await made.aclose()


@contextlib.asynccontextmanager
async def httpx_poster(**members):
    made = HttpxPoster(httpx.AsyncHTTPTransport(), **members)
    try:
        yield made
    finally:
        await made.aclose()


POSTERS = pytest.mark.parametrize("open_poster", [transport, httpx_poster])


@POSTERS
async def test_a_post_arrives_as_it_was_given(open_poster):
    async with peer(keep_answering) as running, open_poster() as poster:
        found = await poster.post(target(running.url), b'{"a":1}', deadline_seconds=2)
        assert (found.status, found.body, found.complete) == (202, b'{"status":"success"}', True)
        head, body = running.requests[0].split(b"\r\n\r\n")
        first, *fields = head.decode().split("\r\n")
        assert first == "POST /v2/enqueue HTTP/1.1"
        named = {name.lower(): value for name, value in (field.split(": ") for field in fields)}
        assert named["host"] == running.url.removeprefix("http://")
        assert named["content-type"] == "application/json"
        assert named["user-agent"] == "alert-router"
        assert named["content-length"] == "7"
        assert body == b'{"a":1}'


@POSTERS
async def test_a_redirect_is_an_answer_and_not_followed(open_poster):
    async def script(link):
        await link.request()
        await link.send(answer(307, b"", "Location: http://127.0.0.1:1/"))
        await link.gone()

    async with peer(script) as running, open_poster() as poster:
        assert (await poster.post(target(running.url), b"{}", deadline_seconds=2)).status == 307


@POSTERS
async def test_a_dripping_answer_ends_at_the_deadline(open_poster):
    async def script(link):
        await link.request()
        await link.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n")
        while True:
            await link.send(b"x")
            await asyncio.sleep(0.01)

    async with peer(script) as running, open_poster() as poster:
        found = await poster.post(target(running.url), b"{}", deadline_seconds=0.2)
        assert (found.status, found.complete) == (202, False)


@POSTERS
async def test_no_answer_is_a_failure(open_poster):
    async def script(link):
        await link.request()
        await link.gone()

    async with peer(script) as running, open_poster() as poster:
        with pytest.raises(NetworkFailure, match="deadline"):
            await poster.post(target(running.url), b"{}", deadline_seconds=0.1)
    async with open_poster() as poster:
        with pytest.raises(NetworkFailure):
            await poster.post(target("http://127.0.0.1:1"), b"{}", deadline_seconds=1)


async def test_an_answer_that_is_too_long_is_cut():
    async def script(link):
        await link.request()
        await link.send(answer(400, b"x" * 5_000))
        await link.gone()

    async with peer(script) as running:
        for poster in (Transport(limits=Limits(max_body=100)), HttpxPoster(httpx.AsyncHTTPTransport(), max_body=100)):
            found = await poster.post(target(running.url), b"{}", deadline_seconds=2)
            assert (found.status, found.body, found.complete) == (400, b"x" * 100, False)
            await poster.aclose()


async def test_over_tls_with_an_authority_of_ones_own(tmp_path):
    authority, server = make_authority(tmp_path)
    async with (
        peer(keep_answering, context=server) as running,
        transport(ssl_context=ssl.create_default_context(cafile=authority)) as trusting,
        transport() as strict,
    ):
        assert (await trusting.post(target(running.url), b"{}", deadline_seconds=2)).status == 202
        with pytest.raises(NetworkFailure, match="TLS"):
            await strict.post(target(running.url), b"{}", deadline_seconds=2)


@pytest.mark.parametrize(
    ("path", "headers"), [("/a b", {}), ("/a\r\nX: y", {}), ("/", {"X": "a\r\nY: b"}), ("/", {"X": "é"}), ("/é", {})]
)
def test_nothing_can_break_out_of_a_head(path, headers):
    with pytest.raises(ValueError, match="printable"):
        target_of(parse_origin("https://x")[0], path, headers)


def test_a_target_may_have_another_method_and_kind_of_body():
    head = target_of(parse_origin("https://x")[0], "/a", {"X-Y": "z"}, method="PATCH", content_type="text/plain").head
    assert head == b"PATCH /a HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nX-Y: z\r\nContent-Length: "


async def test_the_number_of_servers_is_bounded():
    async with transport() as made:
        for port in range(1, MAX_ORIGINS + 1):
            with pytest.raises(NetworkFailure):
                await made.post(target(f"http://127.0.0.1:{port}"), b"{}", deadline_seconds=2)
        with pytest.raises(ValueError, match="servers at most"):
            await made.post(target("http://127.0.0.1:99"), b"{}", deadline_seconds=2)
        assert made.open_connections() == 0


# behind httpx


def client(**members):
    return httpx.AsyncClient(transport=Transport(**members))


async def test_httpx_gets_what_it_expects():
    async def script(link):
        while await link.request():
            await link.send(answer(200, b'{"ok":true}', "Content-Type: application/json", "X-Page: 1"))

    async with peer(script) as running, client() as made:
        found = await made.get(running.url + "/incidents?a=b%20c", headers={"Authorization": "Token token=x"})
        assert (found.status_code, found.json(), found.headers["x-page"]) == (200, {"ok": True}, "1")
        assert (await made.put(running.url, json={"a": 1})).status_code == 200
        assert (await made.post(running.url)).status_code == 200
        assert running.connections == 1
        assert running.requests[0].startswith(b"GET /incidents?a=b%20c HTTP/1.1\r\n")
        assert b"Authorization: Token token=x\r\n" in running.requests[0]
        assert b"ontent-Length" not in running.requests[0]
        assert running.requests[1].endswith(b'{"a":1}')
        assert b"Content-Length: 0\r\n" in running.requests[2]


async def test_httpx_streams_bodies_and_reads_heads():
    async def parts():
        yield b"ab"
        yield b"cd"

    async def script(link):
        while (request := await link.request()) and not request.startswith(b"HEAD"):
            await link.send(OK)
        await link.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
        await link.gone()

    async with peer(script) as running, client() as made:
        assert (await made.post(running.url, content=parts())).status_code == 202
        assert running.requests[0].endswith(b"\r\n\r\nabcd")
        assert (await made.head(running.url)).headers["content-length"] == "99"


@pytest.mark.parametrize(("method", "sent"), [("GET", 3), ("POST", 2)])
async def test_httpx_repeats_only_what_is_idempotent(method, sent):
    async def script(link):
        await link.request()
        await link.send(OK)
        if link.number > 1:
            await link.gone()
        await link.request()

    async with peer(script) as running, client() as made:
        await made.request(method, running.url)
        if method == "GET":
            assert (await made.request(method, running.url)).status_code == 202
        else:
            with pytest.raises(httpx.ReadError):
                await made.request(method, running.url)
        assert len(running.requests) == sent


@pytest.mark.parametrize(
    ("part", "closes", "error"),
    [
        (b"HTTP/1.1 202 A\r\nContent-Length: 20\r\n\r\n{", True, httpx.RemoteProtocolError),
        (b"HTTP/1.1 202 A\r\nContent-Length: 20\r\n\r\n{", False, httpx.RemoteProtocolError),
        (b"nonsense\r\n", True, httpx.RemoteProtocolError),
        (b"", True, httpx.ReadError),
        (b"", False, httpx.ReadTimeout),
    ],
)
async def test_httpx_gets_its_own_errors(part, closes, error):
    async def script(link):
        await link.request()
        await link.send(part)
        if not closes:
            await link.gone()

    async with peer(script) as running, client(limits=Limits(total_seconds=0.2)) as made:
        with pytest.raises(error):
            await made.get(running.url)


async def test_httpx_is_told_what_cannot_be_sent():
    async with client() as made:
        with pytest.raises(httpx.ConnectError):
            await made.get("http://127.0.0.1:1")
        with pytest.raises(httpx.LocalProtocolError):
            await made.get("http://127.0.0.1:1", headers={"X": "a\r\nY: b"})
        with pytest.raises(httpx.UnsupportedProtocol):
            await made.get("ftp://127.0.0.1:1")


# proxies


async def proxying(link):
    """A proxy for plain http: the request names the whole URL."""
    while await link.request():
        await link.send(OK)


async def test_a_proxy_from_the_environment_is_used_only_if_the_environment_is_trusted(monkeypatch):
    origin, _ = parse_origin("http://events.example", allow_http=True)
    async with peer(proxying) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
        assert isinstance(open_poster(origin), Transport)
        poster = open_poster(origin, trust_env=True)
        assert isinstance(poster, HttpxPoster)
        found = await poster.post(target_of(origin, "/v2/enqueue", HEADERS), b"{}", deadline_seconds=2)
        assert found.status == 202
        assert proxy.requests[0].startswith(b"POST http://events.example/v2/enqueue HTTP/1.1")
        await poster.aclose()
        assert proxy_of(parse_origin("http://127.0.0.1:8080")[0]) is None, "no_proxy is honoured"


async def test_a_configured_proxy_needs_no_environment():
    origin, _ = parse_origin("http://events.example", allow_http=True)
    async with peer(proxying) as proxy:
        poster = open_poster(origin, proxy=proxy.url)
        assert (await poster.post(target_of(origin, "", HEADERS), b"{}", deadline_seconds=2)).status == 202
        await poster.aclose()


async def test_a_trusted_environment_may_name_authorities(monkeypatch, tmp_path):
    authority, server = make_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    async with peer(keep_answering, context=server) as running:
        poster = open_poster(parse_origin(running.url)[0], trust_env=True)
        assert isinstance(poster, Transport)
        assert (await poster.post(target(running.url), b"{}", deadline_seconds=2)).status == 202
        await poster.aclose()
