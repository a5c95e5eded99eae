"""Asking the running daemon over its own HTTP door, for what only the one writer may do."""

from __future__ import annotations

import getpass
import http.client
import os
import socket
import ssl
from pathlib import Path

import msgspec

from router.cli.options import fail
from router.cli.reading import load
from router.config.settings import Settings, TcpAddress, UnixAddress

TIMEOUT_SECONDS = 10.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask_daemon(config_path: Path, method: str, path: str, body: object = None, *, seconds: float = TIMEOUT_SECONDS) -> str:
    """The answer's text; exits with a hint when the daemon cannot be reached or says no.

    A token is taken from ALERT_ROUTER_TOKEN when the daemon asks for one.
    """
    settings = load(config_path)
    token = os.environ.get("ALERT_ROUTER_TOKEN")
    connection = _connect(settings)
    connection.timeout = seconds
    headers = {"Authorization": f"Bearer {token}" if token else f"Local {_login_name()}"}
    payload = None if body is None else msgspec.json.encode(body)
    try:
        connection.request(method, path, payload, headers | ({} if payload is None else {"Content-Type": "application/json"}))
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        fail(f"the daemon does not answer: {error}", hint="is it running with this configuration?")
    finally:
        connection.close()
    if answer.status in {http.client.UNAUTHORIZED, http.client.FORBIDDEN}:
        fail(
            f"the daemon refuses ({answer.status}): {_reason(text)}",
            hint="put a token with scope write into ALERT_ROUTER_TOKEN",
        )
    if answer.status >= http.client.BAD_REQUEST:
        fail(f"the daemon answers {answer.status}: {_reason(text)}")
    return text


def _reason(text: str) -> str:
    """What a person reads of an answer that says no: the sentence in its JSON, or all of it if there is more or none."""
    try:
        said = msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        return text
    match said:
        case {"error": str(reason), **more} if not more or "refused" in more:  # `refused` says the same for programs
            return reason
    return text


def _login_name() -> str:
    """Who runs this command, for the audit record."""
    try:
        return getpass.getuser().encode("ascii", "replace").decode()
    except (OSError, KeyError):  # a user without a name
        return str(os.getuid())


def _connect(settings: Settings) -> http.client.HTTPConnection:
    for address in settings.listen:
        match address:
            case UnixAddress():
                return _UnixConnection(address.path)
            case TcpAddress():
                host = _ANY_ADDRESS.get(address.host, address.host)
                if settings.tls is None:
                    return http.client.HTTPConnection(host, address.port, timeout=TIMEOUT_SECONDS)
                # Our own certificate, which names the public host and not this loopback address.
                context = ssl.create_default_context(cafile=str(settings.tls.certificate))
                context.check_hostname = False
                context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it is trusted itself, whoever signed it
                return http.client.HTTPSConnection(host, address.port, timeout=TIMEOUT_SECONDS, context=context)
            case _:
                continue
    return fail("the daemon listens only on a socket handed over by systemd", hint="add an address to `listen`")
