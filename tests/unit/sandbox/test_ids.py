"""Ids: their shapes, and the same ones from the same seed."""

import re

from router.sandbox.ids import IdFactory


def test_shapes():
    ids = IdFactory(1)
    assert re.fullmatch(r"P[0-9A-Z]{13}", ids.resource("P"))
    assert re.fullmatch(r"01[0-9A-Z]{24}", ids.sortable())
    assert re.fullmatch(r"[0-9a-f]{32}", ids.hexadecimal())
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ids.uuid())
    assert re.fullmatch(r"[0-9A-Za-z+/]{62}==", ids.secret())


def test_seeds():
    def first(seed):
        ids = IdFactory(seed)
        return [ids.resource("Q") for _ in range(100)]

    assert first(1) == first(1)
    assert first(1) != first(2)
    assert len(set(first(1))) == 100
