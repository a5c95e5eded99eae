import pytest

from router.wire.text import clean, clean_line, cut, units


@pytest.mark.parametrize(("text", "length"), [("", 0), ("abc", 3), ("é", 1), ("😀", 2), ("a😀\ud800", 4)])
def test_units_are_those_of_utf16(text, length):
    assert units(text) == length


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("ééé", 3, "ééé"),
        ("éééé", 3, "éé…"),
        ("😀😀", 4, "😀😀"),
        ("😀😀", 3, "😀…"),
        ("a😀b", 3, "a…"),
        ("a😀bc", 4, "a😀…"),
        ("😀😀😀", 4, "😀…"),
        ("x\ud800yzzz", 4, "xy…"),
    ],
)
def test_cut_never_splits_a_character(text, limit, expected):
    assert cut(text, limit) == expected
    assert units(cut(text, limit)) <= limit


def test_clean_leaves_nothing_that_breaks_json():
    assert clean("plain é 😀") == "plain é 😀"
    assert (
        clean("a\x00b\x1b\x7f\x9f\ud800\uffffc\td\ne")
        == "a\N{REPLACEMENT CHARACTER}b" + "\N{REPLACEMENT CHARACTER}" * 5 + "c\td\ne"
    )
    clean("".join(map(chr, range(0x3000)))).encode()


def test_a_title_is_one_line():
    assert clean_line(" a \r\n\t b\x00 ") == "a b�"
    assert clean_line("plain text ") == "plain text "
