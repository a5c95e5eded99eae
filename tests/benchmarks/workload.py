"""The alerts that are sent and the services and routes they belong to; the same for every server, from a seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any, Literal

WORDS = [
    "payment",
    "checkout",
    "ledger",
    "auth",
    "search",
    "catalog",
    "inventory",
    "shipping",
    "billing",
    "fraud",
    "notify",
    "media",
    "gateway",
    "session",
    "profile",
    "order",
    "cart",
    "pricing",
    "promo",
    "report",
    "export",
    "import",
    "ingest",
    "stream",
    "cache",
    "queue",
    "worker",
    "cron",
    "mailer",
    "geo",
    "tax",
    "refund",
    "wallet",
    "kyc",
    "risk",
    "audit",
    "vault",
    "config",
    "feature",
    "edge",
]
NAMES = 40
INSTANCES_PER_ROUTE = 50

Kind = Literal["prefix", "suffix", "infix"]


def service(route: int, number: int, kind: Kind = "prefix") -> str:
    """A service of this route. With ``suffix`` the route's number stands at the end, so that a suffix pattern can find it."""
    word, tail = WORDS[route % len(WORDS)], f"api-{number % INSTANCES_PER_ROUTE}"
    return f"{word}-{tail}-{route:05d}" if kind == "suffix" else f"{word}-{route:05d}-{tail}"


def glob(route: int, kind: Kind) -> str:
    """The pattern for the services of a route, as our rules write it."""
    return {"prefix": f"{WORDS[route % len(WORDS)]}-{route:05d}-*", "suffix": f"*-{route:05d}", "infix": f"*-{route:05d}-*"}[
        kind
    ]


def regex(route: int, kind: Kind) -> str:
    """The same pattern as Alertmanager writes it (anchored on both sides)."""
    return glob(route, kind).replace("*", ".*")


def token(run: str, number: int) -> str:
    """What ties a page to its alert: it stands in the label ``instance`` and so in the body of the page."""
    return f"uid_{run}_{number}"


def severity(number: int) -> str:
    """The severity of the alert of this number: a third each."""
    return ("critical", "warning", "info")[number % 3]


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def make_alerts(
    run: str, count: int, *, routes: int, now: float, age_seconds: float = 60, ttl_seconds: float = 3600, kind: Kind = "prefix"
) -> list[dict[str, Any]]:
    """Distinct alerts spread evenly over the routes, as Prometheus would send them: firing for a minute, ending in an hour."""
    chance = random.Random(1)  # the same services in every run
    starts, ends = timestamp(now - age_seconds), timestamp(now + ttl_seconds)
    return [_make_alert(run, number, service(chance.randrange(routes), number, kind), starts, ends) for number in range(count)]


def _make_alert(run: str, number: int, name: str, starts: str, ends: str) -> dict[str, Any]:
    return {
        "labels": {
            "alertname": f"HighErrorRate{number % NAMES:02d}",
            "service": name,
            "severity": severity(number),
            "instance": f"{token(run, number)}:9100",
            "cluster": f"eu-west-1{'abc'[number % 3]}",
            "job": "node",
        },
        "annotations": {
            "summary": f"{name} error rate above 5% on instance",
            "description": f"{name} has served more than 5% HTTP 5xx for 10 minutes; current value 7.{number % 10}%. "
            "See the dashboard and the runbook before paging anybody else.",
            "runbook_url": "https://runbooks.example.org/high-error-rate",
        },
        "startsAt": starts,
        "endsAt": ends,
        "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=rate%28http_errors%5B5m%5D%29+%3E+0.05&g0.tab=1",
    }
