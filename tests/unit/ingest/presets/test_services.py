"""Genuine payloads where there are some; the others are built from the senders' documented formats and say so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.webhooks import alert, alerts, sample, told

# The payload of docs/howto/sources.md, with the values Datadog documents for its variables.
DATADOG = {
    "title": "[Triggered on {host:web-1}] CPU is high",
    "alert_title": "CPU is high",
    "transition": "Triggered",
    "alert_id": "1234",
    "cycle_key": "6666",
    "priority": "P1",
    "type": "error",
    "hostname": "web-1",
    "tags": "env:prod,service:checkout,host:web-1",
    "scope": "host:web-1",
    "link": "https://app.datadoghq.com/event/event?id=1",
    "date": "1406662672000",
    "metric": "system.cpu.user",
    "body": "@webhook-router CPU is high",
}


def test_datadog() -> None:
    firing = alert("datadog", DATADOG)
    assert told(firing) == ("checkout", "CPU is high", "critical", "firing")
    assert (firing.labels["env"], firing.starts_at) == ("prod", 1_406_662_672_000)
    recovered = alert("datadog", DATADOG | {"transition": "Recovered", "title": "[Recovered on {host:web-1}] CPU is high"})
    assert (recovered.status, recovered.fingerprint) == ("resolved", firing.fingerprint)


@pytest.mark.parametrize("word", ["Re-Triggered", "No Data", "Re-No Data", "Warn", "Re-Warn", "Renotify"])
def test_datadog_s_other_transitions_fire(word: str) -> None:
    assert alert("datadog", DATADOG | {"transition": word}).status == "firing"


def test_datadog_without_a_priority_goes_by_the_transition_and_the_type() -> None:
    assert alert("datadog", DATADOG | {"priority": "normal", "transition": "Warn"}).severity.word == "warning"
    assert alert("datadog", DATADOG | {"priority": "", "type": "info"}).severity.word == "info"


def test_datadog_s_default_payload_is_understood() -> None:
    """Built from the default payload Datadog documents."""
    body = {
        "body": "%%%\n...",
        "last_updated": "1",
        "event_type": "query_alert_monitor",
        "title": "[Triggered] CPU is high",
        "id": "1",
    }
    firing, recovered = alert("datadog", body), alert("datadog", body | {"title": "[Recovered] CPU is high"})
    assert told(firing) == ("datadog", "CPU is high", "error", "firing")
    assert (recovered.status, recovered.fingerprint) == ("resolved", firing.fingerprint)
    assert alert("datadog", body | {"title": "[No Data on {host:a}] x"}).status == "firing"


def test_newrelic_incidents() -> None:
    body = json.loads(sample("newrelic-incident"))
    opened = alert("newrelic", body)
    assert told(opened) == ("New Relic Alert - Test Policy", "New Relic Alert - Test Condition", "info", "firing")
    assert opened.starts_at == 1_601_033_007_849
    closed = alert("newrelic", body | {"current_state": "closed"})
    assert (closed.status, closed.fingerprint) == ("resolved", opened.fingerprint)
    assert alerts("newrelic", body | {"current_state": "acknowledged"}) == []


def test_newrelic_workflows() -> None:
    """Built from the default template New Relic documents for webhooks of workflows."""
    body: dict[str, Any] = {
        "id": "b1e1a2c3",
        "issueUrl": "https://radar-api.service.newrelic.com/accounts/1/issues/b1e1a2c3",
        "title": "web-1 query result is > 5 on 'CPU'",
        "priority": "CRITICAL",
        "impactedEntities": ["web-1", "web-2"],
        "totalIncidents": "2",
        "state": "ACTIVATED",
        "trigger": "STATE_CHANGE",
        "createdAt": 1_617_881_246_260,
        "updatedAt": 1_617_881_246_260,
        "alertPolicyNames": ["Shop"],
        "alertConditionNames": ["CPU"],
        "workflowName": "router",
    }
    opened = alert("newrelic", body)
    assert told(opened) == ("web-1", "CPU", "critical", "firing")
    closed = alert("newrelic", body | {"state": "CLOSED", "trigger": "INCIDENT_CLOSED", "closedAt": 1_617_881_999_000})
    assert (closed.status, closed.fingerprint) == ("resolved", opened.fingerprint)


# Built from the payloads Sentry documents for its integration platform.
SENTRY_ISSUE_ALERT = {
    "action": "triggered",
    "data": {
        "event": {
            "event_id": "e4874d66",
            "issue_id": "1170820242",
            "level": "error",
            "title": "ReferenceError: heck is not defined",
            "metadata": {"type": "ReferenceError", "value": "heck is not defined"},
            "culprit": "?(<anonymous>)",
            "environment": "prod",
            "datetime": "2026-08-19T21:06:17.677000Z",
            "url": "https://sentry.io/api/0/projects/test-org/front-end/events/e4874d66/",
            "web_url": "https://sentry.io/organizations/test-org/issues/1170820242/events/e4874d66/",
        },
        "triggered_rule": "Very Important Alert Rule!",
    },
}
SENTRY_METRIC_ALERT: dict[str, Any] = {
    "action": "critical",
    "data": {
        "description_text": "1000 events in the last 10 minutes\nFilter: level:error",
        "description_title": "Critical: Too many errors",
        "metric_alert": {
            "id": "4",
            "identifier": "1",
            "projects": ["bar"],
            "alert_rule": {"id": "7", "name": "Too many errors", "environment": None},
            "date_started": "2026-09-13T12:26:40.000000Z",
        },
        "web_url": "https://sentry.io/organizations/foo/alerts/rules/details/7/",
    },
}


def test_sentry_issues_are_events() -> None:
    found = alert("sentry", SENTRY_ISSUE_ALERT, {b"sentry-hook-resource": b"event_alert"})
    assert told(found) == ("front-end", "ReferenceError", "error", "firing")
    assert (found.kind, found.labels["rule"]) == ("event", "Very Important Alert Rule!")
    issue = {"id": "1170820242", "title": "ReferenceError", "level": "error", "project": {"slug": "front-end"}}
    resolved = alert("sentry", {"action": "resolved", "data": {"issue": issue}}, {b"sentry-hook-resource": b"issue"})
    assert (resolved.status, resolved.fingerprint) == ("resolved", found.fingerprint)
    assert alerts("sentry", {"action": "assigned", "data": {"issue": issue}}) == []
    assert alerts("sentry", {"action": "created", "data": {}}, {b"sentry-hook-resource": b"installation"}) == []


def test_sentry_metric_alerts_are_stateful() -> None:
    firing = alert("sentry", SENTRY_METRIC_ALERT, {b"sentry-hook-resource": b"metric_alert"})
    assert told(firing) == ("bar", "Too many errors", "critical", "firing")
    resolved = alert("sentry", SENTRY_METRIC_ALERT | {"action": "resolved"})
    assert (resolved.status, resolved.kind, resolved.fingerprint) == ("resolved", "stateful", firing.fingerprint)
    assert alert("sentry", SENTRY_METRIC_ALERT | {"action": "warning"}).severity.word == "warning"


def test_pingdom() -> None:
    down, up = alert("pingdom", sample("pingdom-down")), alert("pingdom", sample("pingdom-up"))
    assert told(down) == ("api.alerta.io", "Alerta API on OpenShift", "error", "firing")
    assert (up.status, up.fingerprint) == ("resolved", down.fingerprint)
    assert down.starts_at == 1_498_861_543_000


# Built from the variables UptimeRobot documents for web-hook alert contacts.
ROBOT = {
    "monitorID": "777",
    "monitorURL": "https://shop.example.org/cart",
    "monitorFriendlyName": "Shop",
    "alertType": "1",
    "alertTypeFriendlyName": "Down",
    "alertDetails": "Connection Timeout",
    "alertDateTime": "1790000000",
}


def test_uptimerobot() -> None:
    down, up = alert("uptimerobot", ROBOT), alert("uptimerobot", ROBOT | {"alertType": "2", "alertTypeFriendlyName": "Up"})
    assert told(down) == ("shop.example.org", "Shop", "error", "firing")
    assert (up.status, up.fingerprint) == ("resolved", down.fingerprint)
    expiring = alert("uptimerobot", ROBOT | {"alertType": "3", "alertTypeFriendlyName": "SSL expiry"})
    assert expiring.kind == "event"
    assert expiring.fingerprint != down.fingerprint


def test_healthchecks() -> None:
    body = {"code": "803f680d-e89b", "name": "backup", "status": "down", "tags": "service:db prod", "exitstatus": "1"}
    down, up = alert("healthchecks", body), alert("healthchecks", body | {"status": "up"})
    assert told(down) == ("db", "backup", "error", "firing")
    assert (up.status, up.fingerprint) == ("resolved", down.fingerprint)


# Built from the webhook event workflow_run that GitHub documents.
RUN: dict[str, Any] = {
    "action": "completed",
    "workflow_run": {
        "name": "Deploy",
        "workflow_id": 159038,
        "head_branch": "main",
        "head_sha": "009b8a3a9ccbb128af87f9b1c0f4c62e8a304f6d",
        "conclusion": "failure",
        "event": "push",
        "html_url": "https://github.com/acme/shop/actions/runs/30433642",
        "run_attempt": 1,
    },
    "repository": {"name": "shop", "full_name": "acme/shop", "default_branch": "main"},
}


def run(**changes: Any) -> dict[str, Any]:
    return RUN | {"workflow_run": RUN["workflow_run"] | changes}


def test_github_actions() -> None:
    failed, mended = alert("github-actions", RUN), alert("github-actions", run(conclusion="success"))
    assert told(failed) == ("shop", "Deploy", "error", "firing")
    assert failed.labels["default_branch"] == "true"
    assert (mended.status, mended.fingerprint) == ("resolved", failed.fingerprint)
    assert alert("github-actions", run(head_branch="x")).fingerprint != failed.fingerprint


def test_github_s_other_events_say_nothing() -> None:
    for body in (
        run(conclusion="cancelled"),
        run(event="pull_request"),
        RUN | {"action": "requested"},
        {"zen": "Keep it simple."},
    ):
        assert alerts("github-actions", body) == []


# Built from the example of Jenkins' Notification plugin.
BUILD: dict[str, Any] = {
    "name": "asgard",
    "url": "job/asgard/",
    "build": {
        "full_url": "http://localhost:8080/job/asgard/18/",
        "number": 18,
        "phase": "COMPLETED",
        "status": "FAILURE",
        "url": "job/asgard/18/",
        "scm": {"branch": "origin/master", "commit": "c6d86dc6"},
    },
}


def build(**changes: Any) -> dict[str, Any]:
    return BUILD | {"build": BUILD["build"] | changes}


def test_jenkins() -> None:
    failed, mended = alert("jenkins", BUILD), alert("jenkins", build(status="SUCCESS", number=19))
    assert told(failed) == ("asgard", "BuildFailed", "error", "firing")
    assert (mended.status, mended.fingerprint) == ("resolved", failed.fingerprint)
    assert alert("jenkins", build(status="UNSTABLE")).severity.word == "warning"
    assert alerts("jenkins", build(phase="STARTED")) == []
    assert alerts("jenkins", build(status="ABORTED")) == []
