"""Genuine bodies with something odd in them: a member exchanged, left out, or bytes cut, put in, repeated. From a seed.

What hypothesis makes up from nothing rarely gets past a reader's first check; what was genuine until a moment ago does.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e308, 1.5, 10**30, "", "x" * 5_000, [], {}, [[]], {"a": {}}, [None], {"": None}),
    *("2026-09-21T13:13:20Z", "\U0001f600", "${{ a }}", "/(a+)+$/"),
)
_PIECES = (
    *(b'"', b"{", b"[", b":", b",", b"'", b"\\", b"\xff", b"(", b")", b"|", b"*", b"&a ", b"*a", b"!!x ", b"\n  ", b"`", b"@"),
    *(b"?", b"1e999", b"\x00", b"\xed\xa0\x80", b"\\ud800", b"=~", b"{{", b"%}"),
)


def mutate(body: bytes, chance: random.Random) -> bytes:
    """One of its many neighbours."""
    if chance.random() < 0.6:
        try:
            value = json.loads(body)
        except ValueError:
            return _bend(body, chance)
        for _ in range(chance.randint(1, 3)):
            value = _exchange(value, chance)
        return json.dumps(value).encode()
    return _bend(body, chance)


def _exchange(value: Any, chance: random.Random) -> Any:
    *way, last = chance.choice(list(_places(value))) or (None,)
    if last is None:
        return copy.deepcopy(chance.choice(ODD))
    inner = value
    for step in way:
        inner = inner[step]
    if chance.random() < 0.2:
        del inner[last]
    else:
        inner[last] = copy.deepcopy(chance.choice(ODD))
    return value


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield from _places(inner, (*way, step))


def _bend(body: bytes, chance: random.Random) -> bytes:
    bent = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(bent) + 1)
        match chance.randrange(4):
            case 0:
                del bent[place : place + chance.randint(1, 8)]
            case 1:
                bent[place:place] = chance.choice(_PIECES)
            case 2 if bent:
                bent[place % len(bent)] = chance.randrange(256)
            case _:
                begin = chance.randrange(len(bent) + 1)
                bent[place:place] = bent[begin : begin + chance.randint(1, 60)]
    return bytes(bent)
