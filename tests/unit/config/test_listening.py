from __future__ import annotations

from pathlib import Path

import pytest

from router.config.settings import Address, HandedOverSockets, TcpAddress, UnixAddress
from tests.support.config_texts import MINIMAL, diagnose, load


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("127.0.0.1:9095", TcpAddress(host="127.0.0.1", port=9095)),
        ("localhost:1", TcpAddress(host="localhost", port=1)),
        ("'[::1]:9095'", TcpAddress(host="::1", port=9095)),
        ("unix:/run/x.sock", UnixAddress(path=Path("/run/x.sock"))),
        ("unix:x.sock", UnixAddress(path=Path("/etc/router/x.sock"))),
        ("systemd", HandedOverSockets()),
    ],
)
def test_addresses(written: str, address: Address) -> None:
    assert load(MINIMAL + f"listen: {written}").listen == (address,)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("9095", "127.0.0.1:9095"),
        ("':9095'", "127.0.0.1:9095"),
        ("/run/x.sock", "did you mean unix:/run/x.sock?"),
        ("http://localhost:9095", "leave out the scheme"),
        ("::1:9095", "[::1]:9095"),
        ("sytemd", 'did you mean "systemd"?'),
        ("'h:0'", ""),
        ("'a b:5'", ""),
    ],
)
def test_hints(written: str, hint: str) -> None:
    (found,) = diagnose(MINIMAL + f"listen: {written}")
    assert found.code == "bad-address"
    assert hint in found.hint


@pytest.mark.parametrize(("host", "is_open"), [("0.0.0.0", True), ("127.8.9.1", False), ("'[::]", True), ("router", True)])
def test_an_address_for_others_needs_tokens(host: str, *, is_open: bool) -> None:
    written = f"listen: {host}:9095{chr(39) if host.startswith(chr(39)) else ''}\n"
    assert [each.code for each in diagnose(MINIMAL + written)] == (["no-tokens"] if is_open else [])
    assert diagnose(MINIMAL + written + "tokens: [{name: x, token: env:TOKEN, scopes: [read]}]") == []
