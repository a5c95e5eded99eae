from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from router.api.limits import ServerLimits
from router.api.sockets import bind_tcp, bind_unix
from router.api.tls import TlsFiles, load_tls
from tests.support.certificates import Authority
from tests.support.doors import Rig, body, parse, port_of, posted, request, serving, talk

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    def run(coroutine: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(coroutine, 30))

    return run


ALERTS = request("POST", "/api/v2/alerts", body(posted()))


def test_a_unix_socket(run: Run, tmp_path: Path) -> None:
    async def scene() -> None:
        path = tmp_path / "http.sock"
        async with serving(Rig(), [bind_unix(path)]) as server:
            assert server.addresses == [str(path)]
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(ALERTS)
            assert parse(await reader.read())[0] == 200
            writer.close()

    run(scene())


def test_several_sockets_at_once(run: Run, tmp_path: Path) -> None:
    async def scene() -> None:
        sockets = [*bind_tcp("127.0.0.1", 0), *bind_tcp("127.0.0.1", 0), bind_unix(tmp_path / "s")]
        async with serving(Rig(), sockets) as server:
            for address in server.addresses[:2]:
                answer = await talk(int(address.rpartition(":")[2]), request("GET", "/-/healthy"))
                assert parse(answer)[0] == 200

    run(scene())


def test_stopping_finishes_what_has_arrived_and_refuses_the_rest(run: Run) -> None:
    async def scene() -> None:
        rig = Rig()
        gate = asyncio.Event()
        append = rig.journal.store.append

        async def slow(at: int, facts: Any) -> Any:
            await gate.wait()
            return await append(at, facts)

        rig.journal.store.append = slow  # type: ignore[method-assign]
        async with serving(rig) as server:
            port = port_of(server)
            idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", port)
            asking = asyncio.ensure_future(talk(port, ALERTS.replace(b"Connection: close\r\n", b"")))
            await asyncio.sleep(0.1)
            stopping = asyncio.ensure_future(server.stop(5.0))
            await asyncio.sleep(0.1)
            assert await idle_reader.read() == b""
            idle_writer.close()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            assert not stopping.done()
            gate.set()
            status, headers, _ = parse(await asking)
            assert (status, headers["connection"]) == (200, "close")
            await stopping

    run(scene())


def test_stopping_takes_no_longer_than_its_grace(run: Run) -> None:
    async def scene() -> None:
        async with serving(Rig()) as server:
            _, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(ALERTS[:-10])
            await asyncio.sleep(0.1)
            began = server.now()
            await server.stop(0.3)
            assert 0.2 < server.now() - began < 2
            writer.transport.abort()

    run(scene())


def client_context(authority: Authority, maximum: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.path))
    if maximum is not None:
        context.minimum_version = context.maximum_version = maximum
    return context


async def over_tls(port: int, context: ssl.SSLContext, data: bytes = ALERTS) -> tuple[int, str]:
    """Status, and the common name the server showed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    shown = dict(pair[0] for pair in writer.get_extra_info("peercert")["subject"])
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return parse(answer)[0], shown["commonName"]


def test_tls_and_a_new_certificate_without_a_restart(run: Run, tmp_path: Path) -> None:
    async def scene() -> None:
        authority = Authority(tmp_path)
        first, second = authority.issue("first"), authority.issue("second")
        tls = load_tls(TlsFiles(certificate=first[0], key=first[1]))
        async with serving(Rig(), limits=ServerLimits(header_seconds=0.5), tls=tls) as server:
            port = port_of(server)
            context = client_context(authority)
            assert await over_tls(port, context) == (200, "first")
            kept_reader, kept_writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname="localhost"
            )
            await server.reload_tls(load_tls(TlsFiles(certificate=second[0], key=second[1])))
            assert await over_tls(port, context) == (200, "second")
            kept_writer.write(ALERTS)
            assert parse(await kept_reader.read())[0] == 200
            kept_writer.close()
            # Who says nothing does not get far.
            silent_reader, silent_writer = await asyncio.open_connection("127.0.0.1", port)
            assert await silent_reader.read() == b""
            silent_writer.close()

    run(scene())


def test_old_tls_is_refused(run: Run, tmp_path: Path) -> None:
    async def scene() -> None:
        authority = Authority(tmp_path)
        certificate, key = authority.issue("server")
        async with serving(Rig(), tls=load_tls(TlsFiles(certificate=certificate, key=key))) as server:
            with pytest.warns(DeprecationWarning, match="TLSv1_1"):
                context = client_context(authority, ssl.TLSVersion.TLSv1_1)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await over_tls(port_of(server), context)
            assert await over_tls(port_of(server), client_context(authority, ssl.TLSVersion.TLSv1_2)) == (200, "server")

    run(scene())


def test_only_clients_with_a_certificate(run: Run, tmp_path: Path) -> None:
    async def scene() -> None:
        authority = Authority(tmp_path)
        certificate, key = authority.issue("server")
        tls = load_tls(TlsFiles(certificate=certificate, key=key, client_ca=authority.path))
        async with serving(Rig(), tls=tls) as server:
            context = client_context(authority)
            with pytest.raises((ssl.SSLError, ConnectionError, IndexError)):
                await over_tls(port_of(server), context)
            context.load_cert_chain(*authority.issue("client"))
            assert await over_tls(port_of(server), context) == (200, "server")

    run(scene())


def test_large_bodies_over_tls_and_a_refusal(run: Run, tmp_path: Path) -> None:
    async def scene() -> None:
        authority = Authority(tmp_path)
        certificate, key = authority.issue("server")
        tls = load_tls(TlsFiles(certificate=certificate, key=key))
        async with serving(Rig(), limits=ServerLimits(body_bytes=300_000), tls=tls) as server:
            many = body(*(posted(instance=f"n{number}", pad="x" * 200) for number in range(500)))
            context = client_context(authority)
            assert (await over_tls(port_of(server), context, request("POST", "/api/v2/alerts", many)))[0] == 200

    run(scene())


def test_many_idle_connections_do_not_keep_others_out(run: Run) -> None:
    async def scene() -> None:
        async with serving(Rig(), limits=ServerLimits(connections=400)) as server:
            port = port_of(server)
            idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
            assert parse(await talk(port, ALERTS))[0] == 200
            assert len(server.connections) == 300
            for one in idle:
                one.close()

    run(scene())
