"""Where the daemon listens: the addresses as written, and what is unsafe about them."""

from __future__ import annotations

import re

from router.config.findings import Findings
from router.config.settings import Address, HandedOverSockets, TcpAddress, UnixAddress
from router.yamldoc import Path, suggest

ADDRESS_FORM = "HOST:PORT, unix:PATH or systemd"
MAX_PORT = 65_535
MAX_UNIX_PATH_BYTES = 107  # the kernel's sun_path without its end
_TCP = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\[\]:/\s]+)):(?P<port>[0-9]{1,5})\Z")


def build_addresses(written: list[str] | str, findings: Findings, *, has_tokens: bool) -> tuple[Address, ...]:
    """The addresses; complaints for what is none, a warning for one that others reach without any token configured."""
    entries: list[tuple[Path, str]] = (
        [(("listen",), written)]
        if isinstance(written, str)
        else [(("listen", index), entry) for index, entry in enumerate(written)]
    )
    addresses: list[Address] = []
    for path, entry in entries:
        address = _parse(entry, path, findings)
        if address is None:
            continue
        if address in addresses:
            findings.complain(path, "listen-twice", f"{address} stands here twice", hint="leave one of them out")
        addresses.append(address)
        if isinstance(address, TcpAddress) and not address.is_loopback and not has_tokens:
            message = f"{address} can be reached from elsewhere, and no tokens are configured: only this machine is answered"
            findings.warn(path, "no-tokens", message, "configure tokens, or listen on 127.0.0.1")
    return tuple(addresses)


def _parse(text: str, path: Path, findings: Findings) -> Address | None:
    if text == "systemd":
        return HandedOverSockets()
    if text.startswith("unix:"):
        return _parse_unix(text.removeprefix("unix:"), path, findings)
    found = _TCP.match(text)
    if found is None or not 1 <= int(found["port"]) <= MAX_PORT:
        findings.complain(path, "bad-address", f"found {text[:80]!r}; expected {ADDRESS_FORM}", _hint(text))
        return None
    return TcpAddress(host=found["v6"] or found["host"], port=int(found["port"]))


def _parse_unix(text: str, path: Path, findings: Findings) -> Address | None:
    if not text:
        findings.complain(
            path, "bad-address", "expected a path after unix:", hint="for example: unix:/run/alert-router/http.sock"
        )
        return None
    socket = findings.resolve_path(text)
    if len(str(socket).encode()) > MAX_UNIX_PATH_BYTES:
        message = f"a unix socket's path has at most {MAX_UNIX_PATH_BYTES} bytes, this one is {socket}"
        findings.complain(path, "bad-address", message, hint="choose a shorter one, below /run")
        return None
    return UnixAddress(path=socket)


def _hint(text: str) -> str:
    if re.fullmatch(r":?[0-9]{1,5}", text):
        port = text.removeprefix(":")
        return f"for this machine only: 127.0.0.1:{port}; for everybody: 0.0.0.0:{port}"
    if text.startswith("/"):
        return f"did you mean unix:{text}?"
    if text.startswith(("http://", "https://")):
        return "leave out the scheme; certificates stand under tls"
    if text.count(":") > 1 and "[" not in text:
        return "put the brackets of an IPv6 address: [::1]:9095"
    return suggest(text, ["systemd"]) or "for example: 127.0.0.1:9095"
