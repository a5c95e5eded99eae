from __future__ import annotations

import pytest

from router.config.settings import TcpAddress, is_loopback_host
from tests.support.config_texts import KEY, MINIMAL, load


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("localhost", True),
        ("router.localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("127.0.0.1.example.com", False),
        ("127.evil.example", False),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_what_is_this_machine(host: str, *, expected: bool) -> None:
    assert is_loopback_host(host) is expected
    assert TcpAddress(host=host, port=1).is_loopback is expected


def test_addresses_print_as_they_are_written() -> None:
    assert str(TcpAddress(host="::1", port=1)) == "[::1]:1"
    assert str(TcpAddress(host="a", port=1)) == "a:1"
    assert [str(each) for each in load(MINIMAL + "listen: ['unix:/x', systemd]").listen] == ["unix:/x", "systemd"]


def test_settings_do_not_change_and_print_no_secret() -> None:
    settings = load(MINIMAL)
    with pytest.raises(AttributeError):
        settings.watch = False  # type: ignore[misc]
    assert KEY not in repr(settings)
