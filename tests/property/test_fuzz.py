"""Foreign bytes at every reader end in a clean answer after a bounded number of steps: what was found before, and what hypothesis makes up.

``python -m tests.fuzz`` searches longer, guided by coverage; what is found is put into ``tests/fuzz/corpus/TARGET/``.
"""

from __future__ import annotations

import json
import os
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutating import mutate
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS
from tests.support.steps import steps_of

CORPUS = sorted(path for path in (Path(__file__).parents[1] / "fuzz" / "corpus").rglob("*") if path.is_file())
MUTATIONS = int(os.environ.get("FUZZ_MUTATIONS", "1000"))
MOST_BYTES, MOST_BYTES_EACH = 4_000_000, 400
"""Of memory while an input is read: what a reader needs in any case, and for each byte of it."""
MOST_STEPS, MOST_STEPS_EACH = 20_000, 500
"""Calls while an input is read: in any case, and for each byte. What is quadratic in thousands of parts makes millions more."""


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once_stays_mended(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_no_bytes_do_more_than_be_refused(target: str) -> None:
    @settings(max_examples=150)
    @given(st.binary(max_size=200))
    def look(data: bytes) -> None:
        TARGETS[target](data)

    look()


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_almost_genuine_is_read_or_refused_within_a_bound_of_memory(target: str) -> None:
    """FUZZ_SEED=7 FUZZ_MUTATIONS=100000 bends others, and more of them. The bytes of one that fails are in the message."""
    seed = f"{target} {os.environ.get('FUZZ_SEED', '0')}"
    chance = random.Random(seed)
    begin = 1 if target == "hook" else 0  # its first byte says which of the readers
    for number in range(MUTATIONS):
        body = chance.choice(SEEDS[target])
        data = body[:begin] + mutate(body[begin:], chance)
        try:
            TARGETS[target](data)
        except Exception as error:
            raise AssertionError(f"seed {seed}, number {number}: {data[:2000]!r}") from error
    tracemalloc.start()
    try:
        for _ in range(20):
            body = chance.choice(SEEDS[target])
            data = body[:begin] + mutate(body[begin:], chance)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            TARGETS[target](data)
            assert tracemalloc.get_traced_memory()[1] - before < MOST_BYTES + MOST_BYTES_EACH * len(data)
    finally:
        tracemalloc.stop()


LINES = st.sampled_from(
    [
        b"POST /x HTTP/1.1\r\n", b"HEAD /x HTTP/1.1\r\n", b"GET /y HTTP/1.0\r\n", b"CONNECT a:1 HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"POST //x?%ff#a HTTP/1.1\r\n", b"POST http://e/x HTTP/1.1\r\n", b"Host: a\r\n", b"Host: b\r\n", b"Host : a\r\n",
        b"Content-Length: 2\r\n", b"Content-Length: 02\r\n", b"Content-Length: +2\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length: 5000\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n", b"Expect: 100-continue\r\n", b"Expect: tea\r\n", b"Upgrade: h2c\r\n",
        b"Connection: Upgrade\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n", b" folded\r\n", b"X: \xff\x00\r\n",
        b"\r\n", b"\n", b"\r", b"{}", b"2\r\n{}\r\n", b"0\r\n\r\n", b"0\r\nHost: a\r\n\r\n", b"2;x=y\r\n{}\r\n",
        b"-1\r\n", b"x" * 3000,
    ]
)  # fmt: skip


@settings(max_examples=400)
@given(cut=st.integers(0, 40), pieces=st.lists(LINES | st.binary(max_size=5), max_size=14))
@example(cut=15, pieces=[b"HEAD /x HTTP/1.1\r\n", b"Host: a\r\n", b"Content-Length: 2\r\n", b"\r\n", b"{}"])
def test_no_sequence_of_lines_confuses_the_connection(cut: int, pieces: list[bytes]) -> None:
    TARGETS["http"](bytes([cut]) + b"".join(pieces))


PIECES = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{#", "#}", " ", "service", "labels", ".", "[", "]", "'a'", "|", "items", "default(", ")",
    "(", "+", "*",
     "**", "//", "%", "~", "not ", "in ", "is ", "if ", "else", "endif", "for k, v in ", "endfor", "loop.index",
     "__class__", "1e308",
     "9" * 30, "range(9)", ",", "true", "set x = 1", "macro f()", "import 'x'", "-", "\n", "upper", "float", "round(",
     "join(", "é"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(PIECES, max_size=20).map("".join))
@example("{{ " + "(" * 300 + "1" + ")" * 300 + " }}")
@example("{{ " + "not " * 900 + "1 }}")
@example("{{ " + "1 + (" * 250 + "1" + ")" * 250 + " }}")
@example("{{ " + "-" * 2_000 + "1 }}")
@example("{{ service" + "|upper" * 600 + " }}")
@example("{{ labels" + "['a']" * 700 + " }}")
@example("{% if 1 %}" * 200 + "{% endif %}" * 200)
@example("{{ [" * 100 + "]" * 100 + "}}")
@example("{{ " + "9" * 4_000 + " }}")
def test_no_template_does_more_than_fail(text: str) -> None:
    data = text.encode()
    assert steps_of(lambda: TARGETS["template"](data)) < MOST_STEPS + MOST_STEPS_EACH * len(data)


DEEP = 20_000
LARGE = {
    "yaml": [b"[" * DEEP, b"a:\n" * DEEP, b"- " * DEEP, b"? " * DEEP, b"{a: " * DEEP, b"&a " * DEEP, b"'" * DEEP,
    b"!!x " * DEEP,
             b"".join(b" " * depth + b"a:\n" for depth in range(300)), b"a: 'b\n" * DEEP, b"x: [" + b"1," * DEEP, b"#" * DEEP,
             b"\n".join(b"k%d: v" % number for number in range(DEEP)), b"a: >-\n" + b" x\n" * DEEP, b"- a\n" * 3 * DEEP],
    "rules": [b"rules:\n" + b"- {id: a, match: {service: a}}\n" * 2_000, b"rules: [" + b"{}," * 5_000 + b"]",
              b"rules:\n- {id: a, match: {service: [" + b"'*a*a*b'," * 2_000 + b"]}}\n"],
    "alertmanager": [b"[" * DEEP, b'[{"labels":' + b'{"a":' * DEEP, b'[{"labels":{"a":"' + b"x" * DEEP + b'"}}]',
    b"[{}," * DEEP,
                     json.dumps([{"labels": {f"l{n}": "v" for n in range(DEEP)}}]).encode(), b"[" + b"{}," * DEEP + b"{}]",
                     b"[" + b'{"labels":{"a":"b"}},' * DEEP + b"{}]",
                     b'[{"labels":{"a":"b"},"startsAt":"' + b"9" * DEEP + b'"}]'],
    "generic": [b"[" * DEEP, b'{"service":"a","details":' + b'{"a":' * DEEP, b'{"service":"a","score":' + b"9" * DEEP + b"}",
                b'{"service":"a","score":1e' + b"9" * DEEP + b"}", b"[" + b'{"service":"a"},' * DEEP + b"{}]"],
    "event": [b"{" * DEEP, b'{"payload":' * DEEP, b'{"routing_key":"' + b"x" * DEEP + b'"}'],
    "http": [b"\x00" + b"a" * 200_000, b"\x00POST /" + b"a" * 90_000, b"\x00POST /x HTTP/1.1\r\n" + b"A: b\r\n" * 5_000,
             b"\x28POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 5_000,
             b"\x28" + b"GET /y HTTP/1.1\r\nHost: a\r\n\r\n" * 2_000, b"\x00" + b"\r\n" * 50_000],
}  # fmt: skip


@pytest.mark.parametrize(("target", "data"), [(target, data) for target, found in LARGE.items() for data in found])
def test_large_and_deep_input_takes_a_bounded_number_of_steps(target: str, data: bytes) -> None:
    assert steps_of(lambda: TARGETS[target](data)) < MOST_STEPS + MOST_STEPS_EACH * len(data)
