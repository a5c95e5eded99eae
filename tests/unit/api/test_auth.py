from __future__ import annotations

import pytest

from router.api.auth import Authenticator, Peer, Scope, Token, check_listening, is_loopback, is_lured
from router.api.exchange import Refused

LOCAL, REMOTE, UNIX, NOBODY = Peer("127.0.0.1"), Peer("10.0.0.7"), Peer("", is_unix=True), Peer("")
TOKENS = [
    Token(name="prometheus", secret="in-secret", scopes=frozenset({"ingest"})),
    Token(name="viewer", secret="view-secret", scopes=frozenset({"read"})),
    Token(name="operator", secret="op-secret", scopes=frozenset({"write"})),
    Token(name="root", secret="root-secret", scopes=frozenset({"admin"})),
]


def status(authenticator: Authenticator, authorization: bytes | None, peer: Peer, scope: Scope | None) -> int:
    try:
        authenticator.check(authorization, peer, scope)
    except Refused as refused:
        return 0 if "secret" in refused.text else refused.status
    return 200


@pytest.mark.parametrize(("peer", "expected"), [(LOCAL, 200), (UNIX, 200), (REMOTE, 403), (NOBODY, 403), (Peer("::1"), 200)])
@pytest.mark.parametrize("scope", ["ingest", "read", "write", "admin", None])
def test_without_tokens_only_this_machine_is_answered(peer: Peer, expected: int, scope: Scope | None) -> None:
    assert status(Authenticator(), b"Bearer anything", peer, scope) == expected


@pytest.mark.parametrize(
    ("secret", "granted"),
    [
        ("in-secret", {"ingest"}),
        ("view-secret", {"read"}),
        ("op-secret", {"read", "write"}),
        ("root-secret", {"ingest", "read", "write", "admin"}),
    ],
)
@pytest.mark.parametrize("scope", ["ingest", "read", "write", "admin"])
def test_scopes(secret: str, granted: set[str], scope: Scope) -> None:
    authenticator = Authenticator(TOKENS)
    assert authenticator.has_tokens
    assert status(authenticator, f"Bearer {secret}".encode(), REMOTE, scope) == (200 if scope in granted else 403)
    assert status(authenticator, f"bearer  {secret} ".encode(), LOCAL, scope) == (200 if scope in granted else 403)


@pytest.mark.parametrize(
    "authorization", [None, b"", b"Bearer", b"Bearer ", b"Bearer in-secre", b"Basic in-secret", b"Bearer " + b"x" * 5000]
)
def test_unknown_tokens_even_from_this_machine(authorization: bytes | None) -> None:
    assert status(Authenticator(TOKENS), authorization, LOCAL, "ingest") == 401


def test_what_needs_no_token() -> None:
    assert status(Authenticator(TOKENS), None, REMOTE, None) == 200


def test_reconfigured_tokens_count_at_once() -> None:
    authenticator = Authenticator(TOKENS)
    authenticator.reconfigure([])
    assert not authenticator.has_tokens
    assert status(authenticator, None, LOCAL, "admin") == 200
    assert status(authenticator, b"Bearer root-secret", REMOTE, "admin") == 403


def test_secrets_are_not_printed() -> None:
    assert "secret" not in repr(TOKENS[0])


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("fe80::1%eth0", False),
        ("0.0.0.0", False),
        ("::", False),
        ("10.1.2.3", False),
        ("::ffff:10.0.0.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_listening_to_the_world_without_tokens_is_a_mistake() -> None:
    (mistake,) = check_listening(["127.0.0.1", "0.0.0.0", "localhost"], has_tokens=False)
    assert mistake.startswith("0.0.0.0 can be reached")
    assert check_listening(["0.0.0.0"], has_tokens=True) == []


@pytest.mark.parametrize(
    ("headers", "lured"),
    [
        ({b"host": b"127.0.0.1:9095"}, False),
        ({b"host": b"[::1]:9095"}, False),
        ({b"host": b"localhost"}, False),
        ({b"host": b"LocalHost.:9095"}, False),
        ({b"host": b"app.localhost:9095"}, False),
        ({b"host": b"alert-router:9095"}, False),
        ({b"host": b"10.1.2.3:9095"}, False),
        ({}, False),
        ({b"host": b"rebound.example.com:9095"}, True),
        ({b"host": b"127.0.0.1.example.com"}, True),
        ({b"host": b"localhost.example.com"}, True),
        ({b"host": b"[::1].example.com"}, True),
        ({b"host": b"\xff.com"}, True),
        ({b"host": b"127.0.0.1:9095", b"origin": b"http://127.0.0.1:9095"}, False),
        ({b"host": b"127.0.0.1:9095", b"origin": b"http://127.0.0.1:8080"}, True),
        ({b"host": b"127.0.0.1:9095", b"origin": b"https://example.com"}, True),
        ({b"host": b"127.0.0.1:9095", b"origin": b"null"}, True),
    ],
)
def test_what_a_page_from_elsewhere_made_a_browser_send_is_not_local(headers: dict[bytes, bytes], lured: bool) -> None:
    assert is_lured(headers) is lured
    peer = Peer("127.0.0.1", is_lured=is_lured(headers))
    assert peer.is_local is not lured
    if lured:
        with pytest.raises(Refused, match="or localhost, or configure tokens") as refused:
            Authenticator().check(None, peer, "read")
        assert refused.value.status == 403


def test_without_tokens_our_command_line_says_whom_it_runs_for() -> None:
    nobody = Authenticator()
    assert nobody.name_of(b"Local ada") == "ada, on this machine"
    assert nobody.name_of(b"local  \xff\x1b[31m ") == "\ufffd[31m, on this machine"
    assert nobody.name_of(b"Local " + b"x" * 500) == "x" * 64 + ", on this machine"
    assert nobody.name_of(b"Local ") == nobody.name_of(None) == "this machine"
    some = Authenticator([Token(name="bot", secret="a secret of some length", scopes=frozenset({"write"}))])
    assert some.name_of(b"Local ada") == "this machine"
    assert some.name_of(b"Bearer a secret of some length") == "bot"
