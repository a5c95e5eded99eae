"""Monitoring that one runs oneself: Alertmanager, Grafana, Zabbix, Checkmk, Uptime Kuma."""

from __future__ import annotations

from router.ingest.presets.preset import Preset

ALERTMANAGER = Preset(
    title="Alertmanager, webhook version 4",
    mapping={
        "items": "alerts",
        "service": "labels.service || labels.job",
        "name": "labels.alertname",
        "severity": "labels.severity",
        "status": "status || _body.status",
        "labels": "labels",
        "annotations": "annotations",
        "summary": "default(annotations.summary, annotations.message, annotations.description)",
        "links": (
            {"href": "default(annotations.runbook_url, annotations.runbook)", "text": "'Runbook'"},
            {"href": "_body.externalURL", "text": "'Alertmanager'"},
        ),
        "generator_url": "generatorURL",
        "starts_at": "startsAt",
        "ends_at": "status == 'resolved' && endsAt || null",
    },
)

GRAFANA = Preset(
    title="Grafana, unified and legacy alerting",
    mapping={
        "items": "default(alerts, [@])",
        "service": "default(labels.service, labels.service_name, labels.job, tags.service)",
        "name": "default(labels.alertname, ruleName, title)",
        "severity": "default(labels.severity, tags.severity, labels.priority)",
        "status": "status || state",
        "labels": "labels || tags",
        "annotations": "annotations",
        "summary": "default(annotations.summary, annotations.message, annotations.description, message, title)",
        "details": {"values": "values || evalMatches", "value_string": "valueString", "title": "title"},
        "links": (
            {"href": "default(annotations.runbook_url, annotations.runbook)", "text": "'Runbook'"},
            {"href": "dashboardURL", "text": "'Dashboard'"},
            {"href": "panelURL", "text": "'Panel'"},
            {"href": "silenceURL", "text": "'Silence in Grafana'"},
        ),
        "images": ({"src": "imageURL || imageUrl"},),
        "generator_url": "generatorURL || ruleUrl",
        "starts_at": "startsAt",
        "ends_at": "status == 'resolved' && endsAt || null",
        "dedup_key": "default(fingerprint, ruleId && join_('-', ['rule', orgId, ruleId]))",
    },
    statuses={
        "firing": ("no_data", "nodata"),
        "ignored": ("paused", "pending"),
    },
)

ZABBIX = Preset(
    title="Zabbix",
    mapping={
        "ignore": "to_string(event_update_status) == '1'",
        "service": "default(parse_json(tags)[?tag=='service'].value | [0], host)",
        "name": "name",
        "severity": "severity || nseverity",
        "status": "event_value",
        "labels": {
            "host": "host",
            "host_group": "host_group",
            "trigger_id": "trigger_id",
            "env": "parse_json(tags)[?tag=='env'].value | [0]",
        },
        "summary": "join_(': ', [host, name])",
        "details": {
            "operational_data": "opdata",
            "description": "description",
            "tags": "parse_json(tags)",
            "message": "message",
        },
        "links": ({"href": "url", "text": "'Zabbix'"},),
        "generator_url": "url",
        "dedup_key": "event_id",
    },
    statuses={
        "firing": ("1",),
        "resolved": ("0",),
    },
    severities={
        "critical": ("disaster", "5"),
        "error": ("high", "4"),
        "warning": ("average", "warning", "3", "2"),
        "info": ("information", "not classified", "1", "0"),
    },
)

CHECKMK = Preset(
    title="Checkmk",
    mapping={
        "service": "host",
        "name": "default(service, service_description, what == 'HOST' && 'Host', what)",
        "severity": "status",
        "status": "notification_type",
        "labels": {"host": "host", "site": "site", "address": "address", "what": "what"},
        "summary": "default(summary, join_(' ', [host, service, status]))",
        "details": {"output": "output", "long_output": "long_output", "event": "event", "check_command": "check_command"},
        "links": ({"href": "url", "text": "'Checkmk'"},),
        "dedup_key": "join_('/', [site, host, default(service, service_description, 'HOST')])",
    },
    statuses={
        "firing": ("problem", "custom"),
        "resolved": ("recovery",),
        "ignored": (
            "acknowledgement",
            "downtimestart",
            "downtimeend",
            "downtimecancelled",
            "flappingstart",
            "flappingstop",
            "flappingdisabled",
        ),
    },
    severities={
        "critical": ("down", "crit", "critical"),
        "error": ("unreach", "unreachable", "unknown", "unkn"),
        "warning": ("warn", "warning"),
        "info": ("up", "ok"),
    },
)

UPTIME_KUMA = Preset(
    title="Uptime Kuma",
    mapping={
        "ignore": "!heartbeat && ends_with(msg || '', 'Testing')",
        "service": "default(monitor.hostname, regex_extract(monitor.url, '^https?://([^/:]+)'), monitor.name)",
        "name": "default(monitor.name, 'Uptime Kuma')",
        "status": "default(heartbeat.status, 'firing')",
        "kind": "heartbeat && 'stateful' || 'event'",
        "labels": {"monitor": "monitor.name", "type": "monitor.type", "url": "monitor.url"},
        "summary": "default(msg, heartbeat.msg)",
        "details": {"message": "heartbeat.msg", "ping": "heartbeat.ping"},
        "links": ({"href": "monitor.url", "text": "monitor.name"},),
        "starts_at": "to_string(heartbeat.status) == '0' && heartbeat.time || null",
        "dedup_key": "to_string(default(monitor.id, heartbeat.monitorID, msg))",
    },
    statuses={
        "firing": ("0",),
        "resolved": ("1",),
        "ignored": ("2", "3"),
    },
)
