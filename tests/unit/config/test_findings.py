from __future__ import annotations

from pathlib import Path

from router.config.findings import Findings
from router.config.secrets import Purpose
from router.yamldoc import read
from tests.support.config_texts import KEY


def findings() -> Findings:
    return Findings(read("a: {b: c}\nd: e\n", "config.yaml"), Path("/base"))


def test_places_and_levels() -> None:
    found = findings()
    found.complain(("a", "b"), "x", "error")
    found.warn(("d",), "y", "warning", key=True)
    assert [(each.code, each.level, str(each.span)) for each in found.diagnostics] == [
        ("x", "error", "config.yaml:1:8"),
        ("y", "warning", "config.yaml:2:1"),
    ]


def test_nothing_is_said_of_what_is_broken() -> None:
    found = findings()
    found.broken.add(("a",))
    found.complain(("a", "b"), "x", "error")
    found.warn(("a",), "x", "warning")
    assert found.refer(("a", "b"), "env:KEY", Purpose.TOKEN) == "env:KEY"
    assert (found.diagnostics, found.references) == ([], {})
    assert not found.is_broken(("d",))


def test_paths_start_from_the_base() -> None:
    assert findings().resolve_path("x/y") == Path("/base/x/y")
    assert findings().resolve_path("/x") == Path("/x")
    assert findings().resolve_path("~/x") == Path.home() / "x"


def test_a_reference_is_kept_and_a_literal_gets_one() -> None:
    found = findings()
    assert found.refer(("d",), "env:KEY", Purpose.ROUTING_KEY) == "env:KEY"
    assert found.refer(("a", "b"), f"{KEY} ", Purpose.ROUTING_KEY) == "config:a.b"
    assert found.literals == {"config:a.b": KEY}
    assert found.references == {("d",): ("env:KEY", Purpose.ROUTING_KEY), ("a", "b"): ("config:a.b", Purpose.ROUTING_KEY)}
    assert [each.code for each in found.diagnostics] == ["literal-secret"]


def test_a_reference_of_another_kind_is_no_literal() -> None:
    for written in ("vault:a", "ENV:KEY", "$KEY", "${KEY}"):
        found = findings()
        found.refer(("d",), written, Purpose.ROUTING_KEY)
        assert [each.code for each in found.diagnostics] == ["bad-reference"]
        assert found.literals == {}
    # a token of one's own may look like that
    found = findings()
    found.refer(("d",), "user:password-of-mine", Purpose.TOKEN)
    assert [each.code for each in found.diagnostics] == ["literal-secret"]
