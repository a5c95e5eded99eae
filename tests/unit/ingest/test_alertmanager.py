from __future__ import annotations

import json
from typing import Any

import pytest

from router.ingest.alertmanager import AlertmanagerReader
from router.ingest.batch import Batch
from router.ingest.register import Register
from router.ingest.sources import SourceSettings
from router.model.journal import AlertReceived, Entry
from router.model.receipt import TooLarge, Unreadable
from router.model.severity import Severity, SeverityScale
from tests.support.doors import A_SECOND_AGO, AN_HOUR_AGO, AN_HOUR_ON, NOW, body, posted

HOUR = 3_600_000


class Bench:
    def __init__(self, **settings: Any) -> None:
        self.register = Register()
        source = SourceSettings(name="prometheus", kind="alertmanager", **settings)
        self.reader = AlertmanagerReader(source, self.register, SeverityScale(), 100)

    def read(self, *alerts: object) -> Batch:
        return self.reader.read(body(*alerts), NOW)

    def take(self, batch: Batch) -> None:
        plan = self.register.plan(batch.reports, NOW)
        entries = [Entry(seq=n, at=NOW, fact=AlertReceived(alert=alert)) for n, alert in enumerate(plan.alerts, 1)]
        self.register.apply(plan, entries, NOW)


def test_everything_of_an_alert_is_read() -> None:
    (report,) = Bench().read(posted(cluster="eu")).reports
    alert = report.alert
    assert alert.source == "prometheus"
    assert (alert.service, alert.name, alert.severity) == ("checkout", "HighLatency", Severity.CRITICAL)
    assert (alert.status, alert.kind, alert.resolved_by) == ("firing", "stateful", "")
    assert alert.labels == {"alertname": "HighLatency", "service": "checkout", "severity": "critical", "cluster": "eu"}
    assert (alert.annotations, alert.summary) == ({"summary": "slow"}, "slow")
    assert alert.generator_url == "http://prometheus/graph"
    assert alert.starts_at == NOW - HOUR
    assert (report.ends_at, report.is_timeout) == (NOW + HOUR, False)


def test_an_end_that_has_passed_means_resolved() -> None:
    (report,) = Bench().read(posted(A_SECOND_AGO)).reports
    assert (report.alert.status, report.alert.resolved_by) == ("resolved", "source")
    assert report.ends_at == NOW - 1000
    (now,) = Bench().read(posted("2026-09-21T14:13:20Z")).reports
    assert now.alert.status == "resolved"


@pytest.mark.parametrize("end", [None, "", "0001-01-01T00:00:00Z"])
def test_without_an_end_the_resolve_timeout_counts(end: str | None) -> None:
    (report,) = Bench(resolve_timeout_ms=7000).read(posted(None) | {"endsAt": end}).reports
    assert (report.ends_at, report.is_timeout, report.alert.status) == (NOW + 7000, True, "firing")


@pytest.mark.parametrize("start", [None, "", "0001-01-01T00:00:00Z"])
def test_a_start_that_is_not_set(start: str | None) -> None:
    (report,) = Bench().read(posted() | {"startsAt": start}).reports
    assert (report.alert.starts_at, report.began_at) == (NOW, 0)
    (resolved,) = Bench().read(posted(A_SECOND_AGO) | {"startsAt": start}).reports
    assert (resolved.alert.starts_at, resolved.began_at) == (NOW - 1000, 0)


def test_empty_label_values_are_dropped_before_the_fingerprint() -> None:
    bench = Bench()
    first, second = bench.read(posted(), posted(empty="")).reports
    assert first.alert.fingerprint == second.alert.fingerprint
    assert second.alert.labels == first.alert.labels


@pytest.mark.parametrize(
    ("labels", "settings", "service"),
    [
        ({"service": "a", "job": "b"}, {}, "a"),
        ({"job": "b"}, {}, "b"),
        ({"x": "y"}, {}, "unknown"),
        ({"app": "c", "service": "a"}, {"service_labels": ("app",)}, "c"),
    ],
)
def test_what_names_the_service(labels: dict[str, str], settings: dict[str, Any], service: str) -> None:
    (report,) = Bench(**settings).read({"labels": labels}).reports
    assert report.alert.service == service


def test_other_labels_for_name_and_severity() -> None:
    bench = Bench(name_label="rule", severity_label="level")
    (report,) = bench.read({"labels": {"rule": "R", "level": "0.9", "alertname": "A"}}).reports
    assert (report.alert.name, report.alert.severity) == ("R", Severity.CRITICAL)


@pytest.mark.parametrize(
    ("annotations", "summary"),
    [
        ({"summary": "a", "description": "b"}, "a"),
        ({"message": "m", "description": "b"}, "m"),
        ({"description": "b"}, "b"),
        ({"summary": "", "description": "b"}, "b"),
        ({}, ""),
        (None, ""),
    ],
)
def test_the_summary(annotations: dict[str, str] | None, summary: str) -> None:
    (report,) = Bench().read({"labels": {"a": "b"}, "annotations": annotations}).reports
    assert report.alert.summary == summary


def test_a_resend_is_taken_while_reading() -> None:
    bench = Bench()
    bench.take(bench.read(posted()))
    again = bench.read(posted("2026-09-21T15:14:20Z"))
    assert (again.resent, again.reports, again.refusals) == (1, [], [])
    assert bench.register.expires_at(1, "prometheus", _fingerprint(bench)) == NOW + HOUR + 60_000


def _fingerprint(bench: Bench) -> str:
    (report,) = bench.read(posted(A_SECOND_AGO)).reports
    return report.alert.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"annotations": {"summary": "slower"}},
        {"generatorURL": "http://other"},
        {"startsAt": A_SECOND_AGO},
        {"endsAt": A_SECOND_AGO},
        {"labels": {"alertname": "Other"}},
    ],
)
def test_what_is_not_the_same_gets_a_closer_look(change: dict[str, Any]) -> None:
    bench = Bench()
    bench.take(bench.read(posted()))
    again = bench.read(posted() | change)
    assert (again.resent, len(again.reports)) == (0, 1)


BAD: list[tuple[object, str, str]] = [
    (7, "", "Expected `object`"),
    ({}, "", "missing required field `labels`"),
    ({"labels": {}}, "labels", "at least one label"),
    ({"labels": {"a": ""}}, "labels", "at least one label"),
    ({"labels": None}, "labels", "got `null`"),
    ({"labels": []}, "labels", "got `array`"),
    ({"labels": {"z": "b", "a": 1}}, "labels.a", "got `int`"),
    ({"labels": {"n" * 300: {}}}, f"labels.{'n' * 64}", "got `object`"),
    ({"labels": {"": "x"}}, "labels", "not empty"),
    ({"labels": {"a" * 300: "x"}}, "labels", "256"),
    ({"labels": {"a": "x" * 9000}}, "labels.a", "8192"),
    ({"labels": {f"l{n}": "x" for n in range(10_000)}}, "", "65536 bytes"),
    ({"labels": {f"l{n}": "x" for n in range(300)}}, "labels", "256 labels"),
    ({"labels": {"a": "b"}, "annotations": {"a": 1}}, "annotations.a", "got `int`"),
    ({"labels": {"a": "b"}, "annotations": "x"}, "annotations", "got `str`"),
    ({"labels": {"a": "b"}, "annotations": {"": "x"}}, "annotations", "1 to 256"),
    ({"labels": {"a": "b"}, "annotations": {"a": "x" * 40_000}}, "annotations.a", "32768"),
    ({"labels": {"a": "b"}, "startsAt": 5}, "startsAt", "got `int`"),
    ({"labels": {"a": "b"}, "startsAt": "soon"}, "startsAt", "RFC 3339"),
    ({"labels": {"a": "b"}, "startsAt": "1950-01-01T00:00:00Z"}, "startsAt", "since 1970"),
    ({"labels": {"a": "b"}, "endsAt": "soon"}, "endsAt", "RFC 3339"),
    ({"labels": {"a": "b"}, "endsAt": "1960-01-01T00:00:00Z"}, "endsAt", "since 1970"),
    ({"labels": {"a": "b"}, "startsAt": AN_HOUR_ON, "endsAt": AN_HOUR_AGO}, "startsAt", "before end time"),
    ({"labels": {"a": "b"}, "generatorURL": {}}, "generatorURL", "got `object`"),
    ({"labels": {"a": "b"}, "generatorURL": "x" * 70_000}, "", "65536 bytes"),
]


@pytest.mark.parametrize(("bad", "field", "words"), BAD)
def test_a_bad_alert_is_refused_and_the_ones_beside_it_are_not(bad: object, field: str, words: str) -> None:
    batch = Bench().read(posted(), bad, posted(instance="2"))
    assert len(batch.reports) == 2
    (refusal,) = batch.refusals
    assert (refusal.index, refusal.field) == (1, field)
    assert words in refusal.reason
    assert len(str(refusal)) < 400


@pytest.mark.parametrize(
    "text",
    [
        b'{"labels":{"a":"\\ud800"}}',
        b'{"labels":{"a":NaN}}',
        b'{"labels":{"a":"\xff"}}',
        b'{"labels":{"a":"b"},"annotations":{"a":"\xff"}}',
        b'{"labels":{"a":"b"},"generatorURL":"\\udfff"}',
        b'{"labels":{"a":"b"},"annotations":{"x":{"y":' + b"[" * 900 + b"]" * 900 + b"}}}",
    ],
)
def test_odd_text_inside_one_alert(text: bytes) -> None:
    good = json.dumps(posted()).encode()
    batch = Bench().reader.read(b"[" + good + b"," + text + b"," + good + b"]", NOW)
    assert len(batch.reports) == 2
    assert [refusal.index for refusal in batch.refusals] == [1]


@pytest.mark.parametrize("text", [b"", b"{", b"{}", b"[" * 100_000, b"\xef\xbb\xbf[]", b"null", b'"x"', b"[,]"])
def test_bodies_that_are_no_list(text: bytes) -> None:
    with pytest.raises(Unreadable):
        Bench().reader.read(text, NOW)


def test_too_many_alerts() -> None:
    with pytest.raises(TooLarge):
        Bench().read(*[posted()] * 101)


def test_shared_texts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.ingest.alertmanager._MAX_SHARED_TEXTS", 3)
    bench = Bench()
    for number in range(5):
        bench.read(posted(instance=f"n{number}"))
    assert len(bench.reader._texts) < 12


def test_alerts_that_say_the_same_share_it_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.ingest.alertmanager._MAX_SHARED_ANNOTATIONS", 2)
    bench = Bench()
    same, again, other, long = bench.read(
        posted(cluster="eu"),
        posted(cluster="us"),
        posted(cluster="ap") | {"annotations": {"summary": "full"}},
        posted(cluster="sa") | {"annotations": {"summary": "long" * 600}},
    ).reports
    assert same.alert.annotations is again.alert.annotations
    assert same.alert.annotations == {"summary": "slow"}
    assert other.alert.annotations == {"summary": "full"}
    assert long.alert.annotations == {"summary": "long" * 600}
    assert len(bench.reader._annotations) == 2
    bench.read(posted(cluster="af") | {"annotations": {"summary": "third"}})
    assert len(bench.reader._annotations) == 1
