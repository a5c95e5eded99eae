import asyncio

import pytest

from router.wire.connection import MAX_HEAD_BYTES, Connection, NetworkFailure
from tests.support.peer import OK, answer, peer


async def exchange(script, *, has_body=True, max_body=65_536):
    """One request to a peer with that script: the answer or the failure, and the connection afterwards."""
    async with peer(script) as running:
        connection = await connect(running, max_body)
        try:
            async with asyncio.timeout(5):
                return await connection.exchange(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", has_body=has_body), connection
        except NetworkFailure as failure:
            return failure, connection
        finally:
            connection.close()


async def connect(running, max_body=65_536) -> Connection:
    host, port = running.url.removeprefix("http://").split(":")
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(max_body), host, int(port))
    return connection


def says(*parts: bytes, closes=False):
    async def script(link):
        await link.request()
        for part in parts:
            await link.send(part)
            await asyncio.sleep(0.005)
        if not closes:
            await link.gone()

    return script


@pytest.mark.parametrize(
    ("parts", "closes", "status", "body", "complete"),
    [
        ([OK], False, 202, b'{"status":"success"}', True),
        ([OK[:5], OK[5:50], OK[50:]], False, 202, b'{"status":"success"}', True),
        (
            [b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n", b"HTTP/1.1 103 Early\r\n\r\n", OK],
            False,
            202,
            b'{"status":"success"}',
            True,
        ),
        (
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"],
            False,
            200,
            b"abcde",
            True,
        ),
        ([b"HTTP/1.1 200 OK\r\n\r\nuntil the", b" end"], True, 200, b"until the end", True),
        ([b"HTTP/1.0 400 No\r\n\r\nno"], True, 400, b"no", True),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], False, 204, b"", True),
        ([b"HTTP/1.1 202 A\r\nContent-Length: 20\r\n\r\n{"], True, 202, b"{", False),
        ([b"HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"], True, 202, b"ab", False),
        ([answer(301, b"", "Location: http://elsewhere/")], False, 301, b"", True),
    ],
)
async def test_answers(parts, closes, status, body, complete):
    found, _ = await exchange(says(*parts, closes=closes))
    assert not isinstance(found, NetworkFailure), found
    assert (found.status, found.body, found.complete) == (status, body, complete)


@pytest.mark.parametrize(
    ("parts", "phase", "said"),
    [
        ([], "read", "before it answered"),
        ([b"HTTP/1.1 20"], "read", "in the middle of the answer's head"),
        ([b"SSH-2.0-OpenSSH\r\n"], "protocol", "not HTTP/1.1"),
        ([b"HTTP/1.1 202 A\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"], "protocol", "not HTTP/1.1"),
        ([b"HTTP/1.1 202 A\r\nX: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n"], "protocol", "headers are longer"),
        ([b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"], "protocol", ""),
    ],
)
async def test_failures_are_named(parts, phase, said):
    found, connection = await exchange(says(*parts, closes=True))
    assert isinstance(found, NetworkFailure)
    assert found.phase == phase
    assert said in str(found)
    assert not found.untouched, "a fresh connection is no race"
    assert not connection.is_usable


async def test_a_reset_is_named():
    async def script(link):
        await link.request()
        link.reset()

    found, _ = await exchange(script)
    assert isinstance(found, NetworkFailure)
    assert "reset" in str(found).lower()


async def test_headers_are_lower_case_and_the_last_counts():
    found, _ = await exchange(says(answer(429, b"", "Retry-After: 5", "RETRY-AFTER: 30")))
    assert found.headers["retry-after"] == "30"


async def test_a_body_that_is_too_long_is_cut_and_ends_the_connection():
    found, connection = await exchange(says(answer(400, b"x" * 1_000)), max_body=100)
    assert (found.status, found.body, found.complete) == (400, b"x" * 100, False)
    assert not connection.is_usable


async def test_head_has_no_body():
    found, connection = await exchange(says(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), has_body=False)
    assert (found.status, found.body, found.complete) == (200, b"", True)
    assert not connection.is_usable


async def test_a_connection_serves_one_request_after_another():
    async def script(link):
        for number in range(3):
            await link.request()
            await link.send(answer(200 + number, b"x" * number, f"N: {number}"))
        await link.gone()

    async with peer(script) as running:
        connection = await connect(running)
        for number in range(3):
            found = await connection.exchange(b"GET / HTTP/1.1\r\n\r\n")
            assert (found.status, found.body, found.headers["n"]) == (200 + number, b"x" * number, str(number))
            assert connection.is_usable
        connection.close()
        with pytest.raises(NetworkFailure, match="closed"):
            await connection.exchange(b"GET / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("extra", [OK, b"HTTP/1.1 408 T\r\nContent-Length: 0\r\n\r\n", b"garbage"])
async def test_a_second_answer_nobody_asked_for_never_replaces_the_first(extra):
    found, connection = await exchange(says(answer(400, b"first") + extra))
    assert (found.status, found.body) == (400, b"first")
    assert not connection.is_usable


async def test_bytes_while_idle_end_the_connection():
    async def script(link):
        await link.request()
        await link.send(OK)
        await asyncio.sleep(0.02)
        await link.send(b"HTTP/1.1 408 T\r\n\r\n")
        await link.gone()

    async with peer(script) as running:
        connection = await connect(running)
        await connection.exchange(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.1)
        assert not connection.is_usable


async def test_connection_close_is_obeyed():
    _, connection = await exchange(says(answer(202, b"", "Connection: close")))
    assert not connection.is_usable


async def test_a_request_given_up_takes_the_connection_along_but_not_what_is_known():
    async def script(link):
        await link.request()
        await link.send(b"HTTP/1.1 202 A\r\nContent-Length: 20\r\n\r\n{")
        await link.gone()

    async with peer(script) as running:
        connection = await connect(running)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await connection.exchange(b"GET / HTTP/1.1\r\n\r\n")
        assert not connection.is_usable
        known = connection.answer_so_far()
        assert known is not None
        assert (known.status, known.body, known.complete) == (202, b"{", False)
        connection.close()
