"""Examples for every key of the JSON Schema: those the models give, else made from the key's type, else from the table here.

A text says nothing by its type, so each key that takes one has a row in the table, unless its model brings an example. A test
walks the schema: no key is without one, and each example is accepted by the key's own schema.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
_DEPTH = 4
_MOST = 2

KIND = "What it is; which other keys there are follows from it."
"""Description of the keys that tell the forms of a section apart."""

TEXTS: dict[str, str] = {
    # rules; a row of a section ("MatchSection.name") goes before a row for all sections
    "id": "payment-errors",
    "SilenceSection.id": "db-move",
    "MaintenanceSection.id": "shop-deployment",
    "InhibitionSection.id": "node-down-mutes-its-services",
    "renamed_from": "checkout-errors",
    "description": "Checkout is losing orders.",
    "drop": "development never pages",
    "page": "payments",
    "notify": "payments-chat",
    "group_by": "service",
    "per": "region",
    "distinct": "instance",
    "RuleSection.as_severity": "critical",
    "DefaultsSection.as_severity": "critical",
    "DefaultsSection.summary": "{{ service }}: {{ name }}",
    "during": "business-hours",
    "except": "deployments",
    "holidays": "2026-12-24..2026-12-26",
    "from": "2026-12-24T06:00:00+01:00",
    "until": "2026-12-24T18:00:00+01:00",
    "reason": "the database is being moved",
    "LinkSection.href": "{{ generator_url }}",
    "LinkSection.text": "Graph",
    "src": "https://graphs.example.com/{{ service }}.png",
    "href": "https://graphs.example.com/{{ service }}",
    "alt": "Errors of the last hour",
    "MatchSection.name": "*Error",
    "MatchSection.severity": "critical",
    "MatchSection.source": "prometheus",
    "ActionSection.status": "We are looking into it.",
    "users": "ann@example.com",
    "policies": "Payments: leads",
    "message": "Please join: {{ summary }}",
    "RespondersSection.link": "https://meet.example.com/incident",
    "policy": "Payments: leads",
    # configuration
    "rules": "rules/",
    "default_team": "platform",
    "service_label": "service",
    "name_label": "alertname",
    "severity_label": "severity",
    "user": "grafana",
    "query": "token",
    "channel": "payments-chat",
    "username": "alerts@example.com",
    "ca_file": "/etc/ssl/certs/internal-ca.pem",
    "path": "data/history.db",
    "services": "payment-*",
    "zone": "Europe/Berlin",
    "night": "22:00-07:00",
    "items": "alerts",
    "ignore": "type == 'test'",
    "MappingSection.name": "alert.name",
    "MappingSection.status": "alert.state",
    "MappingSection.kind": "'event'",
    "MappingSection.summary": "alert.message",
    "labels": "alert.tags",
    "annotations": "alert.notes",
    "MappingSection.details": "alert",
    "links": "[{href: alert.url}]",
    "images": "[{src: alert.image}]",
    "generator_url": "alert.url",
    "starts_at": "alert.started",
    "ends_at": "alert.ended",
    "dedup_key": "alert.id",
    "ObjectiveSection.name": "acknowledged in time",
    "urgencies": "high",
    "events_url": "https://events.eu.pagerduty.com",
    "api_url": "https://api.eu.pagerduty.com",
    "SlackChannel.api_url": "https://slack.com",
    "sample": "samples/alert.json",
    "header": "X-Signature",
    "topics": "arn:aws:sns:eu-west-1:123456789012:alerts",
    "StoreSection.url": "sqlite:data/alert-router.db",
    "service": "PABC123",
    "escalation_policy": "PXYZ789",
    "fallback": "platform",
    "directory": "data/reports",
    "cert": "/etc/alert-router/tls.crt",
    "TlsSection.key": "/etc/alert-router/tls.key",
    "client_ca": "/etc/alert-router/clients.crt",
    "TokenSection.name": "prometheus",
    # tests
    "tests.rules": "payments.yaml",
    "start": "2026-01-05T09:00:00Z",
    "AlertSection.service": "payment-api",
    "AlertSection.name": "CardError",
    "AlertSection.severity": "critical",
    "AlertSection.source": "prometheus",
    "AlertSection.key": "order-{n}",
    "AlertSection.summary": "Cards are declined",
    "AlertSection.generator_url": "https://prometheus.example.com/graph",
    "ExpectSection.severity": "critical",
    "ExpectSection.summary": "*3 in 5m*",
    "notify_resolve": "payments-chat",
    "ExpectSection.digest": "ops-mail",
    "update": "payments",
    "ExpectSection.resolve": "payments",
    "storm": "payments",
    "held": "2 of 3",
    "dropped": "development never pages",
    "suppressed": "the shop is being deployed",
    "rule": "payment-errors",
    "reload": "changed.yaml",
    "StepSection.pagerduty": "acknowledged payments",
    "StorySection.name": "three errors within five minutes page once",
}


WHOLE: dict[str, Any] = {
    "teams": {"payments": {"services": ["payment-*"], "pagerduty": {"routing_key": "env:PD_KEY_PAYMENTS"}}},
    "sources": {"prometheus": {"kind": "alertmanager", "service_label": ["service", "job"]}},
    "channels": {"ops-chat": {"kind": "slack", "token": "env:SLACK_BOT_TOKEN", "channel": "C0123ABCD"}},
    "TeamSection.channels": "payments-chat",
    "ObjectiveSection.teams": ["payments"],
    "TeamSection.pagerduty": {"routing_key": "env:PD_KEY_PAYMENTS"},
    "score_severities": {"0.5": "warning", "0.9": "critical"},
    "schedules": {"business-hours": {"weekdays": "mon-fri", "hours": "09:00-17:00", "zone": "Europe/Berlin"}},
    "maintenance": [{"id": "shop-deployment", "match": {"service": "shop-*"}, "during": "deployments"}],
    "inhibitions": [{"id": "node-down", "source": {"name": "NodeDown"}, "target": {"service": "*"}, "equal": ["node"]}],
    "rules.rules": [{"id": "owner", "match": {"min_severity": "error"}, "page": "owner"}],
    "RuleSection.details": {"runbook": "https://wiki.example.com/{{ name }}"},
    "DefaultsSection.details": {"runbook": "https://wiki.example.com/{{ name }}"},
    "RuleSection.group_by": ["service", "region"],
    "when": {"count": 3, "within": "5m"},
    "limit": {"incidents": 5, "per": "1h"},
    "flapping": {"changes": 6, "within": "10m"},
    "severities": {"critical": ["P1"]},
    "statuses": {"firing": ["alerting"]},
    "tests.teams": {"payments": ["payment-*"], "platform": "*"},
    "tests.channels": ["payments-chat"],
    "CastSection.channels": "payments-chat",
    "severity_channels": {"warning": "ops-mail"},
    "alerts": {"card": {"service": "payment-api", "name": "CardError", "severity": "error"}},
    "tests": [{"name": "an error pages", "steps": [{"alert": "card"}, {"expect": {"page": "payments"}}]}],
    "steps": [{"at": "0s", "alert": "card"}, {"at": "1m", "expect": {"page": "payments"}}],
    "AlertSection.annotations": {"runbook": "https://wiki.example.com/cards"},
    "AlertSection.details": {"confidence": 0.4},
    "AlertSection.times": 25,
    "ExpectSection.details": {"runbook": "https://wiki*"},
    "StepSection.alert": {"service": "payment-api", "name": "CardError"},
    "StepSection.resolve": {"service": "payment-api", "name": "CardError"},
    "restart": "10m",
}
"""Values of keys whose parts, each by itself, would make no sense together."""


def add_examples(schema: Schema) -> None:
    """Give every key of the schema, and of its sections, examples and a description, in place."""
    sections = {str(schema.get("title", "")).removeprefix("alert-router "): schema, **schema.get("$defs", {})}
    for name, section in sections.items():
        for key, prop in section.get("properties", {}).items():
            if key == "kind":
                prop.setdefault("description", KIND)
            elif "$ref" in prop and "description" not in prop:
                prop["description"] = sections[_name_of(prop)].get("description", "")
            if not prop.get("examples"):
                found = _whole(key, name) or _examples(prop, key, name, sections, _DEPTH)
                if found:
                    prop["examples"] = found[:_MOST]


def _whole(key: str, section: str) -> list[Any]:
    found = WHOLE.get(f"{section}.{key}", WHOLE.get(key))
    return [] if found is None else [found]


def _examples(prop: Schema, key: str, section: str, sections: dict[str, Schema], depth: int) -> list[Any]:
    """Values this schema takes; none if there is nothing to say."""
    if prop.get("examples"):
        return list(prop["examples"])
    if "$ref" in prop:
        return _of_section(_name_of(prop), sections, depth)
    if "const" in prop or "enum" in prop:
        values = prop.get("enum", [prop.get("const")])
        return [value for value in values if value != prop.get("default")] or list(values)
    branches = prop.get("anyOf") or prop.get("oneOf")
    if branches:
        return [found[0] for branch in branches if (found := _examples(branch, key, section, sections, depth))]
    return _of_type(prop, key, section, sections, depth)


def _of_type(prop: Schema, key: str, section: str, sections: dict[str, Schema], depth: int) -> list[Any]:
    match prop.get("type"):
        case "boolean":
            return [prop.get("default") is not True]
        case "integer":
            return [prop["default"] if prop.get("default") else max(3, prop.get("minimum", 0))]
        case "number":
            return [prop.get("default") or 0.5]
        case "array":
            return [[each] for each in _examples(prop["items"], key, section, sections, depth)[:1]]
        case "object":
            entries = [prop.get("additionalProperties"), *prop.get("patternProperties", {}).values()]
            entry = next((each for each in entries if isinstance(each, dict)), None)
            name = next(iter(prop.get("propertyNames", {}).get("enum", ["example"])))
            return [] if entry is None else [{name: each} for each in _examples(entry, key, section, sections, depth)[:1]]
        case "string":
            found = TEXTS.get(f"{section}.{key}", TEXTS.get(key))
            return [] if found is None else [found]
    return []


def _name_of(prop: Schema) -> str:
    return str(prop["$ref"]).rsplit("/", 1)[-1]


def _of_section(name: str, sections: dict[str, Schema], depth: int) -> list[Any]:
    """A section with the keys it needs, or with its first."""
    if depth == 0:
        return []
    properties: dict[str, Schema] = sections[name].get("properties", {})
    keys = list(sections[name].get("required", ())) or list(properties)[:1]
    value = {}
    for key in keys:
        found = _whole(key, name) or _examples(properties[key], key, name, sections, depth - 1)
        if found:
            value[key] = found[0]
    return [value] if len(value) == len(keys) else []
