"""Reading a request: paging, ranges, members that must be there."""

import pytest

from router.sandbox.rest_request import RestProblem, RestRequest, as_text, paged, reference_id
from router.sandbox.timestamps import add_months, parse_iso
from tests.unit.sandbox.builders import sandbox

NOW = 1_767_323_045_000


def request(query=None, content=None):
    world = sandbox()._world
    members = {"query": query or {}, "content": content or {}, "agent": None, "user_level": False, "now": NOW}
    return RestRequest(world=world, method="GET", path=("incidents", "7"), **members)


def refused(action):
    with pytest.raises(RestProblem) as caught:
        action()
    return caught.value.status, caught.value.code


def test_parameters():
    found = request({"a": ["1", "2"], "b[]": ["x"], "include[]": ["users"], "b": ["y"]})
    assert (found.one("a"), found.one("c"), found.many("b"), found.many("a")) == ("2", None, ["x"], [])
    assert found.includes("users")
    assert not found.includes("services")


def test_pages():
    rows = list(range(10))
    assert paged(request({"limit": ["4"], "offset": ["8"], "total": ["true"]}), "rows", rows) == {
        "rows": [8, 9],
        "limit": 4,
        "offset": 8,
        "more": False,
        "total": 10,
    }
    assert refused(lambda: paged(request({"limit": ["²"]}), "rows", rows)) == (400, 2001)
    assert refused(lambda: paged(request({"offset": ["10000"]}), "rows", rows)) == (400, 2002)


def test_ranges():
    assert request().date_range() == (add_months(NOW, -1), NOW + 1)
    since = parse_iso("2026-01-31T00:00:00Z")
    assert request({"since": ["2026-01-31"]}).date_range() == (since, add_months(since, 1))
    assert request({"until": ["2026-01-31"]}).date_range() == (add_months(since, -1), since)
    assert refused(request({"since": ["2026-1-31"]}).date_range) == (400, 2004)


def test_members():
    assert request(content={"x": {"y": 1}}).wrapped("x") == {"y": 1}
    assert refused(lambda: request().wrapped("x")) == (400, 2001)
    assert as_text({"a": "b"}, "a") == "b"
    assert reference_id({"a": {"id": "P"}}, "a") == "P"
    for wrong in (None, "", " ", 1):
        assert refused(lambda wrong=wrong: as_text({"a": wrong}, "a")) == (400, 2001)
    for wrong in (None, "P", {"id": 1}, {}):
        assert refused(lambda wrong=wrong: reference_id({"a": wrong}, "a")) == (400, 2001)


def test_an_incident_that_is_not_there():
    assert refused(request().incident) == (404, 5001)
