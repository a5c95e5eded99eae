from __future__ import annotations

from router.ingest.sources import SourceSettings


def test_keys_are_not_printed() -> None:
    source = SourceSettings(name="tools", kind="pagerduty", keys=("5e" * 16,))
    assert "5e5e" not in repr(source)
    assert "5e5e" not in f"{source}"
    assert "tools" in repr(source)
