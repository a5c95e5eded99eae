"""Where the real process listens and whom it answers: unix socket, TLS, tokens, loopback only, a socket handed over."""

from __future__ import annotations

import asyncio
import datetime as dt
import http.client
import json
import os
import signal
import socket
import ssl
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.daemon import Daemon, alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)


# -- unix socket -----------------------------------------------------------------------------------------------------


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


@pytest.fixture
def short_path(tmp_path: Path) -> Path:
    """A socket's path has at most 107 bytes; the test's own folder is longer on some machines."""
    link = Path(f"/tmp/ar-{os.getpid()}-{tmp_path.name[-8:]}")
    link.symlink_to(tmp_path)
    yield link / "http.sock"
    link.unlink()


async def test_a_unix_socket_is_for_owner_and_group_only_and_survives_a_kill(make_daemon, pagerduty, short_path) -> None:
    daemon = make_daemon(start=False, listen=f"unix:{short_path}")
    daemon.connect = lambda: UnixConnection(short_path)
    await off_loop(daemon.start)
    assert stat.S_IMODE(short_path.stat().st_mode) == 0o660
    assert await off_loop(daemon.post_alerts, alert()) == 200
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1)
    retried = await off_loop(daemon.run_command, "deliveries", "retry", "1")
    assert "delivered" in retried.stderr, "the command found the daemon behind its socket"

    second = make_daemon(start=False, listen=f"unix:{short_path}")
    await off_loop(second.start, wait=False)
    assert await off_loop(second.process.wait, 20) == 1
    assert "another process does already" in second.log
    await off_loop(daemon.kill)
    assert short_path.is_socket(), "left behind by the kill"
    await off_loop(daemon.start)
    assert await off_loop(daemon.stop) == 0


# -- TLS ---------------------------------------------------------------------------------------------------------------


class Authority:
    """A throw-away certificate authority."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Throw-away CA")])
        certificate = self._sign(self._name, self._key.public_key(), is_authority=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, name: x509.Name, key: Any, *, is_authority: bool) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )
        if not is_authority:
            names = [x509.DNSName("localhost")]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        else:
            usage = x509.KeyUsage(
                digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
                key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
            )  # fmt: skip
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(self._key, hashes.SHA256())

    def issue(self, name: str) -> int:
        """NAME.crt and NAME.key, put in place as an issuing agent does; the serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, key.public_key(), is_authority=False)
        for suffix, content in (
            ("crt", certificate.public_bytes(serialization.Encoding.PEM)),
            (
                "key",
                key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
            ),
        ):
            new = self.folder / f"{name}.new"
            new.write_bytes(content)
            new.chmod(0o600)
            new.replace(self.folder / f"{name}.{suffix}")
        return certificate.serial_number


def client_context(authority: Authority, certificate: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    if certificate:
        context.load_cert_chain(authority.folder / f"{certificate}.crt", authority.folder / f"{certificate}.key")
    return context


def shown_serial(daemon: Daemon, context: ssl.SSLContext) -> int:
    with (
        socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        der = secured.getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(der).serial_number


async def test_tls_with_a_certificate_that_is_renewed_without_a_restart(make_daemon, pagerduty, tmp_path) -> None:
    authority = Authority(tmp_path / "ca")
    first = authority.issue("server")
    files = {"cert": str(authority.folder / "server.crt"), "key": str(authority.folder / "server.key")}
    daemon = make_daemon(start=False, tls=files)
    context = client_context(authority)
    daemon.connect = lambda: http.client.HTTPSConnection("localhost", daemon.port, timeout=10, context=context)
    await off_loop(daemon.start)
    assert await off_loop(daemon.post_alerts, alert()) == 200
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1)
    assert await off_loop(shown_serial, daemon, context) == first

    # Plain HTTP on the TLS port is no way in, and disturbs nobody.
    plain = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    with pytest.raises((OSError, http.client.HTTPException)):
        await off_loop(lambda: (plain.request("GET", "/v1/stats"), plain.getresponse()))
    plain.close()

    kept = daemon.connect()
    await off_loop(kept.request, "GET", "/-/healthy")
    assert (await off_loop(kept.getresponse)).read()
    second = authority.issue("server")
    daemon.send_signal(signal.SIGHUP)
    await eventually(lambda: shown_serial(daemon, context) == second)
    await off_loop(kept.request, "GET", "/-/healthy")
    assert kept.getresponse().status == 200, "a connection that was there goes on"
    kept.close()

    (authority.folder / "server.key").write_text("no key at all")
    status, answer = await off_loop(daemon.request, "POST", "/-/reload")
    assert status == 422, answer
    assert any("server.key" in mistake for mistake in answer["mistakes"])
    assert await off_loop(shown_serial, daemon, context) == second
    retried = await off_loop(daemon.run_command, "deliveries", "retry", "1")
    assert retried.returncode == 1
    assert "delivered" in retried.stderr, "the command line speaks TLS to its own daemon"


async def test_tls_files_that_do_not_fit_are_named_at_the_start(make_daemon, tmp_path) -> None:
    authority = Authority(tmp_path / "ca")
    authority.issue("server")
    authority.issue("other")
    daemon = make_daemon(
        start=False, tls={"cert": str(authority.folder / "server.crt"), "key": str(authority.folder / "other.key")}
    )
    await off_loop(daemon.start, wait=False)
    assert await off_loop(daemon.process.wait, 20) == 1
    assert "other.key" in daemon.log
    assert "Traceback" not in daemon.log


async def test_with_a_client_authority_only_those_it_signed_come_in(make_daemon, tmp_path) -> None:
    authority = Authority(tmp_path / "ca")
    for name in ("server", "client"):
        authority.issue(name)
    stranger = Authority(tmp_path / "stranger")
    stranger.issue("client")
    files = {"cert": "server.crt", "key": "server.key", "client_ca": "ca.pem"}
    daemon = make_daemon(start=False, tls={key: str(authority.folder / file) for key, file in files.items()})
    context = client_context(authority, "client")
    daemon.connect = lambda: http.client.HTTPSConnection("localhost", daemon.port, timeout=10, context=context)
    await off_loop(daemon.start)
    forged = ssl.create_default_context(cafile=str(authority.file))
    forged.load_cert_chain(stranger.folder / "client.crt", stranger.folder / "client.key")
    for bad in (client_context(authority), forged):
        connection = http.client.HTTPSConnection("localhost", daemon.port, timeout=10, context=bad)
        with pytest.raises((OSError, http.client.HTTPException)):
            await off_loop(lambda: (connection.request("GET", "/-/healthy"), connection.getresponse()))  # noqa: B023
        connection.close()
    assert (await off_loop(daemon.get, "/-/healthy"))[0] == 200


# -- who may -------------------------------------------------------------------------------------------------------------


async def test_each_token_may_only_what_its_scopes_say(make_daemon) -> None:
    scopes = {"ingest": ["ingest"], "reader": ["read"], "writer": ["write"], "chief": ["admin"]}
    daemon = make_daemon(
        start=False,
        tokens=[{"name": name, "token": f"env:TOKEN_{name.upper()}", "scopes": allowed} for name, allowed in scopes.items()],
    )
    daemon.environment |= {f"TOKEN_{name.upper()}": f"{name}-" + "7f" * 12 for name in scopes}
    await off_loop(daemon.start)

    def ask(who: str | None, method: str, path: str, body: Any = None) -> int:
        headers = {"Authorization": f"Bearer {daemon.environment[f'TOKEN_{who.upper()}']}"} if who else {}
        return daemon.request(method, path, body, **headers)[0]

    # what is asked: nobody, ingest, reader, writer, chief
    table = {
        ("POST", "/api/v2/alerts"): (401, 200, 403, 403, 200),
        ("POST", "/v1/alerts"): (401, 202, 403, 403, 202),
        ("GET", "/v1/alerts"): (401, 403, 200, 200, 200),
        ("GET", "/api/v2/alerts"): (401, 403, 200, 200, 200),
        ("GET", "/metrics"): (401, 403, 200, 200, 200),
        ("POST", "/v1/deliveries/999/retry"): (401, 403, 403, 404, 404),
        ("POST", "/-/reload"): (401, 403, 403, 403, 200),
        ("GET", "/-/healthy"): (200, 200, 200, 200, 200),
    }
    for (method, path), expected in table.items():
        body = [alert()] if path == "/api/v2/alerts" else {"service": "payment-x"} if method == "POST" else None
        found = tuple([ask(who, method, path, body if method == "POST" else None) for who in (None, *scopes)])
        assert found == expected, (method, path)
    status, answer = daemon.request("GET", "/v1/alerts", Authorization="Bearer wrong-wrong-wrong-wrong")
    assert status == 401
    assert "wrong" not in json.dumps(answer)
    assert daemon.request("GET", "/v1/alerts", Authorization="Basic abc")[0] == 401
    refused = await off_loop(daemon.run_command, "deliveries", "retry", "1")
    assert refused.returncode == 1
    assert "ALERT_ROUTER_TOKEN" in refused.stderr


async def test_reachable_from_elsewhere_without_tokens_is_refused_at_the_start(make_daemon) -> None:
    daemon = make_daemon(start=False)
    daemon.configure(_settings(daemon) | {"listen": [f"127.0.0.1:{daemon.port}", f"0.0.0.0:{daemon.port + 1}"]})
    await off_loop(daemon.start, wait=False)
    assert await off_loop(daemon.process.wait, 20) == 1
    assert "0.0.0.0" in daemon.log
    assert "tokens" in daemon.log
    assert "Traceback" not in daemon.log


def _settings(daemon: Daemon) -> dict[str, Any]:
    return yaml.safe_load((daemon.folder / "config.yaml").read_text())


async def test_a_port_that_is_taken_is_named_and_nothing_is_lost(make_daemon) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        daemon = make_daemon(start=False, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        await off_loop(daemon.start, wait=False)
        assert await off_loop(daemon.process.wait, 20) == 1
        assert f"cannot listen on 127.0.0.1:{taken.getsockname()[1]}" in daemon.log
        assert "Traceback" not in daemon.log


# -- a socket handed over ---------------------------------------------------------------------------------------------------

_HAND_OVER = (
    "import os, sys; os.dup2({fd}, 3); os.environ |= {{'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'}}; "
    "os.execv(sys.executable, [sys.executable, '-m', 'router', 'run', '--config', 'config.yaml'])"
)


async def test_a_socket_handed_over_waits_through_a_restart(make_daemon, pagerduty) -> None:
    """As systemd does it: the socket outlives the process, so who connects in between waits instead of being refused."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        daemon = make_daemon(start=False, listen="systemd")
        daemon.port = listening.getsockname()[1]
        daemon.command = [sys.executable, "-c", _HAND_OVER.format(fd=listening.fileno())]
        daemon.pass_fds = (listening.fileno(),)
        early = asyncio.create_task(off_loop(daemon.post_alerts, alert(instance="early")))
        await asyncio.sleep(0.1)
        await off_loop(daemon.start)
        assert await early == 200
        assert await off_loop(daemon.stop) == 0
        between = asyncio.create_task(off_loop(daemon.post_alerts, alert(instance="between")))
        await asyncio.sleep(0.1)
        await off_loop(daemon.start)
        assert await between == 200
        await eventually(lambda: len(pagerduty.sandbox.incidents()) == 2)


async def test_without_a_socket_handed_over_it_says_what_is_missing(make_daemon) -> None:
    daemon = make_daemon(start=False, listen="systemd")
    await off_loop(daemon.start, wait=False)
    assert await off_loop(daemon.process.wait, 20) == 1
    assert "no sockets were handed over" in daemon.log
    assert "Traceback" not in daemon.log
