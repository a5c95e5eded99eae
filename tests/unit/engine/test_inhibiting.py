from __future__ import annotations

from router.engine.inhibiting import Inhibiting
from router.model.pattern import Pattern
from router.model.ruleset import Inhibition, Match
from tests.support.engine import event, fire

DOWN = Inhibition(
    id="down", source=Match(names=(Pattern("NodeDown"),)), target=Match(names=(Pattern("Slow"),)), equal=("node",)
)
BOTH = Inhibition(id="both", source=Match(names=(Pattern("A*"),)), target=Match(names=(Pattern("*"),)))


def found(inhibiting: Inhibiting, name: str, **labels: str) -> list[tuple[str, list[int]]]:
    return list(inhibiting.find(fire("web", name, labels=labels).alert))


def test_sources_are_kept_by_their_equal_values_and_a_missing_one_is_empty() -> None:
    inhibiting = Inhibiting([DOWN])
    assert inhibiting
    assert inhibiting.put(1, fire("host", "NodeDown", labels={"node": "n1"}).alert) == set()
    assert inhibiting.put(2, fire("host", "NodeDown").alert) == set()
    assert inhibiting.put(3, event("host", "NodeDown").alert) == set()
    assert found(inhibiting, "Slow", node="n1") == [("down", [1])]
    assert found(inhibiting, "Slow", node="") == found(inhibiting, "Slow") == [("down", [2])]
    assert found(inhibiting, "Slow", node="n2") == found(inhibiting, "Other", node="n1") == []
    assert inhibiting.put(1, fire("host", "NodeDown", labels={"node": "n1"}, severity="info").alert) == set()
    assert inhibiting.put(1, fire("host", "NodeDown", labels={"node": "n2"}).alert) == {"down"}
    assert found(inhibiting, "Slow", node="n1") == []
    assert inhibiting.drop(1) == {"down"}
    assert inhibiting.drop(1) == set()
    assert found(inhibiting, "Slow", node="n2") == []


def test_what_is_source_and_target_is_muted_only_by_what_is_source_alone() -> None:
    inhibiting = Inhibiting([BOTH])
    inhibiting.put(5, fire("web", "A1").alert)
    inhibiting.put(4, fire("web", "A2").alert)
    assert found(inhibiting, "A3") == []
    assert found(inhibiting, "B") == [("both", [4, 5])]
    assert not Inhibiting([])
