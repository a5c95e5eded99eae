import pytest

from router.pagerduty.pictures import alert_of, instant, logged, members, merge_target, name_of, rows, sighting_of


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        ("2026-01-02T03:04:05Z", 1_767_323_045_000),
        ("2026-01-02T03:04:05.678Z", 1_767_323_045_678),
        ("2026-01-01T22:04:05-05:00", 1_767_323_045_000),
        ("2026-01-02T03:04:05", 1_767_323_045_000),
        ("yesterday", 0),
        (None, 0),
        (7, 0),
    ],
)
def test_all_three_kinds_of_timestamps_are_read(value: object, ms: int) -> None:
    assert instant(value) == ms


def test_nulls_are_nothing() -> None:
    assert members(None) == {}
    assert rows(None) == []
    assert rows([None, {"a": 1}, 2]) == [{"a": 1}]
    assert name_of({"summary": None, "id": "PA"}) == "PA"
    assert sighting_of({"id": "Q1", "acknowledgements": None, "assignments": None, "service": None}).status == ""
    assert merge_target({"resolve_reason": None}) == ""
    assert alert_of({}).key == ""


def test_who_acknowledged_counts_before_who_changed_last() -> None:
    found = sighting_of(
        {
            "id": "Q1",
            "status": "acknowledged",
            "last_status_change_by": {"type": "service_reference", "summary": "payments"},
            "acknowledgements": [{"at": "x", "acknowledger": {"type": "user_reference", "summary": "Ada"}}],
        }
    )
    assert (found.who, found.by_person) == ("Ada", True)


def test_lines_of_a_log() -> None:
    entry = {"id": "R1", "type": "annotate_log_entry", "created_at": "2026-01-02T03:04:05Z", "agent": {"summary": "Ada"}}
    found = logged(entry | {"channel": {"type": "note", "note": "done"}}, "Q1")
    assert found is not None
    assert (found.kind, found.text, found.log_entry) == ("annotated", "done", "R1")
    assert logged({"type": "notify_log_entry"}, "Q1") is None
