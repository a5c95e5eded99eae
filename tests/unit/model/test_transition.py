from __future__ import annotations

import msgspec

from router.model.alert import Alert
from router.model.severity import Severity
from router.model.transition import ActiveAlert, AlertAsJournalled, StateRow, completed

ALERT = Alert(source="prometheus", fingerprint="f1", service="pay", name="Slow", severity=Severity.ERROR)


def unasked(row_id: int) -> Alert:
    raise AssertionError(row_id)


def test_a_row_without_its_alert_gets_it() -> None:
    row = StateRow("alert", 7, msgspec.json.encode(AlertAsJournalled((1, 2))))
    found = completed(row, {7: ALERT}.__getitem__)
    assert found.body is not None
    assert msgspec.json.decode(found.body, type=ActiveAlert) == ActiveAlert(alert=ALERT, groups=(1, 2))
    none = completed(StateRow("alert", 7, msgspec.json.encode(AlertAsJournalled(()))), {7: ALERT}.__getitem__)
    assert msgspec.json.decode(none.body or b"", type=ActiveAlert) == ActiveAlert(alert=ALERT)


def test_every_other_row_is_as_it_was() -> None:
    rows = [
        StateRow("alert", 7, msgspec.json.encode(ActiveAlert(alert=ALERT, groups=(1,)))),
        StateRow("alert", 7, None),
        StateRow("group", 7, b'{"groups":[1]}'),
    ]
    assert [completed(row, unasked) for row in rows] == rows
