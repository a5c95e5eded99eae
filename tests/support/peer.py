"""A server that answers exactly what a test scripts, byte for byte, and notes what it was sent; and throw-away certificates."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

OK = b"HTTP/1.1 202 Accepted\r\nContent-Length: 20\r\n\r\n" + b'{"status":"success"}'


def answer(status: int, body: bytes = b"", *fields: str) -> bytes:
    """A whole answer with its length."""
    head = [f"HTTP/1.1 {status} X", *fields, f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Link:
    """One connection as the server sees it."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: Peer) -> None:
        self.number = number  # of the connection, from 1
        self.reader = reader
        self.writer = writer
        self._peer = peer

    async def request(self) -> bytes:
        """The next whole request (head and body); empty when the client has gone."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        whole = head + await self.reader.readexactly(length)
        self._peer.requests.append(whole)
        return whole

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """RST instead of FIN."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Until the client closes."""
        with contextlib.suppress(ConnectionError):
            await self.reader.read()


Script = Callable[[Link], Awaitable[None]]


class Peer:
    """Listens on loopback; each connection runs the script and is closed at its end."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self.script(Link(self.connections, reader, writer, self))
        finally:
            self._tasks.discard(task)
            writer.close()

    def hang_up(self) -> None:
        for task in self._tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def peer(script: Script, *, context: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A peer that runs while the block does."""
    running = Peer(script)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    running.url = f"{'https' if context else 'http'}://127.0.0.1:{port}"
    try:
        yield running
    finally:
        server.close()
        running.hang_up()
        await asyncio.sleep(0)
        await server.wait_closed()


async def keep_answering(link: Link) -> None:
    """202 to every request."""
    while await link.request():
        await link.send(OK)


def make_authority(directory: Path, *, host: str = "127.0.0.1", expired: bool = False) -> tuple[Path, ssl.SSLContext]:
    """A throw-away authority's certificate as a file, and a server context with a certificate it issued for the host."""
    now = dt.datetime.now(dt.UTC)
    begins, ends = now - dt.timedelta(days=30), now + dt.timedelta(days=-1 if expired else 30)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Throw-away authority")])
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(authority_key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "events")]))
        .issuer_name(name)
        .public_key(server_key.public_key())
        .serial_number(2)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    authority_file, chain_file = directory / "authority.pem", directory / "server.pem"
    authority_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    chain_file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + server_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain_file)
    return authority_file, context
