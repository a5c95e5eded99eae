"""Genuine payloads where there are some; the others are built from the senders' documented formats and say so."""

from __future__ import annotations

import json
from typing import Any

from tests.support.webhooks import alert, alerts, sample, told


def alarm(**changes: Any) -> dict[str, Any]:
    """The genuine alarm with changes in its message."""
    envelope: dict[str, Any] = json.loads(sample("cloudwatch-sns-alarm"))
    return envelope | {"Message": json.dumps(json.loads(envelope["Message"]) | changes)}


def test_cloudwatch_alarm_and_its_end() -> None:
    firing = alert("cloudwatch-sns", alarm())
    assert told(firing) == ("AWS/S3", "bucketbytesAlarm", "error", "firing")
    assert firing.labels["BucketName"] == "try.alerta.io"
    assert firing.starts_at == 1_550_274_825_093
    resolved = alert("cloudwatch-sns", alarm(NewStateValue="OK", OldStateValue="ALARM"))
    assert (resolved.status, resolved.fingerprint) == ("resolved", firing.fingerprint)


def test_insufficient_data_neither_fires_nor_resolves() -> None:
    assert alerts("cloudwatch-sns", sample("cloudwatch-sns-insufficient-data")) == []


def test_an_alarm_over_several_metrics_passed_on_by_a_function() -> None:
    found = alert("cloudwatch-sns", sample("cloudwatch-lambda-sns-multiple-metrics"))
    assert told(found) == ("AWS/EC2", "EXAMPLE", "error", "firing")
    assert found.labels["InstanceId"] == "TestInstance"
    assert found.links[0].href.startswith("https://console.aws.amazon.com/cloudwatch/")


def test_a_subscription_is_no_alert() -> None:
    assert alerts("cloudwatch-sns", sample("cloudwatch-sns-subscription-confirmation")) == []


def test_any_other_message_is_an_event() -> None:
    envelope = json.loads(sample("cloudwatch-sns-alarm")) | {"Message": "the budget is spent", "Subject": "Budget"}
    found = alert("cloudwatch-sns", envelope)
    assert (found.kind, found.name, found.summary, found.service) == ("event", "Budget", "the budget is spent", "aws")


def test_an_alarm_by_eventbridge() -> None:
    """Built from the documented event "CloudWatch Alarm State Change"."""
    event: dict[str, Any] = {
        "source": "aws.cloudwatch",
        "account": "1",
        "region": "eu-west-1",
        "detail-type": "CloudWatch Alarm State Change",
        "detail": {
            "alarmName": "cpu",
            "state": {"value": "ALARM", "reason": "too hot", "timestamp": "2026-01-01T00:00:00.000+0000"},
        },
    }
    envelope = json.loads(sample("cloudwatch-sns-alarm"))
    firing = alert("cloudwatch-sns", envelope | {"Message": json.dumps(event)})
    assert told(firing) == ("aws.cloudwatch", "cpu", "error", "firing")
    event["detail"]["state"]["value"] = "OK"
    resolved = alert("cloudwatch-sns", envelope | {"Message": json.dumps(event)})
    assert (resolved.status, resolved.fingerprint) == ("resolved", firing.fingerprint)


def test_google_incident_opened_and_closed() -> None:
    opened = alert("google-monitoring", sample("gcp-stackdriver-incident-open"))
    closed = alert("google-monitoring", sample("gcp-stackdriver-incident-closed"))
    assert told(opened) == ("webserver-85", "Webserver Health", "error", "firing")
    assert (closed.status, closed.fingerprint) == ("resolved", opened.fingerprint)
    assert opened.starts_at == 1_499_368_214_000
    assert opened.links[0].href.startswith("https://app.stackdriver.com/incidents/")


def azure(**changes: Any) -> dict[str, Any]:
    """Built from the documented common alert schema."""
    essentials = {
        "alertId": "/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/b9569717-bc32-442f-add5-83a997729330",
        "alertRule": "HighCpu",
        "severity": "Sev1",
        "signalType": "Metric",
        "monitorCondition": "Fired",
        "monitoringService": "Platform",
        "alertTargetIDs": ["/subscriptions/s/resourcegroups/shop/providers/microsoft.compute/virtualmachines/web-1"],
        "configurationItems": ["web-1"],
        "originAlertId": "o",
        "firedDateTime": "2026-03-22T13:58:24.3713213Z",
        "description": "",
        "essentialsVersion": "1.0",
        "alertContextVersion": "1.0",
    }
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {"essentials": essentials | changes, "alertContext": {"condition": {"allOf": [{"metricName": "cpu"}]}}},
    }


def test_azure_alert_fired_and_resolved() -> None:
    fired = alert("azure-monitor", azure())
    assert told(fired) == ("web-1", "HighCpu", "error", "firing")
    assert fired.labels["resource_group"] == "shop"
    resolved = alert("azure-monitor", azure(monitorCondition="Resolved", resolvedDateTime="2026-03-22T14:03:16.2246313Z"))
    assert (resolved.status, resolved.fingerprint) == ("resolved", fired.fingerprint)
    assert alert("azure-monitor", azure(configurationItems=[])).service == "web-1"


CLOUDEVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/shop/checkout",
    "type": "org.example.payment.failed",
    "subject": "checkout",
    "time": "2026-04-05T17:31:00Z",
    "data": {"message": "card declined", "severity": "critical"},
}
"""Built from the CloudEvents 1.0 specification."""


def test_cloudevents_structured_and_batched() -> None:
    found = alert("cloudevents", CLOUDEVENT)
    assert told(found) == ("checkout", "org.example.payment.failed", "critical", "firing")
    assert (found.kind, found.summary) == ("event", "card declined")
    assert len(alerts("cloudevents", [CLOUDEVENT, CLOUDEVENT | {"id": "2"}])) == 2


def test_cloudevents_binary() -> None:
    headers = {b"ce-type": b"org.example.down", b"ce-source": b"/shop", b"ce-subject": b"checkout", b"ce-specversion": b"1.0"}
    found = alert("cloudevents", {"message": "down"}, headers)
    assert told(found) == ("checkout", "org.example.down", "error", "firing")
    assert found.labels == {"type": "org.example.down", "source": "/shop"}


def test_cloudevents_with_a_status_are_stateful() -> None:
    firing, resolved = (alert("cloudevents", CLOUDEVENT | {"data": {"status": status}}) for status in ("firing", "resolved"))
    assert (firing.kind, resolved.status) == ("stateful", "resolved")
    assert firing.fingerprint == resolved.fingerprint
