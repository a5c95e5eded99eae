"""Where a request goes: scheme, host and port, read from a URL once and refused if it is not fit to carry a routing key."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import msgspec

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """A server. ``host`` is without brackets, in ASCII."""

    scheme: str
    host: str
    port: int

    @property
    def host_header(self) -> str:
        """As it stands in ``Host``: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """For people and metrics."""
        return f"{self.scheme}://{self.host_header}"


def parse_origin(url: str, *, allow_http: bool = False) -> tuple[Origin, str]:
    """The origin of a URL and its path without a trailing slash; ValueError says what is wrong with the URL.

    Plain http is for this machine only unless ``allow_http``: the routing key in the body is the credential.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is no URL of a server: write https://HOST or https://HOST:PORT")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("the URL must not have a user name, a query or a fragment: write https://HOST")
    host = parts.hostname
    try:
        host = host.encode("idna").decode("ascii") if ":" not in host else host
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except ValueError as error:
        raise ValueError(f"{url!r} has a host or port that cannot be used: {error}") from error
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise ValueError(f"{url!r} would send routing keys unencrypted: use https://{host} (http is for this machine only)")
    path = parts.path.rstrip("/")
    if not path.isascii() or any(character <= " " or character == "\x7f" for character in path):
        raise ValueError(f"the path of {url!r} must be percent-encoded ASCII")
    return Origin(scheme=parts.scheme, host=host, port=port), path


def is_loopback(host: str) -> bool:
    """Whether it names this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
