"""Whether a sender of webhooks is who it should be: the secret itself, shown somewhere, or a signature made with it.

Everything is compared in constant time. Must never do: repeat what a sender showed, or tell which part of it was wrong.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterator, Mapping

from router.model.receipt import Unauthorised
from router.model.webhook import Credentials, Signature

LONGEST_SHOWN = 4_096
"""Bytes of a header or query value that is looked at."""


def check_sender(credentials: Credentials, headers: Mapping[bytes, bytes], query: Mapping[str, list[str]], body: bytes) -> None:
    """Unauthorised, with what was expected, unless the sender shows the secret or signed the body with it."""
    if credentials.signature is not None:
        _check_signature(credentials.signature, credentials.secret, headers, body)
        return
    secret = credentials.secret.encode()
    is_right, is_shown = False, False
    for shown in _find_shown(credentials, headers, query):
        is_shown = True
        is_right |= hmac.compare_digest(secret, shown[:LONGEST_SHOWN])
    if not is_right:
        where = "the header Authorization (Bearer, or Basic with it as the password)"
        if credentials.header:
            where += f", the header {credentials.header}"
        if credentials.query:
            where += f", or {credentials.query}= in the URL"
        raise Unauthorised(
            f"{'this is not the secret of this source' if is_shown else 'no secret is shown'}; send it in {where}"
        )


def _find_shown(credentials: Credentials, headers: Mapping[bytes, bytes], query: Mapping[str, list[str]]) -> Iterator[bytes]:
    scheme, _, text = headers.get(b"authorization", b"").partition(b" ")
    match scheme.lower():
        case b"bearer" | b"token" | b"genie" | b"genie_key":
            if not credentials.user:
                yield text.strip()
        case b"basic":
            user, password = _read_basic(text)
            # Compared like a secret: a user's name narrows the search for the password.
            if not credentials.user or hmac.compare_digest(credentials.user.encode(), user):
                yield password
            else:
                yield b""
        case _:
            pass
    if credentials.header and (value := headers.get(credentials.header.lower().encode("latin-1", "replace"))) is not None:
        yield value.strip()
    if credentials.query:
        yield from (value.encode() for value in query.get(credentials.query, ()))


def _read_basic(text: bytes) -> tuple[bytes, bytes]:
    try:
        user, _, password = base64.b64decode(text.strip()[:LONGEST_SHOWN], validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return b"", b""
    return user, password


def _check_signature(signature: Signature, secret: str, headers: Mapping[bytes, bytes], body: bytes) -> None:
    shown = headers.get(signature.header.lower().encode("latin-1", "replace"))
    if shown is None:
        raise Unauthorised(f"the request is not signed: the header {signature.header} is missing")
    digest = hmac.digest(secret.encode(), body, signature.algorithm)
    expected = digest.hex().encode() if signature.encoding == "hex" else base64.b64encode(digest)
    given = shown.strip()[:LONGEST_SHOWN].removeprefix(signature.prefix.encode())
    if signature.encoding == "hex":
        given = given.lower()
    if not hmac.compare_digest(expected, given):
        raise Unauthorised(
            f"the signature in {signature.header} was not made with this source's secret over this body "
            "(did something on the way change the body?)"
        )
