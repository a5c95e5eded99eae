"""The OpenAPI document of the sandbox: the Events API as this stand-in takes it, and its own control endpoints.

The REST API is PagerDuty's to describe. Built from the sandbox's own types; shares no word with the router's document, so that
two descriptions of the Events API stand side by side, each held to its own program.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from router.sandbox.faults import Fault, InstalledFault
from router.sandbox.ledger import Page
from router.sandbox.past import PastSpec
from router.sandbox.settings import ServiceSpec
from router.sandbox.switches import Switches
from router.sandbox.validate import ACTIONS, DEDUP_KEY_LENGTH, KEY_LENGTH, SEVERITIES, SUMMARY_LENGTH
from router.sandbox.views import IncidentView

_TYPES = (Fault, InstalledFault, Page, PastSpec, ServiceSpec, Switches, IncidentView)
_TEXT: dict[str, Any] = {"type": "string"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}
_KEY = _TEXT | {"minLength": KEY_LENGTH, "maxLength": KEY_LENGTH}
_SUMMARY = _TEXT | {"minLength": 1, "maxLength": SUMMARY_LENGTH}


def _exactly(members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(members), "properties": members, "additionalProperties": False}


def _some(needed: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(needed), "properties": needed | more}


def _of(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _of(name)}


def _json(schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


_PROBLEM = _json(_exactly({"problem": _TEXT}), "refused, with the reason")
_DONE = _exactly({"done": {"const": True}})
_INVALID = _exactly({"status": _TEXT, "message": _TEXT, "errors": _TEXTS})


def _taking(schema: dict[str, Any], *, is_needed: bool = True) -> dict[str, Any]:
    return {"requestBody": {"required": is_needed, "content": {"application/json": {"schema": schema}}}}


def _accepting(summary: str, event: dict[str, Any], answered: dict[str, Any]) -> dict[str, Any]:
    """What the Events API answers while neither a switch nor a planned fault says otherwise."""
    refused = _json(
        _INVALID, "every reason at once; a key that nobody has is said in plain text, unless a switch says otherwise"
    )
    refused["content"]["text/plain"] = {"schema": _TEXT}
    answers = {"202": _json(answered, "accepted"), "400": refused}
    throttled = _json(_some({"status": _TEXT, "message": _TEXT}), "too many calls")
    full = _json(_some({"status": _TEXT, "message": _TEXT}), "too many events wait")
    return {"post": {"summary": summary, **_taking(event), "responses": answers | {"429": throttled, "503": full}}}


def _reading(summary: str, schema: dict[str, Any], *numbers: str) -> dict[str, Any]:
    parameters = [{"name": name, "in": "query", "schema": _COUNT} for name in numbers]
    answers = {"200": _json(schema, "as it is now"), "400": _PROBLEM, "403": _PROBLEM}
    return {"get": {"summary": summary, "parameters": parameters, "responses": answers}}


def _writing(summary: str, schema: dict[str, Any], answered: dict[str, Any] = _DONE) -> dict[str, Any]:
    answers = {"200": _json(answered, "done")} | dict.fromkeys(("400", "403", "409", "415"), _PROBLEM)
    return {"post": {"summary": summary, **_taking(schema), "responses": answers}}


_ATTACHED = {
    "links": {"type": "array", "items": _some({"href": _TEXT}, text=_TEXT)},
    "images": {"type": "array", "items": _some({"src": _TEXT}, href=_TEXT, alt=_TEXT)},
}
_EVENT = _some(
    {"routing_key": _KEY, "event_action": {"enum": list(ACTIONS)}},
    dedup_key=_TEXT | {"minLength": 1, "maxLength": DEDUP_KEY_LENGTH},
    payload=_some(
        {"summary": _SUMMARY, "source": _TEXT | {"minLength": 1}, "severity": {"enum": list(SEVERITIES)}},
        **dict.fromkeys(("component", "group", "class"), _TEXT),
        custom_details={"type": "object"},
    ),
    client=_TEXT,
    client_url=_TEXT,
    **_ATTACHED,
)
_CHANGE = _some({"routing_key": _KEY, "payload": _some({"summary": _SUMMARY}, source=_TEXT)}, links=_ATTACHED["links"])
_ACCEPTED = {"status": {"const": "success"}, "message": _TEXT}

PATHS: dict[str, dict[str, Any]] = {
    "/v2/enqueue": _accepting("An event.", _EVENT, _exactly(_ACCEPTED | {"dedup_key": _TEXT})),
    "/v2/change/enqueue": _accepting("A change event.", _CHANGE, _exactly(_ACCEPTED)),
    "/openapi.json": _reading("This document.", {"type": "object", "required": ["openapi", "paths"]}),
    "/_sandbox/incidents.json": _reading(
        "Open and recently resolved incidents, newest pages.",
        _exactly(
            {
                "now": _COUNT,
                "counts": {"type": "object", "additionalProperties": _COUNT},
                "open": _list("IncidentView"),
                "resolved": _list("IncidentView"),
                "pages": _list("Page"),
                "users": {"type": "array", "items": _exactly({"name": _TEXT, "email": _TEXT})},
                "policies": _TEXTS,
            }
        ),
        "open",
        "resolved",
    ),
    "/_sandbox/pages.json": _reading("Who would have been told.", _exactly({"pages": _list("Page")})),
    "/_sandbox/faults": _reading("The fault plan.", _exactly({"faults": _list("InstalledFault")}))
    | _writing("Add a fault, or several.", {"oneOf": [_of("Fault"), _list("Fault")]}),
    "/_sandbox/switches": _reading("How it behaves.", _of("Switches")),
    "/_sandbox/past": _writing("Resolved incidents of the past.", _of("PastSpec"), _exactly({"incidents": _COUNT})),
    "/_sandbox/services": _writing("One more service.", _of("ServiceSpec")),
}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole of it."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    for one in (InstalledFault, Page, IncidentView, Switches):
        components[one.__name__] |= {"additionalProperties": False}
    info = {"title": "The sandbox of alert-router", "version": "2", "description": "See docs/reference/sandbox.md."}
    return {"openapi": "3.1.0", "info": info, "paths": PATHS, "components": {"schemas": components}}
