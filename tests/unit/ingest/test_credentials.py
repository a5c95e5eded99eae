from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from router.ingest.credentials import check_sender
from router.model.receipt import Unauthorised
from router.model.webhook import Credentials, Signature

SECRET = "correct-horse-battery"
BODY = b'{"a": 1}'


def basic(user: str, password: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


def check(credentials: Credentials, headers: dict[bytes, bytes] | None = None, query: Any = None, body: bytes = BODY) -> None:
    check_sender(credentials, headers or {}, query or {}, body)


SHOWN: dict[str, tuple[dict[bytes, bytes], dict[str, list[str]]]] = {
    "bearer": ({b"authorization": f"Bearer {SECRET}".encode()}, {}),
    "basic": ({b"authorization": basic("anybody", SECRET)}, {}),
    "query": ({}, {"token": [SECRET]}),
    "header": ({b"x-token": SECRET.encode()}, {}),
}


@pytest.mark.parametrize("way", SHOWN)
def test_the_secret_may_be_shown_in_any_of_these_ways(way: str) -> None:
    check(Credentials(secret=SECRET, header="X-Token"), *SHOWN[way])


@pytest.mark.parametrize("way", SHOWN)
def test_another_secret_is_refused_and_not_repeated(way: str) -> None:
    headers, query = SHOWN[way]
    with pytest.raises(Unauthorised) as caught:
        check(Credentials(secret="another-secret-of-ours", header="X-Token"), headers, query)
    assert SECRET not in str(caught.value)
    assert "another" not in str(caught.value)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"authorization": b""},
        {b"authorization": b"Basic !"},
        {b"authorization": b"Basic " + b"\xff" * 9},
        {b"authorization": b"Digest x"},
    ],
)
def test_nothing_shown_is_refused(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Unauthorised):
        check(Credentials(secret=SECRET), headers)


def test_a_named_user_has_to_be_the_one() -> None:
    credentials = Credentials(secret=SECRET, user="grafana")
    check(credentials, {b"authorization": basic("grafana", SECRET)})
    for headers in ({b"authorization": basic("other", SECRET)}, {b"authorization": f"Bearer {SECRET}".encode()}):
        with pytest.raises(Unauthorised):
            check(credentials, headers)


def test_an_empty_query_name_closes_that_way() -> None:
    with pytest.raises(Unauthorised):
        check(Credentials(secret=SECRET, query=""), {}, {"token": [SECRET], "": [SECRET]})


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_signature_is_over_the_body(algorithm: Any, encoding: Any) -> None:
    digest = hmac.new(SECRET.encode(), BODY, getattr(hashlib, algorithm)).digest()
    shown = digest.hex().upper().encode() if encoding == "hex" else base64.b64encode(digest)
    credentials = Credentials(
        secret=SECRET, signature=Signature(header="X-Sig", algorithm=algorithm, encoding=encoding, prefix="v=")
    )
    check(credentials, {b"x-sig": b"v=" + shown})
    for headers, body in (({b"x-sig": b"v=" + shown}, BODY + b" "), ({b"x-sig": b"v=" + b"0" * 64}, BODY), ({}, BODY)):
        with pytest.raises(Unauthorised):
            check(credentials, headers, None, body)


def test_a_signing_source_takes_no_plain_secret() -> None:
    with pytest.raises(Unauthorised, match="not signed"):
        check(Credentials(secret=SECRET, signature=Signature(header="X-Sig")), *SHOWN["bearer"])
