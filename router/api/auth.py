"""Who may ask for what: bearer tokens with scopes, or, while none is configured, this machine only.

Tokens are kept as digests and compared in constant time. Must never do: repeat a token, or any part of one, in an answer.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from router.api.exchange import Refused

Scope = Literal["ingest", "read", "write", "admin"]
SCOPES: tuple[Scope, ...] = ("ingest", "read", "write", "admin")
LONGEST_TOKEN = 1024
LONGEST_NAME = 64
_LURED = (
    "no tokens are configured, so only this machine is answered, by its own name: a request for another host name, or of "
    "another site's page, may be one that somebody's browser was made to send; ask 127.0.0.1 or localhost, or configure tokens"
)


class Peer(msgspec.Struct, frozen=True, gc=False):
    """Who is at the other end. ``host`` is empty when the address is not known."""

    host: str
    is_unix: bool = False
    is_lured: bool = False  # a browser here, on behalf of a page from elsewhere: see ``is_lured``

    @property
    def is_local(self) -> bool:
        """Whether it is this machine of its own accord: a unix socket or a loopback address."""
        return self.is_unix or (is_loopback(self.host) and not self.is_lured)


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A configured token, resolved. ``admin`` includes every other scope, ``write`` includes ``read``."""

    name: str
    secret: str
    scopes: frozenset[Scope]

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Token(name={self.name!r}, scopes={sorted(self.scopes)})"


@lru_cache(maxsize=4096)
def is_loopback(host: str) -> bool:
    """Whether an address (or the name localhost) is this machine's own."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


@lru_cache(maxsize=4096)
def is_unforgeable_host(header: bytes) -> bool:
    """Whether a Host header names us in a way that nobody's DNS can: an address, localhost, or a name without a dot.

    A page from anywhere may have its own name point at this machine (DNS rebinding); its requests carry that name.
    """
    host = header.decode("latin-1").strip().lower()
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        return not rest.partition(":")[0] and _is_address(name)
    name = host.partition(":")[0].removesuffix(".")
    return "." not in name or name.endswith(".localhost") or _is_address(name)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_lured(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a page from elsewhere may have made a browser on this machine send this.

    Either it says whose page it is (Origin), or the page had its own name point here (DNS rebinding): then Host has that name.
    """
    host = headers.get(b"host", b"")
    origin = headers.get(b"origin")
    return (origin is not None and origin.partition(b"://")[2].lower() != host.lower()) or not is_unforgeable_host(host)


def check_listening(hosts: Iterable[str], *, has_tokens: bool) -> list[str]:
    """What is wrong with listening on these TCP hosts: without tokens only loopback addresses make sense. Empty: nothing."""
    if has_tokens:
        return []
    return [
        f"{host} can be reached from other machines, but no tokens are configured, so only this machine would be answered; "
        "configure tokens, or listen on 127.0.0.1 or a unix socket"
        for host in hosts
        if not is_loopback(host)
    ]


class Authenticator:
    """Decides who may pass. ``reconfigure`` on reload."""

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        """Without tokens: loopback and unix peers may do everything, others nothing."""
        self._tokens: tuple[tuple[bytes, frozenset[Scope]], ...] = ()
        self._names: dict[bytes, str] = {}
        self.reconfigure(tokens)

    @property
    def has_tokens(self) -> bool:
        """Whether any token is configured."""
        return bool(self._tokens)

    def reconfigure(self, tokens: Iterable[Token]) -> None:
        """From the next request on, these."""
        listed = list(tokens)
        self._tokens = tuple((_digest(token.secret.encode()), _widen(token.scopes)) for token in listed)
        self._names = {_digest(token.secret.encode()): token.name for token in listed}

    def name_of(self, authorization: bytes | None) -> str:
        """Who asks, for the audit record: the token's name; without tokens it is somebody on this machine.

        Our command line says who it runs for (``Local NAME``), which is believed where everybody on this machine may do all.
        """
        scheme, _, text = (authorization or b"")[:LONGEST_TOKEN].partition(b" ")
        if not self._tokens and scheme.lower() == b"local":
            name = "".join(letter for letter in text.decode("utf-8", "replace").strip()[:LONGEST_NAME] if letter.isprintable())
            return f"{name}, on this machine" if name else "this machine"
        return self._names.get(_digest(text.strip()), "this machine")

    def check(self, authorization: bytes | None, peer: Peer, scope: Scope | None) -> None:
        """Refused with 401 or 403 unless the peer may do this. ``scope`` None: no token needed, but the place is checked."""
        if not self._tokens:
            if not peer.is_local:
                if peer.is_lured:
                    raise Refused(403, _LURED)
                raise Refused(
                    403, "no tokens are configured, so only this machine is answered; configure tokens to let others in"
                )
            return
        if scope is None:
            return
        scopes = self._scopes(authorization)
        if scopes is None:
            text = "a bearer token is needed" if authorization is None else "this token is not known"
            raise Refused(401, f"{text}; send the header Authorization: Bearer TOKEN", ((b"www-authenticate", b"Bearer"),))
        if scope not in scopes:
            raise Refused(403, f"this token has no scope {scope!r}")

    def _scopes(self, authorization: bytes | None) -> frozenset[Scope] | None:
        if authorization is None or len(authorization) > LONGEST_TOKEN:
            return None
        scheme, _, text = authorization.partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        shown = _digest(text.strip())
        found: frozenset[Scope] | None = None
        for known, scopes in self._tokens:  # all of them, whichever fits
            if hmac.compare_digest(known, shown):
                found = scopes
        return found


def _digest(secret: bytes) -> bytes:
    return hashlib.blake2b(secret, digest_size=32).digest()


def _widen(scopes: frozenset[Scope]) -> frozenset[Scope]:
    if "admin" in scopes:
        return frozenset(SCOPES)
    return scopes | {"read"} if "write" in scopes else scopes
