"""Which request a fault strikes: by count, after some, by chance, by span, by key, by face."""

from router.sandbox.faults import Fault, FaultPlan


def struck(fault, requests, seed=1, face="events", key="k"):
    plan = FaultPlan(seed)
    plan.install(fault, 1_000)
    return [plan.pick(now, face, key) is not None for now in requests]


def test_by_count_after_some():
    assert struck(Fault(kind="500", skip=1, count=2), [1_000] * 5) == [False, True, True, False, False]


def test_by_span():
    fault = Fault(kind="500", starts_in_ms=100, lasts_ms=50)
    assert struck(fault, [1_099, 1_100, 1_149, 1_150]) == [False, True, True, False]


def test_by_chance_from_the_seed():
    fault = Fault(kind="500", probability=0.5)
    first = struck(fault, [1_000] * 200)
    assert first == struck(fault, [1_000] * 200)
    assert first != struck(fault, [1_000] * 200, seed=2)
    assert 60 < sum(first) < 140


def test_by_key_and_face():
    assert struck(Fault(kind="500", routing_key="k"), [1_000]) == [True]
    assert struck(Fault(kind="500", routing_key="other"), [1_000]) == [False]
    assert struck(Fault(kind="500"), [1_000], face="rest") == [False]
    assert struck(Fault(kind="500", face="any"), [1_000], face="rest") == [True]


def test_the_first_that_matches_strikes():
    plan = FaultPlan(0)
    plan.install(Fault(kind="500", count=1), 0)
    plan.install(Fault(kind="503"), 0)
    assert [plan.pick(0, "events").kind for _ in range(3)] == ["500", "503", "503"]
    plan.clear()
    assert plan.pick(0, "events") is None
