"""Connections leave descriptors for everything else; the soft limit is raised as far as it may be."""

import resource

import pytest

from router.daemon.descriptors import FEWEST, RESERVED, affordable_connections

INFINITY = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "wanted", "affordable", "soft"),
    [
        ((1024, 20_000), 1000, 1000, 1000 + RESERVED),
        ((65_536, 65_536), 1000, 1000, 65_536),
        ((256, 256), 1000, 256 - RESERVED, 256),
        ((256, 512), 1000, 512 - RESERVED, 512),
        ((40, 40), 1000, FEWEST, 40),
        ((256, INFINITY), 1000, 1000, 1000 + RESERVED),
        ((INFINITY, INFINITY), 1000, 1000, INFINITY),
    ],
)
def test_the_limit_is_raised_and_what_it_affords_is_told(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], wanted: int, affordable: int, soft: int
) -> None:
    now = [limits]
    monkeypatch.setattr(resource, "getrlimit", lambda _: now[0])
    monkeypatch.setattr(resource, "setrlimit", lambda _, changed: now.__setitem__(0, changed))
    assert affordable_connections(wanted) == affordable
    assert now[0] == (soft, limits[1])
