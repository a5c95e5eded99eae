"""Genuine payloads where there are some; the others are built from the senders' documented formats and say so."""

from __future__ import annotations

import json

from tests.support.webhooks import alert, alerts, sample, told

# Built from the format Grafana documents for its webhook contact point.
GRAFANA_FIRING = {
    "receiver": "router",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "HighCpu", "service": "checkout", "severity": "critical", "grafana_folder": "Shop"},
            "annotations": {"summary": "CPU is high", "runbook_url": "https://wiki/cpu"},
            "startsAt": "2026-10-12T09:51:03.157076+02:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana/alerting/1afz29v7z/edit",
            "fingerprint": "c6eadffa33fcdf37",
            "silenceURL": "https://grafana/alerting/silence/new",
            "dashboardURL": "",
            "panelURL": "",
            "values": {"B": 95.2},
        }
    ],
    "externalURL": "https://grafana/",
    "version": "1",
    "title": "[FIRING:1] HighCpu",
    "state": "alerting",
}


def test_alertmanager_webhooks_keep_alertmanager_s_fingerprint() -> None:
    found = alert("alertmanager-webhook", sample("alertmanager-webhook-v4-firing"))
    assert told(found) == ("unknown", "thing_dead", "critical", "firing")
    assert found.fingerprint == "2f30fca22fdaa8ef"
    assert found.starts_at == 1_501_787_857_804  # it was sent with an offset of -04:00
    assert found.annotations["runbookBad"].endswith("{app}/{alertname}")
    single = alert("alertmanager-webhook", sample("alertmanager-webhook-v4-single"))
    assert told(single) == ("docker_nodes", "high_memory_load", "warning", "firing")


def test_alertmanager_webhooks_resolve_what_they_fired() -> None:
    body = json.loads(sample("alertmanager-webhook-v4-firing"))
    firing = alert("alertmanager-webhook", body)
    body["alerts"][0] |= {"status": "resolved", "endsAt": "2017-08-03T16:00:00-04:00"}
    resolved = alert("alertmanager-webhook", body)
    assert (resolved.status, resolved.fingerprint) == ("resolved", firing.fingerprint)


def test_grafana_unified() -> None:
    firing = alert("grafana", GRAFANA_FIRING)
    assert told(firing) == ("checkout", "HighCpu", "critical", "firing")
    assert [link.text for link in firing.links] == ["Runbook", "Silence in Grafana"]
    assert firing.details == {"values": {"B": 95.2}}
    resolved = GRAFANA_FIRING["alerts"][0] | {"status": "resolved", "endsAt": "2026-10-12T10:00:00Z"}  # type: ignore[operator, index]
    found = alert("grafana", GRAFANA_FIRING | {"status": "resolved", "alerts": [resolved]})
    assert (found.status, found.fingerprint) == ("resolved", firing.fingerprint)


def test_grafana_takes_what_an_alertmanager_of_its_own_sends() -> None:
    assert alert("grafana", sample("alertmanager-webhook-v4-firing")).name == "thing_dead"


def test_grafana_legacy() -> None:
    body = json.loads(sample("grafana-legacy-v6-multi-evalmatch"))
    firing = alert("grafana", body)
    assert told(firing) == ("Physical", "Testing -> Battery Voltage alert", "warning", "firing")
    assert firing.labels["environment"] == "Staging"
    assert len(firing.details["values"]) == 2
    resolved = alert("grafana", body | {"state": "ok", "evalMatches": []})
    assert (resolved.status, resolved.fingerprint) == ("resolved", firing.fingerprint)
    assert alert("grafana", body | {"state": "no_data"}).status == "firing"
    assert alerts("grafana", body | {"state": "paused"}) == []


# Built from the parameters of the media type in docs/howto/sources.md.
ZABBIX = {
    "event_id": "4711",
    "event_value": "1",
    "event_update_status": "0",
    "name": "Disk space is low on /",
    "severity": "Disaster",
    "host": "db-1",
    "trigger_id": "99",
    "opdata": "Free: 2 %",
    "tags": '[{"tag": "service", "value": "database"}, {"tag": "env", "value": "prod"}]',
    "url": "https://zabbix/tr_events.php?triggerid=99&eventid=4711",
}


def test_zabbix() -> None:
    firing = alert("zabbix", ZABBIX)
    assert told(firing) == ("database", "Disk space is low on /", "critical", "firing")
    assert firing.labels == {"host": "db-1", "trigger_id": "99", "env": "prod"}
    recovery = alert("zabbix", ZABBIX | {"event_value": "0", "severity": "Disaster"})
    assert (recovery.status, recovery.fingerprint) == ("resolved", firing.fingerprint)
    assert alerts("zabbix", ZABBIX | {"event_update_status": "1"}) == []
    assert alert("zabbix", ZABBIX | {"tags": "[]", "severity": "Not classified"}).severity.word == "info"


def test_checkmk() -> None:
    body = json.loads(sample("checkmk-host-recovery"))
    recovery = alert("checkmk", body)
    assert told(recovery) == ("server1", "Host", "info", "resolved")
    problem = alert("checkmk", body | {"notification_type": "PROBLEM", "status": "DOWN", "event": "UP -> DOWN"})
    assert told(problem) == ("server1", "Host", "critical", "firing")
    assert problem.fingerprint == recovery.fingerprint
    assert alerts("checkmk", body | {"notification_type": "ACKNOWLEDGEMENT"}) == []
    assert alerts("checkmk", body | {"notification_type": "DOWNTIMESTART"}) == []
    service = alert("checkmk", body | {"what": "SERVICE", "service": "CPU", "notification_type": "PROBLEM", "status": "CRIT"})
    assert told(service) == ("server1", "CPU", "critical", "firing")
    assert service.fingerprint != problem.fingerprint


# Built from the body Uptime Kuma sends: {heartbeat, monitor, msg}, status 0 down, 1 up, 2 pending, 3 maintenance.
KUMA = {
    "heartbeat": {
        "monitorID": 29,
        "status": 0,
        "time": "2026-09-24 23:51:35.527",
        "msg": "timeout",
        "important": True,
        "duration": 0,
    },
    "monitor": {"id": 29, "name": "Shop", "url": "https://shop.example.org/", "hostname": None, "type": "http"},
    "msg": "[Shop] [Down] timeout",
}


def test_uptime_kuma() -> None:
    down = alert("uptime-kuma", KUMA)
    assert told(down) == ("shop.example.org", "Shop", "error", "firing")
    assert down.starts_at == 1_790_293_895_527
    up = alert("uptime-kuma", KUMA | {"heartbeat": KUMA["heartbeat"] | {"status": 1, "msg": "200 - OK"}, "msg": "[Shop] [Up]"})  # type: ignore[operator]
    assert (up.status, up.fingerprint, up.kind) == ("resolved", down.fingerprint, "stateful")
    for status in (2, 3):
        assert alerts("uptime-kuma", KUMA | {"heartbeat": KUMA["heartbeat"] | {"status": status}}) == []  # type: ignore[operator]


def test_uptime_kuma_s_test_pages_nobody_and_its_certificates_do() -> None:
    assert alerts("uptime-kuma", {"heartbeat": None, "monitor": None, "msg": "My alert (1) Testing"}) == []
    found = alert("uptime-kuma", {"heartbeat": None, "monitor": KUMA["monitor"], "msg": "[Shop] Certificate expires in 7 days"})
    assert (found.kind, found.status, found.service) == ("event", "firing", "shop.example.org")
