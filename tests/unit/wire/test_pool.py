import asyncio
import contextlib
import socket
import ssl

import pytest

from router.wire.connection import NetworkFailure
from router.wire.origin import Origin, parse_origin
from router.wire.pool import Pool
from tests.support.peer import OK, answer, keep_answering, make_authority, peer

REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"


@contextlib.asynccontextmanager
async def pool_to(url, **members):
    usual = {"ssl_context": None, "limit": 4, "connect_seconds": 1.0, "idle_seconds": 30.0, "max_body": 65_536}
    pool = Pool(url if isinstance(url, Origin) else parse_origin(url)[0], **(usual | members))
    try:
        yield pool
    finally:
        pool.close()


async def ask(pool, seconds=2.0, *, repeatable=True):
    deadline_at = asyncio.get_running_loop().time() + seconds
    return await pool.exchange(REQUEST, deadline_at=deadline_at, repeatable=repeatable)


async def test_connections_are_kept_and_never_more_than_the_limit():
    async with peer(keep_answering) as running, pool_to(running.url) as pool:
        answers = await asyncio.gather(*[ask(pool) for _ in range(40)])
        assert {found.status for found in answers} == {202}
        assert running.connections == 4
        assert pool.open_connections == 4
        await ask(pool)
        assert running.connections == 4


async def test_a_connection_the_server_closed_while_idle_is_not_used():
    async def script(link):
        await link.request()
        await link.send(OK)

    async with peer(script) as running, pool_to(running.url) as pool:
        for number in range(1, 4):
            assert (await ask(pool)).status == 202
            await asyncio.sleep(0.02)
            assert running.connections == number


def closes_the_second_request(how):
    """Answers the first request of the first connection and closes when the second comes; later connections answer."""

    async def script(link):
        if link.number > 1:
            return await keep_answering(link)
        await link.request()
        await link.send(OK)
        await link.request()
        await how(link)
        return None

    return script


async def silently(link):
    link.writer.close()


async def with_a_reset(link):
    link.reset()


@pytest.mark.parametrize("how", [silently, with_a_reset])
async def test_the_race_of_keep_alive_is_repeated_once_on_a_fresh_connection(how):
    async with peer(closes_the_second_request(how)) as running, pool_to(running.url) as pool:
        assert (await ask(pool)).status == 202
        assert (await ask(pool)).status == 202
        assert len(running.requests) == 3
        assert running.connections == 2


async def test_what_is_not_repeatable_is_not_repeated():
    async with peer(closes_the_second_request(silently)) as running, pool_to(running.url) as pool:
        await ask(pool)
        with pytest.raises(NetworkFailure) as raised:
            await ask(pool, repeatable=False)
        assert raised.value.untouched
        assert len(running.requests) == 2


async def test_a_fresh_connection_that_dies_is_not_repeated():
    async def script(link):
        await link.request()

    async with peer(script) as running, pool_to(running.url) as pool:
        with pytest.raises(NetworkFailure, match="before it answered"):
            await ask(pool)
        assert len(running.requests) == 1


async def test_once_an_answer_has_begun_nothing_is_repeated():
    async def begin(link):
        await link.send(b"HTTP/1.1 5")

    async with peer(closes_the_second_request(begin)) as running, pool_to(running.url) as pool:
        await ask(pool)
        with pytest.raises(NetworkFailure, match="in the middle"):
            await ask(pool)
        assert len(running.requests) == 2


async def test_a_race_at_the_limit_still_gets_a_fresh_connection():
    async with peer(closes_the_second_request(silently)) as running, pool_to(running.url, limit=1) as pool:
        answers = [await ask(pool), *await asyncio.gather(*[ask(pool) for _ in range(5)])]
        assert [found.status for found in answers] == [202] * 6


@pytest.mark.parametrize("silent_before", ["the head", "the end of the head"])
async def test_a_hang_ends_at_the_deadline(silent_before):
    async def script(link):
        await link.request()
        if silent_before != "the head":
            await link.send(b"HTTP/1.1 202 Accepted\r\nContent-Le")
        await link.gone()

    async with peer(script) as running, pool_to(running.url) as pool:
        started = asyncio.get_running_loop().time()
        with pytest.raises(NetworkFailure, match="no answer within the deadline"):
            await ask(pool, 0.2)
        assert asyncio.get_running_loop().time() - started < 1
        assert pool.open_connections == 0


async def test_a_body_that_drips_ends_at_the_deadline_and_the_status_stands():
    async def script(link):
        await link.request()
        await link.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n")
        while True:
            await link.send(b"x")
            await asyncio.sleep(0.01)

    async with peer(script) as running, pool_to(running.url) as pool:
        found = await ask(pool, 0.2)
        assert (found.status, found.complete) == (202, False)
        assert pool.open_connections == 0


async def test_whoever_waits_for_a_place_has_a_deadline_too():
    async def script(link):
        await link.request()
        await link.gone()

    async with peer(script) as running, pool_to(running.url, limit=1) as pool:
        slow = asyncio.gather(ask(pool, 1.0), return_exceptions=True)
        await asyncio.sleep(0.05)
        with pytest.raises(NetworkFailure, match="no connection within the deadline"):
            await ask(pool, 0.1)
        (failure,) = await slow
        assert isinstance(failure, NetworkFailure)


async def test_callers_that_are_cancelled_leak_no_place():
    async def script(link):
        await link.request()
        await asyncio.sleep(0.2)
        await link.send(OK)
        await keep_answering(link)

    async with peer(script) as running, pool_to(running.url, limit=2) as pool:
        tasks = [asyncio.get_running_loop().create_task(ask(pool, 5)) for _ in range(20)]
        await asyncio.sleep(0.05)
        for task in tasks[:19]:
            task.cancel()
        assert (await tasks[19]).status == 202
        answers = await asyncio.gather(*[ask(pool) for _ in range(10)])
        assert {found.status for found in answers} == {202}
        assert pool.open_connections <= 2
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_unused_connections_grow_old():
    async with peer(keep_answering) as running, pool_to(running.url, idle_seconds=0.05) as pool:
        await asyncio.gather(*[ask(pool) for _ in range(3)])
        await asyncio.sleep(0.1)
        await ask(pool)
        assert running.connections == 4
        assert pool.open_connections == 1


async def test_a_connection_that_is_never_taken_is_closed_beside_one_that_is():
    async with peer(keep_answering) as running, pool_to(running.url, idle_seconds=0.1) as pool:
        await asyncio.gather(ask(pool), ask(pool))
        assert pool.open_connections == 2
        for _ in range(10):
            await ask(pool)
            await asyncio.sleep(0.02)
        assert pool.open_connections == 1
        assert running.connections == 2


async def test_a_turn_that_comes_too_late_is_passed_on():
    async def script(link):
        await link.request()
        await asyncio.sleep(0.1)
        await link.send(OK)
        await keep_answering(link)

    async with peer(script) as running, pool_to(running.url, limit=1) as pool:
        loop = asyncio.get_running_loop()
        first, second, third = (loop.create_task(ask(pool, 3)) for _ in range(3))
        first.add_done_callback(lambda _: second.cancel())
        assert (await first).status == 202
        assert (await third).status == 202
        await asyncio.gather(second, return_exceptions=True)


async def test_an_address_that_never_answers_is_a_failure_in_time():
    async with pool_to("http://127.0.0.1:9", connect_seconds=0.1) as pool:

        async def never(*_):
            await asyncio.get_running_loop().create_future()

        pool._connect_to = never
        with pytest.raises(NetworkFailure, match=r"no connection to http://127\.0\.0\.1:9 within 0\.1 s"):
            await ask(pool)


async def test_a_name_may_have_no_address_at_all():
    async def none(*_args, **_rest):
        return []

    async with pool_to("http://127.0.0.1:9") as pool:
        pool._loop = Looks(pool._loop, none)
        with pytest.raises(NetworkFailure, match="has no address"):
            await ask(pool)


async def test_a_refused_connection_is_named():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with pool_to(f"http://127.0.0.1:{port}") as pool:
        with pytest.raises(NetworkFailure, match="cannot connect") as raised:
            await ask(pool)
        assert raised.value.phase == "connect"
        assert pool.open_connections == 0


async def test_a_name_without_address_is_named():
    async with pool_to(Origin(scheme="http", host="nowhere.invalid", port=80)) as pool:
        with pytest.raises(NetworkFailure, match=r"nowhere\.invalid"):
            await ask(pool)


async def test_an_address_that_does_not_answer_costs_its_share_only_once():
    async with peer(keep_answering) as running:
        origin = parse_origin(running.url)[0]
        async with pool_to(origin, connect_seconds=0.6) as pool:
            tried = []

            async def two_addresses(*_args, **_rest):
                return [
                    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", origin.port, 0, 0)),
                    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", origin.port)),
                ]

            connect = pool._connect_to

            async def refuse_to_answer_on_ipv6(address, family):
                tried.append(address)
                if family == socket.AF_INET6:
                    await asyncio.sleep(30)
                return await connect(address, family)

            pool._loop = Looks(pool._loop, two_addresses)
            pool._connect_to = refuse_to_answer_on_ipv6
            answers = await asyncio.gather(ask(pool), ask(pool))
            assert [found.status for found in answers] == [202, 202]
            await asyncio.gather(ask(pool), ask(pool), ask(pool))
            assert tried == ["::1", "::1", "127.0.0.1", "127.0.0.1", "127.0.0.1"]


class Looks:
    """The loop with another opinion about names."""

    def __init__(self, loop, getaddrinfo):
        self._loop = loop
        self.getaddrinfo = getaddrinfo

    def __getattr__(self, name):
        return getattr(self._loop, name)


async def test_tls_is_verified(tmp_path):
    authority, server = make_authority(tmp_path)
    trusting = ssl.create_default_context(cafile=authority)
    async with peer(keep_answering, context=server) as running:
        async with pool_to(running.url, ssl_context=trusting) as pool:
            assert (await ask(pool)).status == 202
            assert (await ask(pool)).status == 202
            assert running.connections == 1
        async with pool_to(running.url, ssl_context=ssl.create_default_context()) as pool:
            with pytest.raises(NetworkFailure, match=r"TLS with .* failed") as raised:
                await ask(pool)
            assert raised.value.phase == "connect"


@pytest.mark.parametrize(("made", "said"), [({"host": "127.0.0.2"}, "mismatch"), ({"expired": True}, "expired")])
async def test_a_certificate_that_does_not_fit_is_refused(tmp_path, made, said):
    authority, server = make_authority(tmp_path, **made)
    async with (
        peer(keep_answering, context=server) as running,
        pool_to(running.url, ssl_context=ssl.create_default_context(cafile=authority)) as pool,
    ):
        with pytest.raises(NetworkFailure, match=said):
            await ask(pool)
        assert not running.requests


async def test_a_server_that_does_not_speak_tls(tmp_path):
    async with (
        peer(keep_answering) as running,
        pool_to(running.url.replace("http:", "https:"), ssl_context=ssl.create_default_context()) as pool,
    ):
        with pytest.raises(NetworkFailure) as raised:
            await ask(pool, 0.5)
        assert raised.value.phase in {"connect", "pool"}


async def test_close_fails_what_is_in_flight():
    async def script(link):
        await link.request()
        await link.gone()

    async with peer(script) as running, pool_to(running.url) as pool:
        asking = asyncio.get_running_loop().create_task(ask(pool))
        await asyncio.sleep(0.05)
        pool.close()
        with pytest.raises(NetworkFailure):
            await asking


async def test_an_answer_before_the_whole_request_was_read_is_an_answer():
    async def script(link):
        await link.reader.readuntil(b"\r\n\r\n")
        await link.send(answer(413, b"too large", "Connection: close"))

    async with peer(script) as running, pool_to(running.url) as pool:
        body = b"x" * 300_000
        request = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        found = await pool.exchange(request, deadline_at=asyncio.get_running_loop().time() + 2, repeatable=True)
        assert found.status == 413
