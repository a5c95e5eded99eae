from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import pytest

from router.config.secrets import (
    MAX_READ_LATER,
    MAX_SECRET_BYTES,
    Problem,
    Purpose,
    Secret,
    Secrets,
    SecretUnavailable,
    check_reference,
    check_secret,
    is_reference,
)
from tests.support.config_texts import KEY


def private(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    return path


def test_a_secret_shows_nowhere() -> None:
    secret = Secret(KEY)
    shown = f"{secret} {secret!r} {secret!s} {secret:>10} %s %r" % (secret, secret) + repr([secret]) + repr({"a": secret})
    assert KEY not in shown
    assert "***" in shown
    assert not hasattr(secret, "__dict__")
    for serialise in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not serialised"):
            serialise(secret)
    assert secret.reveal() == KEY
    assert secret == Secret(KEY)
    assert hash(secret) == hash(Secret(KEY))
    assert secret != Secret("other")
    assert secret != KEY


def test_where_references_point(tmp_path: Path) -> None:
    private(tmp_path / "key", f"{KEY}\n")
    environ = {"KEY": KEY + "\r\n", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    secrets = Secrets(base=tmp_path, environ=environ, literals={"config:a.b": KEY})
    for reference in ("env:KEY", "file:key", f"file:{tmp_path}/key", "credential:key", "config:a.b"):
        assert secrets.read(reference) == []
        assert secrets.resolve(reference).reveal() == KEY
    assert KEY not in repr(secrets)


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("env:NOWHERE", "secret-missing"),
        ("env:EMPTY", "secret-empty"),
        ("env:not a name", "bad-reference"),
        ("file:nowhere", "secret-missing"),
        ("file:.", "secret-unreadable"),
        ("file:pipe", "secret-unreadable"),
        ("file:binary", "secret-unreadable"),
        ("file:large", "secret-unreadable"),
        ("file:empty", "secret-empty"),
        ("file:", "bad-reference"),
        ("credential:nowhere", "secret-missing"),
        ("credential:../key", "bad-reference"),
        ("config:gone", "secret-gone"),
        (KEY, "bad-reference"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, reference: str, code: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    private(tmp_path / "binary", b"\xff\xfe")
    private(tmp_path / "large", "x" * (MAX_SECRET_BYTES + 1))
    private(tmp_path / "empty", "\n")
    secrets = Secrets(base=tmp_path, environ={"EMPTY": " \n", "CREDENTIALS_DIRECTORY": str(tmp_path)})
    with pytest.raises(SecretUnavailable) as caught:
        secrets.resolve(reference)
    assert caught.value.problem.code == code
    assert KEY not in str(caught.value)


def test_a_file_that_its_owner_may_not_read_is_reported(tmp_path: Path) -> None:
    path = private(tmp_path / "loop", "")
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(SecretUnavailable) as caught:
        Secrets(base=tmp_path, environ={}).resolve("file:loop")
    assert (caught.value.problem.code, "cannot be read" in str(caught.value)) == ("secret-unreadable", True)


def test_credentials_need_systemd() -> None:
    with pytest.raises(SecretUnavailable) as caught:
        Secrets(environ={}).resolve("credential:key")
    assert "LoadCredential=key:PATH" in caught.value.problem.hint


@pytest.mark.parametrize(("mode", "who"), [(0o640, "its group"), (0o604, "everybody"), (0o644, "everybody"), (0o400, None)])
def test_a_file_that_others_can_read_earns_a_warning(tmp_path: Path, mode: int, who: str | None) -> None:
    private(tmp_path / "key", KEY).chmod(mode)
    problems = Secrets(base=tmp_path, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)}).read("file:key")
    assert [problem.code for problem in problems] == (["secret-exposed"] if who else [])
    assert all(problem.is_warning and f"by {who}" in problem.message for problem in problems)
    # systemd guards its credentials itself
    assert Secrets(environ={"CREDENTIALS_DIRECTORY": str(tmp_path)}).read("credential:key") == []


def test_line_breaks_go_and_blanks_are_told() -> None:
    secrets = Secrets(environ={"A": f"\n{KEY}\r\n\n", "B": f"  {KEY}\n"})
    assert secrets.read("env:A") == []
    assert [problem.code for problem in secrets.read("env:B")] == ["secret-blanks"]
    assert secrets.resolve("env:A") == secrets.resolve("env:B") == Secret(KEY)


def test_what_was_read_holds_until_the_next_load() -> None:
    environ = {"KEY": KEY}
    secrets = Secrets(environ=environ)
    secrets.read("env:KEY")
    environ["KEY"] = "changed"
    assert secrets.resolve("env:KEY").reveal() == KEY
    assert Secrets(environ=environ, previous=secrets).resolve("env:KEY").reveal() == "changed"


def test_a_reference_no_configuration_names_any_more_is_still_resolved_within_a_bound() -> None:
    environ = {f"KEY{number}": KEY for number in range(MAX_READ_LATER + 1)}
    secrets = Secrets(environ=environ)
    for number in range(MAX_READ_LATER):
        secrets.resolve(f"env:KEY{number}")
    with pytest.raises(SecretUnavailable, match="more than"):
        secrets.resolve(f"env:KEY{MAX_READ_LATER}")


def test_a_fingerprint_follows_the_secret_and_the_key() -> None:
    secrets = Secrets(environ={"A": KEY, "B": KEY, "C": "other-secret"})
    assert secrets.fingerprint("env:A") == secrets.fingerprint("env:B")
    assert secrets.fingerprint("env:A") != secrets.fingerprint("env:C")
    assert secrets.fingerprint("env:A") != secrets.fingerprint("env:A", key=b"pepper")
    assert len(secrets.fingerprint("env:A")) == 12


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (KEY, None),
        ("R0" + "A1" * 15, None),
        ("z" + KEY[1:], None),
        ("u+abcdefghijklmnopqr", "routing-key-is-token"),
        (KEY[:-1], "routing-key-length"),
        (KEY + "0", "routing-key-length"),
        (KEY[:-1] + "-", "routing-key-characters"),
        (KEY[:-1] + "é", "routing-key-characters"),
        ("0" * 32, "routing-key-example"),
        ("x" * 32, "routing-key-example"),
        ("e93facc04764012d7bfb002500d5d1a6", "routing-key-example"),
        ("<routing key of payments>", "routing-key-example"),
        ("CHANGEME", "routing-key-example"),
    ],
)
def test_routing_keys(text: str, code: str | None) -> None:
    problem = check_secret(text, Purpose.ROUTING_KEY)
    assert (problem.code if problem else None) == code
    assert problem is None or text not in f"{problem.message} {problem.hint}"


def test_keys_of_our_own_may_be_anything_that_is_not_short() -> None:
    for purpose in (Purpose.TOKEN, Purpose.INBOUND_KEY):
        weak = check_secret("short", purpose)
        assert weak is not None
        assert weak.is_warning
        assert check_secret("x" * 16, purpose) is None


def test_references() -> None:
    assert [text for text in ("env:A", "file:a", "credential:a", "config:a", "Env:A", "a", "") if is_reference(text)] == [
        "env:A",
        "file:a",
        "credential:a",
    ]
    assert check_reference("env:A_1") is None
    assert check_reference("file:/a b") is None
    assert check_reference("credential:pd.key-1") is None
    for bad in ("env:", "env:1A", "env:A B", "file:", "file:\0", "credential:", "credential:a/b", "credential:.."):
        assert check_reference(bad) is not None, bad


def test_a_routing_key_is_no_api_token() -> None:
    found = check_secret(KEY, Purpose.API_TOKEN)
    assert found is not None
    assert (found.code, found.is_warning) == ("token-is-routing-key", True)
    assert check_secret("u+aBcDeFgHiJkLmNoPqR", Purpose.API_TOKEN) is None


def test_what_is_refused_is_resolved_no_more_and_known_to_be_hidden() -> None:
    secrets = Secrets(environ={"A": "text-of-a", "B": "text-of-b"})
    secrets.read("env:A")
    for reference in ("env:A", "env:GONE"):
        secrets.refuse(reference, Problem(code="wrong-kind", message="no such thing"))
        with pytest.raises(SecretUnavailable, match="no such thing"):
            secrets.resolve(reference)
    assert [secret.reveal() for secret in secrets.known(["env:A", "env:GONE", "env:B"])] == ["text-of-a", "text-of-b"]
