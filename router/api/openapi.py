"""The OpenAPI document of the whole API, served at ``/v1/openapi.json``: our own part here, other protocols in ``foreign``.

Built from the types that are answered, so that it cannot say anything else; a test holds its paths to the routes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from router import __version__
from router.api import foreign
from router.api.acting import Ending
from router.api.described import (
    COUNT,
    COUNTS,
    FLAG,
    HIT,
    OWN_FIGURES,
    PERIOD,
    REPORT,
    RULE,
    TEXT,
    TEXTS,
    WHOLE,
    close,
    exactly,
    list_of,
    of,
)
from router.api.exchange import Answer, Request
from router.api.orphaned import Adopting, Closing
from router.api.reading import DEFAULT_LIMIT, MAX_LIMIT, ListedAlert, ListedDelivery
from router.api.silences import Previewed
from router.history.figures import DIMENSIONS
from router.history.health import RuleHealth
from router.history.rendering import CONTENT_TYPES, FORMS
from router.history.report import Day, Kind, Long
from router.incidents.actions import Done
from router.incidents.explanation import Explanation
from router.incidents.reconcile import Finding
from router.incidents.strays import Ended, Looked
from router.model.delivery import Delivery, DeliveryState
from router.model.incident import Incident, Orphan
from router.model.wish import Wish
from router.store.base import AuditRow, DecisionRow, Usage

_TAKEN = (Closing, Adopting, Ending, Wish)
"""What is taken and never answered."""

_TYPES = (
    ListedAlert,
    ListedDelivery,
    Explanation,
    Delivery,
    Incident,
    DecisionRow,
    Finding,
    Previewed,
    AuditRow,
    Orphan,
    Done,
    Looked,
    Ended,
    Usage,
    Day,
    Kind,
    Long,
    RuleHealth,
    *_TAKEN,
)
_VERBS = {
    "acknowledge": "Say in PagerDuty that somebody has it.",
    "resolve": "Resolve it in PagerDuty; `note` becomes its resolution note.",
    "note": "Add a note in PagerDuty.",
    "reassign": "Give it to a user of PagerDuty (email address or id).",
    "escalate": "To a level of its escalation policy, or to another policy (name or id).",
    "snooze": "Quiet for so many seconds.",
    "responders": "Ask people (email address or id) or escalation policies (name or id) to help, with a message and a link.",
    "status": "Publish a status update: the message, to the incident's subscribers.",
    "priority": "Set its priority (name or id).",
}
_WORDS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}
_TIME: dict[str, Any] = {
    "description": "RFC 3339, or whole seconds since 1970",
    "oneOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 1}],
}

POSTED_ALERT: dict[str, Any] = {
    "type": "object",
    "required": ["service"],
    "additionalProperties": False,
    "properties": {
        "service": {"type": "string", "minLength": 1, "maxLength": 8192},
        "name": {"type": "string", "maxLength": 8192},
        "severity": {"type": "string", "description": "a configured spelling; unknown ones count as the default"},
        "score": {"type": "number", "minimum": 0, "maximum": 1, "description": "instead of severity"},
        "status": {"enum": ["firing", "resolved"], "default": "firing"},
        "kind": {"enum": ["event", "stateful"], "default": "event"},
        "labels": _WORDS,
        "annotations": _WORDS,
        "summary": TEXT,
        "details": {"type": "object"},
        "links": {
            "type": "array",
            "maxItems": 32,
            "items": {"type": "object", "properties": {"href": TEXT, "text": TEXT}},
        },
        "images": {
            "type": "array",
            "maxItems": 32,
            "items": {"type": "object", "properties": {"src": TEXT, "href": TEXT, "alt": TEXT}},
        },
        "starts_at": _TIME,
        "startsAt": _TIME,
        "ends_at": _TIME,
        "endsAt": _TIME,
        "generator_url": TEXT,
        "dedup_key": {"type": "string", "maxLength": 255},
    },
}
"""One alert for ``POST /v1/alerts``; a test holds it to what the reader takes."""

_ERROR = exactly({"error": TEXT}, accepted=COUNT, refused=list_of(exactly({"index": WHOLE, "field": TEXT, "reason": TEXT})))
_ACCEPTED = exactly({"accepted": COUNT})
_HEARD = exactly({"result": {"enum": ["taken", "repeated", "ignored", "unreadable"]}})
_ANYTHING: dict[str, Any] = {"type": "object", "description": "as OpenAPI 3.1 says"}
_DOCUMENT = exactly(
    {
        "openapi": {"const": "3.1.0"},
        "info": _ANYTHING,
        "security": {"type": "array"},
        "paths": _ANYTHING,
        "components": _ANYTHING,
    }
)


_DELIVERY_STATES = [state.value for state in DeliveryState]


@lru_cache(maxsize=1)
def document() -> bytes:
    """The document as JSON."""
    schemas, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    close(components, _TYPES, taken=_TAKEN)
    schema_of = dict(zip(_TYPES, schemas, strict=True))
    alert, delivery_with_body, explanation = schema_of[ListedAlert], schema_of[ListedDelivery], schema_of[Explanation]
    delivery, incident, decision, audit = (schema_of[each] for each in (Delivery, Incident, DecisionRow, AuditRow))
    paths = {
        "/v1/alerts": {
            "get": _listing("What fires now, oldest first; or the journal.", alert, "service", "name", "source")
            | {"description": "With journal=true: alerts as they were accepted, also those that are over."},
            "post": _posting(),
        },
        "/v1/alerts/{seq}": {"get": _one("One entry of the journal.", "seq", alert)},
        "/v1/incidents": {"get": _listing("Incidents, newest first.", incident, "team", status=["open", "closed"])},
        "/v1/incidents/{number}": {"get": _one("The story of one, by number or dedup key.", "number", explanation)},
        "/v1/decisions": {"get": _listing("Decisions, newest first.", decision, "alert", "incident")},
        "/v1/deliveries": {
            "get": _listing("Deliveries, newest first.", delivery, "team", "channel", "incident", state=_DELIVERY_STATES)
        },
        "/v1/deliveries/{id}": {"get": _one("One delivery and the body that is sent.", "id", delivery_with_body)},
        "/v1/deliveries/{id}/retry": {"post": _acting("Try it now, also a dead letter.")},
        "/v1/deliveries/{id}/drop": {"post": _acting("Give it up.", _query("reason"))},
        "/v1/explain/{seq}": {"get": _one("Why this alert did (not) page.", "seq", explanation)},
        **{f"/v1/incidents/{{number}}/{verb}": {"post": _wishing(text)} for verb, text in _VERBS.items()},
        "/v1/reconcile": {
            "post": _answering("Compare with PagerDuty, and mend.", _page(of("Finding")))
            | {"parameters": [_query("dry_run", {"type": "boolean"})]}
        },
        "/v1/pagerduty/webhook": {"post": _hearing()},
        "/v1/silences": {
            "get": _answering("Silences in force or to come, oldest first.", _page(of("Silence"))),
            "post": _silencing(),
        },
        "/v1/silences/{id}": {
            "get": _one("One, and what it hides.", "id", of("Previewed")),
            "delete": _ending(),
        },
        "/v1/audit": {"get": _listing("Who did what, newest first.", audit, "who", "since", "until", "incident")},
        "/v1/orphans": {"get": _answering("What is open of rules no longer in force.", _page(of("Orphan")), *_UNREAD)},
        "/v1/orphans/{rule}/close": {"post": _settling("Close all of it.", "rule", "Closing")},
        "/v1/orphans/{rule}/adopt": {"post": _settling("Give it to another rule.", "rule", "Adopting")},
        "/v1/incidents/{number}/close": {
            "post": _settling("Resolve it through the routing key that opened it, whatever fires.", "number", "Closing")
        },
        "/v1/rules": {"get": _answering("The rules in force, in order.", _page(RULE), *_UNREAD)},
        "/v1/heartbeats/{name}": {"post": _beating(), "get": _beating()},
        "/v1/sources/{name}": {"post": _mapping()},
        "/v1/stats": {"get": _counting()},
        "/v1/openapi.json": {"get": _answering("This document.", _DOCUMENT, 403)},
    }
    paths["/v1/alerts"]["get"]["parameters"].append(_query("journal", {"type": "boolean"}))
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "alert-router", "version": __version__, "description": "See docs/reference/http.md."},
            "security": [{"token": []}],
            "paths": paths | _strays() | _past() | foreign.PATHS,
            "components": {
                "schemas": components | foreign.SCHEMAS | {"PostedAlert": POSTED_ALERT, "Error": _ERROR},
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


async def describe(_request: Request) -> Answer:
    """``GET /v1/openapi.json``."""
    return Answer(body=document())


def _query(name: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema or TEXT}


def _json(schema: dict[str, Any], text: str = "answered") -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _refused(*codes: int) -> dict[str, Any]:
    error = _json(of("Error"), "refused, with the reason")
    return {str(code): error for code in codes}


def _page(item: dict[str, Any], **more: Any) -> dict[str, Any]:
    return exactly({"items": list_of(item), "next": {"type": ["string", "null"]}} | more)


_UNREAD = (400, 401, 403)
"""How a question may be refused that nothing is read for."""


def _answering(summary: str, schema: dict[str, Any], *codes: int) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": _json(schema)} | _refused(*(codes or (*_UNREAD, 503)))}


def _listing(summary: str, item: dict[str, Any], *texts: str, **words: list[str]) -> dict[str, Any]:
    parameters = [
        _query("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
        _query("cursor") | {"description": "the `next` of the page before"},
        *(_query(name) for name in texts),
        *(_query(name, {"enum": values}) for name, values in words.items()),
    ]
    answering = _answering(summary, _page(item))
    return answering | {"parameters": parameters}


def _one(summary: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    answering = _answering(summary, schema)
    parameter = {"name": name, "in": "path", "required": True, "schema": TEXT}
    return answering | {"parameters": [parameter], "responses": answering["responses"] | _refused(400, 404)}


def _acting(summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    one = _one(summary, "id", exactly({"delivery": WHOLE, "result": {"enum": ["retried", "dropped"]}}))
    return one | {"parameters": [*one["parameters"], *parameters], "responses": one["responses"] | _refused(409)}


def _wishing(summary: str) -> dict[str, Any]:
    one = _one(summary, "number", exactly({"incident": WHOLE, "pages": list_of(of("Done"))}))
    body = {"content": {"application/json": {"schema": of("Wish")}}}
    return one | {"requestBody": body, "responses": one["responses"] | _refused(408, 409, 413, 415, 429, 502)}


def _silencing() -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["match", "reason"],
        "properties": {
            "match": {"type": "object", "description": "as in a rule"},
            "reason": {"type": "string", "minLength": 1},
            "for": {"type": "string", "examples": ["2h"]},
            "until": {"type": "string", "description": "a time with its offset, or `resolved`"},
            "from": {"type": "string"},
            "by": TEXT,
            "id": {"type": "string", "description": "of the silence it takes the place of"},
        },
    }
    answered = {"oneOf": [exactly({"silence": of("Silence")}), of("Previewed")]}
    return {
        "summary": "Add a silence; with dry_run=true only what it would hide.",
        "parameters": [_query("dry_run", {"type": "boolean"})],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": _json(answered)} | _refused(400, 401, 403, 408, 409, 413, 415, 429, 503),
    }


def _settling(summary: str, name: str, wish: str) -> dict[str, Any]:
    closed, adopted = exactly({"closed": COUNTS}), exactly({"rule": TEXT, "into": TEXT, "incidents": COUNTS})
    one = _one(summary, name, adopted if wish == "Adopting" else closed)
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{wish}"}}}}
    return one | {"requestBody": body, "responses": one["responses"] | _refused(408, 409, 413, 415, 429)}


def _strays() -> dict[str, Any]:
    """Asks PagerDuty, so it may be refused as what acts there is."""
    page = _page(of("Stray"), looked_at=COUNT, not_asked=COUNT)
    listing = _answering("What is open in PagerDuty that came from here and is not known here.", page)
    body = {"required": True, "content": {"application/json": {"schema": of("Ending")}}}
    ending = _answering("Resolve strays, each under its own key.", of("Ended"))
    return {
        "/v1/strays": {"get": listing | {"responses": listing["responses"] | _refused(409, 502)}},
        "/v1/strays/resolve": {
            "post": ending | {"requestBody": body, "responses": ending["responses"] | _refused(408, 409, 413, 415, 429, 502)}
        },
    }


def _ending() -> dict[str, Any]:
    one = _one("It ends now; what it mutes and still fires is paged.", "id", exactly({"silence": of("Silence")}))
    return one | {"parameters": [*one["parameters"], _query("by")], "responses": one["responses"] | _refused(429)}


def _counting() -> dict[str, Any]:
    whole = {"type": "integer", "minimum": 0}
    parameters = [
        _query("month", {"type": "string", "pattern": r"^\d{4}-(0[1-9]|1[0-2])$"}),
        _query("since", whole),
        _query("until", whole),
        _query("by", {"enum": list(DIMENSIONS)}),
    ]
    answering = _answering(
        "Figures of PagerDuty's past; without any parameter the router's own figures.", {"oneOf": [OWN_FIGURES, PERIOD]}
    )
    return answering | {"parameters": parameters, "responses": answering["responses"] | _refused(400)}


def _past() -> dict[str, Any]:
    return {
        "/v1/search": {"get": _searching()},
        "/v1/reports": {
            "get": _answering(
                "Months that a report can be had of, newest first.", _page(exactly({"month": TEXT, "is_over": FLAG}))
            )
        },
        "/v1/reports/{month}": {"get": _reporting()},
    }


def _searching() -> dict[str, Any]:
    mended = {"type": "object", "additionalProperties": TEXTS, "description": "which words were taken for which"}
    answering = _answering("Past incidents by words, best first.", _page(HIT, mended=mended, is_loose=FLAG))
    parameters = [
        _query("q", {"type": "string", "minLength": 1}) | {"required": True},
        _query("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}),
        _query("exact", {"type": "boolean"}),
    ]
    return answering | {"parameters": parameters, "responses": answering["responses"] | _refused(400)}


def _reporting() -> dict[str, Any]:
    one = _one("The report of a month, as 2026-10.", "month", REPORT)
    content: dict[str, Any] = {kind.decode().partition(";")[0]: {"schema": TEXT} for kind in CONTENT_TYPES.values()}
    content["application/json"]["schema"] = REPORT
    found = {"description": "the report", "content": content}
    return one | {
        "parameters": [*one["parameters"], _query("format", {"enum": list(FORMS), "default": "html"})],
        "responses": one["responses"] | {"200": found},
    }


def _hearing() -> dict[str, Any]:
    """PagerDuty's side of this is PagerDuty's; the signature is the credential, so no token is asked for."""
    return {
        "summary": "PagerDuty's V3 webhooks, signed.",
        "security": [],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {"202": _json(_HEARD, "durable, or not wanted")} | _refused(400, 401, 403, 408, 413, 415, 429, 503),
    }


def _beating() -> dict[str, Any]:
    """Nothing but that somebody is alive."""
    one = _one("A heartbeat, for a rule with absent_for.", "name", _ACCEPTED)
    return one | {"responses": {"202": _json(_ACCEPTED, "durable")} | _refused(400, 401, 403, 429, 503)}


def _mapping() -> dict[str, Any]:
    """What a body holds is its sender's affair."""
    parameter = {"name": "name", "in": "path", "required": True, "schema": TEXT}
    return {
        "summary": "A webhook, read by the mapping of its source.",
        "security": [{"token": []}, {}],
        "parameters": [parameter],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "responses": {"202": _json(_ACCEPTED, "durable")} | _refused(400, 401, 403, 404, 408, 413, 429, 503),
    }


def _posting() -> dict[str, Any]:
    alert = of("PostedAlert")
    return {
        "summary": "One alert or an array of them.",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [alert, {"type": "array", "items": alert}]}}},
        },
        "responses": {"202": _json(_ACCEPTED, "durable")} | _refused(400, 401, 403, 408, 413, 415, 429, 503),
    }
