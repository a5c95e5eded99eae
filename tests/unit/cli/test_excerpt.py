from __future__ import annotations

import pytest

from router.cli.excerpt import WIDTH, Excerpts, find_secrets, hide_secrets
from router.errors import Span
from router.yamldoc import read

KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"


def span(line: int, column: int, end_column: int, end_line: int | None = None) -> Span:
    return Span(file="a.yaml", line=line, column=column, end_line=end_line or line, end_column=end_column)


def show(text: str | bytes, place: Span) -> list[str]:
    return Excerpts({"a.yaml": text if isinstance(text, bytes) else text.encode()}).show(place)


def test_the_line_and_a_caret_under_the_place() -> None:
    assert show("a: 1\nbc: def\n", span(2, 5, 8)) == ["    2 | bc: def", "      |     ^^^"]


def test_a_place_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    assert show("a: [1,\n  2]\n", span(1, 4, 5, end_line=2)) == ["    1 | a: [1,", "      |    ^^^"]


def test_an_empty_place_has_one_caret() -> None:
    assert show("", span(1, 1, 1)) == ["    1 |", "      | ^"]
    assert show("a:", span(1, 3, 3)) == ["    1 | a:", "      |   ^"]


def test_a_place_that_is_nowhere_shows_nothing() -> None:
    assert show("a", span(5, 1, 1)) == []
    assert Excerpts({}).show(Span(file="gone", line=2, column=1, end_line=2, end_column=1)) == []


def test_a_long_line_is_cut_around_the_place() -> None:
    line, caret = show("x" * 500 + "HERE" + "x" * 500, span(1, 501, 505))
    assert len(line) <= WIDTH + 8
    start = caret.index("^")
    assert line[start : start + 4] == "HERE"
    assert caret.count("^") == 4


def test_nothing_drives_the_terminal_and_line_breaks_are_those_of_yaml() -> None:
    assert show(b"a: \x1b[31m\xff\r\nb: \x07\r", span(2, 4, 5)) == ["    2 | b:", "      |    ^"]
    assert "\x1b" not in "".join(show(b"a: \x1b[31m", span(1, 4, 5)))
    assert show("\ufeffa: b", span(1, 4, 5)) == ["    1 | a: b", "      |    ^"]


@pytest.mark.parametrize(
    "line",
    [
        f"routing_key: {KEY}",
        f'routing_key: "{KEY}"',
        f"pagerduty: {{routing_key: {KEY}, foo: 1}}",
        f"'routing_key' : '{KEY}' # {KEY}",
        f"token: {KEY}",
        f"- {KEY}",
        f"  routing_kye: {KEY}",
        f"tokens: [{{name: x, token: {KEY}}}]",
        f"x: [ {KEY}",
    ],
)
def test_a_key_is_hidden_wherever_it_stands(line: str) -> None:
    hidden = hide_secrets(line)
    assert KEY not in hidden
    assert len(hidden) == len(line)


def test_what_stands_behind_a_secret_key_is_hidden_whatever_it_looks_like() -> None:
    assert hide_secrets("token: hunter2") == "token: *******"
    assert hide_secrets("{keys: [hunter2, swordfish], kind: x}") == "{keys: [*******, *********], kind: x}"
    assert hide_secrets("keys: [env:A, hunter2]") == "keys: [env:A, *******]"


def test_references_and_ordinary_text_are_shown() -> None:
    for line in ("routing_key: env:PD_KEY_PAYMENTS", "token: file:/etc/x", "  service: payment-api", "keys: [credential:a]"):
        assert hide_secrets(line) == line


def test_secrets_of_the_document_are_hidden_on_every_line() -> None:
    text = "keys:\n  - hunter2\n  - env:A\nother: hunter2\nrouting_key: |\n  multi\n  line\n"
    assert find_secrets(read(text, "a.yaml").data) == {"hunter2", "multi", "line"}
    assert show(text, span(2, 5, 12))[0] == "    2 |   - *******"
    assert show(text, span(4, 1, 6))[0] == "    4 | other: *******"
    assert show(text, span(6, 3, 6))[0] == "    6 |   *****"


def test_a_document_of_odd_shape_has_no_secrets() -> None:
    for data in (None, [], {"keys": {"a": []}}, {"keys": None}, 5):
        assert find_secrets(data) == set()
