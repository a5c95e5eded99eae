"""What a template may speak of: the one list behind the check at load, the reference page, and the engine's context.

The sample is what a template is tried on when rules are loaded; its types are the types the engine supplies.
"""

from __future__ import annotations

from typing import Any

FIELDS: dict[str, str] = {
    "service": "The alert's service.",
    "name": "The alert's name, error type or class.",
    "severity": "`critical`, `error`, `warning` or `info`: the worst in the group, or the rule's `as_severity`.",
    "source": "The configured source it came from.",
    "summary": "What the sender wrote, as one line.",
    "labels": 'The alert\'s labels; `labels.env`, or `labels["a b"]`. A missing label is empty.',
    "annotations": "The alert's annotations, likewise.",
    "details": "The sender's free JSON, likewise; `details.a.b` goes deeper.",
    "generator_url": "Where the alert was made, as a link.",
    "count": "Occurrences in the rule's window, or in the episode when the rule has none; a number.",
    "within": "Length of the rule's window, `5m`; empty when it has none.",
    "rule": "The rule's id.",
    "team": "The team that is paged, or several with commas between.",
    "alerts": "How many alerts the group holds; a number.",
    "first_at": "When the first occurrence came, `2026-11-21T01:42:07Z`.",
    "last_at": "When the newest occurrence came.",
    "group": "The values the rule groups by; `group.region`.",
}

MAPPINGS = frozenset({"labels", "annotations", "details", "group"})
"""Fields that have fields of their own."""

SAMPLE: dict[str, Any] = {
    "service": "payment-api",
    "name": "CardError",
    "severity": "error",
    "source": "prometheus",
    "summary": "Cards are declined",
    "labels": {"env": "prod", "region": "eu-west-1"},
    "annotations": {"runbook": "https://wiki.example.com/cards"},
    "details": {"confidence": 0.4},
    "generator_url": "https://prometheus.example.com/graph",
    "count": 3,
    "within": "5m",
    "rule": "payment-errors",
    "team": "payments",
    "alerts": 2,
    "first_at": "2026-11-21T01:42:07Z",
    "last_at": "2026-11-21T01:44:12Z",
    "group": {"service": "payment-api", "name": "CardError"},
}
