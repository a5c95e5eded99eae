from __future__ import annotations

from router.importing.notes import Notes
from router.importing.routes import flatten
from router.importing.source import read_routes
from router.yamldoc import read


def lines(text: str) -> tuple[list[tuple[str, object, bool]], list[str]]:
    document = read(f"route: {{receiver: root, routes: [{text}]}}", "am.yml")
    notes = Notes(document)
    root = read_routes(document.data, notes)
    assert root is not None
    found = [(line.route.receiver, line.match, line.goes_on) for line in flatten(root, notes)]
    return found, [note.text for note in notes.all()]


def test_children_stand_before_their_parent() -> None:
    found, notes = lines("{receiver: a, match: {x: 1}, routes: [{receiver: b, match: {y: 2}}]}, {receiver: c, match: {z: 3}}")
    assert notes == []
    assert found == [
        ("b", {"labels": {"x": "1", "y": "2"}}, False),
        ("a", {"labels": {"x": "1"}}, False),
        ("c", {"labels": {"z": "3"}}, False),
        ("root", {}, False),
    ]


def test_what_goes_on_is_excepted_from_its_parent_only() -> None:
    found, _ = lines("{receiver: a, match: {x: 1}, continue: true}, {receiver: b, match: {y: 2}}")
    assert found == [
        ("a", {"labels": {"x": "1"}}, True),
        ("b", {"labels": {"y": "2"}}, False),
        ("root", {"unless": [{"labels": {"x": "1"}}]}, False),
    ]


def test_the_last_of_its_siblings_need_not_go_on() -> None:
    found, _ = lines("{receiver: a, match: {x: 1}, continue: true}")
    assert found == [("a", {"labels": {"x": "1"}}, False), ("root", {}, False)]


def test_within_a_route_that_goes_on_a_child_ends_the_walk_of_its_siblings() -> None:
    inner = "[{receiver: b, match: {y: 1}}, {receiver: c, match: {z: 1}}]"
    found, _ = lines(f"{{receiver: a, match: {{x: 1}}, continue: true, routes: {inner}}}, {{receiver: d, match: {{w: 1}}}}")
    assert found == [
        ("b", {"labels": {"x": "1", "y": "1"}}, True),
        ("c", {"labels": {"x": "1", "z": "1"}, "unless": [{"labels": {"y": "1"}}]}, True),
        ("a", {"labels": {"x": "1"}, "unless": [{"labels": {"y": "1"}}, {"labels": {"z": "1"}}]}, True),
        ("d", {"labels": {"w": "1"}}, False),
        ("root", {"unless": [{"labels": {"x": "1"}}]}, False),
    ]


def test_exceptions_that_cannot_meet_the_match_are_left_out() -> None:
    found, _ = lines(
        "{receiver: a, match: {x: 1}, routes: [{receiver: b, match: {y: 1}, continue: true}, {match: {q: 1}}]}, {match: {x: 2}}"
    )
    assert found[3] == ("root", {"labels": {"x": "2"}}, False)


def test_what_is_never_reached_is_left_out_with_a_note() -> None:
    assert lines("{receiver: a}, {receiver: b, match: {x: 1}}")[1] == [
        "never reached: route.routes[0] takes every alert; left out",
        "never reached: route.routes[0] takes every alert; left out",
    ]
    found, notes = lines("{receiver: a, match: {x: 1}}, {receiver: b, match: {x: 1}}")
    assert [each[0] for each in found] == ["a", "root"]
    assert notes == ["never reached: route.routes[0] takes the same alerts; left out"]
    found, notes = lines("{receiver: a, continue: true}, {receiver: b, match: {x: 1}}")
    assert [each[0] for each in found] == ["a", "b"]
    assert notes == ["never reached: a route within or before it takes every alert; left out"]


def test_what_no_alert_can_meet_is_left_out_with_a_note() -> None:
    found, notes = lines("{receiver: a, match: {x: 1}, routes: [{receiver: b, match: {x: 2}}]}")
    assert [each[0] for each in found] == ["a", "root"]
    assert notes == ["no alert can meet these matchers and those of the routes around it; left out"]
