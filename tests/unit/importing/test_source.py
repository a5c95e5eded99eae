from __future__ import annotations

from router.importing.notes import Notes
from router.importing.source import Inhibit, Route, is_true, listed, mapping, read_inhibitions, read_routes, texts
from router.yamldoc import read


def routes(text: str) -> tuple[Route | None, list[str]]:
    document = read(text, "am.yml")
    notes = Notes(document)
    return read_routes(document.data, notes), [note.written("am") for note in notes.all()]


def test_receivers_and_groups_are_inherited_intervals_are_not() -> None:
    root, notes = routes("""
route:
  receiver: a
  group_by: [x]
  active_time_intervals: [office]
  routes:
    - {match: {m: v}, match_re: {r: w}, matchers: ["n=o"], continue: true}
    - {receiver: b, group_by: ["..."], routes: [{mute_time_intervals: night}]}
""")
    assert root is not None
    assert notes == []
    first, second = root.routes
    assert (first.receiver, first.group_by, first.active, first.goes_on) == ("a", ["x"], [], True)
    assert [str(matcher) for matcher in first.matchers] == ['m="v"', 'r=~"w"', 'n="o"']
    assert (second.routes[0].receiver, second.routes[0].group_by, second.routes[0].mute) == ("b", None, ["night"])
    assert second.routes[0].path == ("route", "routes", 1, "routes", 0)


def test_what_is_not_understood_is_noted_and_the_rest_read() -> None:
    root, notes = routes("""
route:
  receiver: a
  matchers: ["x=y"]
  new_key: 1
  routes:
    - {matchers: ["nothing"]}
    - {match_re: {a: "("}}
    - {receiver: b}
    - text
""")
    assert root is not None
    assert [route.receiver for route in root.routes] == ["b", "a"]
    assert [note.split(": ", 2)[1] for note in notes] == ["error", "lost", "error", "error"]
    assert routes("x: 1")[1] == ["am:1: error: there is no root route"]
    assert "root" in routes("route: []")[1][0]


def test_routes_that_are_nested_too_deep_are_refused() -> None:
    text = "receiver: a"
    for _ in range(30):
        text = f"receiver: a, routes: [{{{text}}}]"
    _, notes = routes(f"route: {{{text}}}")
    assert [note.rsplit(": ", 1)[1] for note in notes] == ["routes are nested deeper than 30 levels"]


def test_inhibitions() -> None:
    document = read(
        """
inhibit_rules:
  - {source_match: {a: b}, target_match_re: {c: d.*}, equal: [e, f]}
  - {source_matchers: ["a=b"], target_matchers: ["nothing"]}
  - {source_matchers: ["a=b"], odd: 1}
""",
        "am.yml",
    )
    notes = Notes(document)
    found: list[Inhibit] = read_inhibitions(document.data, notes)
    assert [([str(one) for one in each.source], [str(one) for one in each.target], each.equal) for each in found] == [
        (['a="b"'], ['c=~"d.*"'], ["e", "f"]),
        (['a="b"'], [], []),
    ]
    assert [(note.kind, note.line) for note in notes.all()] == [("error", 4), ("lost", 5)]


def test_values_of_other_kinds_are_empty() -> None:
    assert mapping([1]) == {}
    assert listed("a") == ["a"]
    assert listed("") == []
    assert texts(["a", {}]) == ["a"]
    assert [is_true(each) for each in ("true", "Yes", "false", None)] == [True, True, False, False]
