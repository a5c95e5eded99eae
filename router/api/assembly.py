"""Every path of the API in one table: what the daemon builds its ``Api`` from, and what the documentation is held to."""

from __future__ import annotations

from typing import get_args

from router.api.acting import Acting
from router.api.compatible import Compatible
from router.api.doors import Doors, shape_alertmanager, shape_event
from router.api.health import Health
from router.api.hooks import Hooks
from router.api.openapi import describe
from router.api.orphaned import Orphaned
from router.api.reading import Reading
from router.api.recalling import Recalling
from router.api.routes import Route
from router.api.silences import Silences
from router.api.silencing import Silencing
from router.model.wish import Verb


def build_routes(
    *,
    doors: Doors,
    hooks: Hooks,
    health: Health,
    reading: Reading,
    recalling: Recalling,
    acting: Acting,
    compatible: Compatible,
    silencing: Silencing,
    silences: Silences,
    orphaned: Orphaned,
) -> list[Route]:
    """All routes, in order of precedence."""
    return [
        *_doors(doors),
        *_hooks(hooks),
        *_orphaned(orphaned),
        *_acting(acting),
        *_health(health),
        *_reading(reading),
        *_recalling(recalling),
        *_compatible(compatible),
        *_silencing(silencing),
        *_silences(silences),
        *_elsewhere(compatible),
    ]


def _doors(doors: Doors) -> list[Route]:
    return [
        Route(
            method="POST",
            path="/api/v2/alerts",
            handler=doors.alertmanager,
            scope="ingest",
            name="alertmanager",
            shape=shape_alertmanager,
            takes_body=True,
        ),
        Route(method="POST", path="/v1/alerts", handler=doors.alerts, scope="ingest", name="alerts", takes_body=True),
        Route(
            method="POST",
            path="/v1/sources/*",
            handler=doors.source,
            scope=None,
            scope_of=doors.scope_of_source,
            name="sources",
            takes_body=True,
            takes_any_type=True,
        ),
        *(
            Route(method=method, path="/v1/heartbeats/*", handler=doors.heartbeat, scope="ingest", name="heartbeats")
            for method in ("POST", "GET")
        ),
        # The key in the body is the credential: PagerDuty's clients cannot send a bearer token.
        Route(
            method="POST",
            path="/v2/enqueue",
            handler=doors.event,
            scope=None,
            name="events",
            shape=shape_event,
            takes_body=True,
        ),
        Route(
            method="POST",
            path="/v2/change/enqueue",
            handler=doors.change,
            scope=None,
            name="changes",
            shape=shape_event,
            takes_body=True,
        ),
    ]


def _hooks(hooks: Hooks) -> list[Route]:
    # The signature is the credential: PagerDuty signs, and need not be given a token.
    path = "/v1/pagerduty/webhook"
    return [Route(method="POST", path=path, handler=hooks.webhook, scope=None, name="webhook", takes_body=True)]


def _acting(acting: Acting) -> list[Route]:
    routes = [
        Route(
            method="POST", path=f"/v1/incidents/*/{verb}", handler=acting.doing(verb), scope="write", name=verb, takes_body=True
        )
        for verb in get_args(Verb)
    ]
    path = "/v1/reconcile"
    reconciling = Route(
        method="POST", path=path, handler=acting.reconcile, scope="write", name="reconcile", audit="asked to reconcile"
    )
    strays = [
        Route(method="GET", path="/v1/strays", handler=acting.list_strays, scope="read", name="strays"),
        Route(
            method="POST",
            path="/v1/strays/resolve",
            handler=acting.resolve_strays,
            scope="write",
            name="strays",
            takes_body=True,
        ),
    ]
    return [*routes, reconciling, *strays]


def _health(health: Health) -> list[Route]:
    return [
        Route(method="GET", path="/-/healthy", handler=health.healthy, scope=None, name="healthy"),
        Route(method="GET", path="/-/ready", handler=health.ready, scope=None, name="ready"),
        Route(method="POST", path="/-/reload", handler=health.reload, scope="admin", name="reload", audit="reloaded"),
        Route(method="GET", path="/metrics", handler=health.metrics, scope="read", name="metrics"),
    ]


def _reading(reading: Reading) -> list[Route]:
    return [
        Route(method="GET", path="/v1/openapi.json", handler=describe, scope=None, name="openapi"),
        Route(method="GET", path="/v1/alerts", handler=reading.alerts, scope="read", name="read_alerts"),
        Route(method="GET", path="/v1/incidents", handler=reading.incidents, scope="read", name="read_incidents"),
        Route(method="GET", path="/v1/decisions", handler=reading.decisions, scope="read", name="read_decisions"),
        Route(method="GET", path="/v1/deliveries", handler=reading.deliveries, scope="read", name="read_deliveries"),
        Route(method="GET", path="/v1/rules", handler=reading.rules, scope="read", name="read_rules"),
        Route(
            method="POST",
            path="/v1/deliveries/*/retry",
            handler=reading.retry,
            scope="write",
            name="retry",
            audit="retried a delivery",
        ),
        Route(
            method="POST",
            path="/v1/deliveries/*/drop",
            handler=reading.drop,
            scope="write",
            name="drop",
            audit="dropped a delivery",
        ),
        Route(method="GET", path="/v1/audit", handler=reading.audit, scope="read", name="read_audit"),
        Route(method="GET", path="/v1/deliveries/*", handler=reading.delivery, scope="read", name="read_deliveries"),
        Route(method="GET", path="/v1/incidents/*", handler=reading.incident, scope="read", name="read_incidents"),
        Route(method="GET", path="/v1/alerts/*", handler=reading.alert, scope="read", name="read_alerts"),
        Route(method="GET", path="/v1/explain/*", handler=reading.explain, scope="read", name="explain"),
    ]


def _recalling(recalling: Recalling) -> list[Route]:
    return [
        Route(method="GET", path="/v1/stats", handler=recalling.stats, scope="read", name="read_stats"),
        Route(method="GET", path="/v1/search", handler=recalling.search, scope="read", name="search"),
        Route(method="GET", path="/v1/reports", handler=recalling.reports, scope="read", name="read_reports"),
        Route(method="GET", path="/v1/reports/*", handler=recalling.report, scope="read", name="read_reports"),
    ]


def _compatible(compatible: Compatible) -> list[Route]:
    shape = shape_alertmanager
    return [
        Route(method="GET", path="/api/v2/status", handler=compatible.status, scope="read", name="am_status", shape=shape),
        Route(method="GET", path="/api/v2/alerts", handler=compatible.alerts, scope="read", name="am_alerts", shape=shape),
        Route(
            method="GET", path="/api/v2/alerts/groups", handler=compatible.groups, scope="read", name="am_groups", shape=shape
        ),
        Route(
            method="GET", path="/api/v2/receivers", handler=compatible.receivers, scope="read", name="am_receivers", shape=shape
        ),
    ]


def _silencing(silencing: Silencing) -> list[Route]:
    shape = shape_alertmanager
    one = "/api/v2/silence/*"
    return [
        Route(method="GET", path="/api/v2/silences", handler=silencing.listed, scope="read", name="am_silences", shape=shape),
        Route(
            method="POST",
            path="/api/v2/silences",
            handler=silencing.posted,
            scope="write",
            name="am_silences",
            shape=shape,
            takes_body=True,
        ),
        Route(method="GET", path=one, handler=silencing.shown, scope="read", name="am_silences", shape=shape),
        Route(method="DELETE", path=one, handler=silencing.expired, scope="write", name="am_silences", shape=shape),
    ]


def _silences(silences: Silences) -> list[Route]:
    every, one = "/v1/silences", "/v1/silences/*"
    return [
        Route(method="GET", path=every, handler=silences.listed, scope="read", name="silences"),
        Route(method="POST", path=every, handler=silences.added, scope="write", name="silences", takes_body=True),
        Route(method="GET", path=one, handler=silences.shown, scope="read", name="silences"),
        Route(method="DELETE", path=one, handler=silences.expired, scope="write", name="silences"),
    ]


def _orphaned(orphaned: Orphaned) -> list[Route]:
    posts = (
        ("/v1/orphans/*/close", orphaned.close),
        ("/v1/orphans/*/adopt", orphaned.adopt),
        ("/v1/incidents/*/close", orphaned.close_incident),
    )
    return [
        Route(method="GET", path="/v1/orphans", handler=orphaned.listed, scope="read", name="orphans"),
        *(
            Route(method="POST", path=path, handler=handler, scope="write", name="orphans", takes_body=True)
            for path, handler in posts
        ),
    ]


def _elsewhere(compatible: Compatible) -> list[Route]:
    shape = shape_alertmanager
    return [
        *(
            Route(method=method, path="/api/v2/*", handler=compatible.not_here, scope="read", name="am_other", shape=shape)
            for method in ("GET", "POST", "DELETE")
        ),
        *(
            Route(method=method, path="/api/v1/*", handler=compatible.gone, scope=None, name="am_v1", shape=shape)
            for method in ("GET", "POST", "DELETE")
        ),
    ]
