from __future__ import annotations

from xml.etree import ElementTree as ET

from router.cli.junit import Case, write_junit


def test_suites_by_file_with_failures_and_whatever_text() -> None:
    document = write_junit(
        [
            Case(file="a.test.yaml", name='say "<hi>" & \x07', line=3, took_seconds=0.0123),
            Case(
                file="b.test.yaml", name="two", line=5, took_seconds=1, failure="expected <x>", details="a\n\x00 & ]]> \ud800"
            ),
            Case(file="a.test.yaml", name="three", line=9, took_seconds=0.5),
        ]
    )
    root = ET.fromstring(document)
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    first, second = root
    assert [first.get(key) for key in ("name", "tests", "failures", "time")] == ["a.test.yaml", "2", "0", "0.512"]
    assert [case.get("name") for case in first] == ['say "<hi>" & ·', "three"]
    assert [first[0].get(key) for key in ("classname", "file", "line", "time")] == ["a.test.yaml", "a.test.yaml", "3", "0.012"]
    (failure,) = second[0]
    assert (failure.get("message"), failure.text) == ("expected <x>", "a\n· & ]]> ·")
