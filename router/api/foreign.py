"""The OpenAPI description of what is not ours: Alertmanager's API v2, PagerDuty's Events API, and what supervisors ask.

Paths and shapes are those of the protocols' own documents (Alertmanager: ``api/v2/openapi.yaml``; PagerDuty: the Events API v2
reference), as far as they are answered here. A test holds the paths to the routes, and a fuzzer the daemon to all of it.
"""

from __future__ import annotations

from typing import Any

from router.api.described import exactly

MAX_SUMMARY = 1024
"""Characters (PagerDuty: 1024)."""

_TEXT: dict[str, Any] = {"type": "string"}
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
_LABELS: dict[str, Any] = {"type": "object", "additionalProperties": _TEXT}
_NAMES: dict[str, Any] = {"type": "array", "items": _TEXT}
_FLAG: dict[str, Any] = {"type": "boolean", "default": True}


def _object(required: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": required | more}


def _of(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list_of(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _of(name)}


SCHEMAS: dict[str, Any] = {
    "AlertmanagerError": {
        "description": "A text for 400, 404 and 500, which clients of Alertmanager know; code and message for the rest.",
        "oneOf": [_TEXT, exactly({"code": {"type": "integer"}, "message": _TEXT})],
    },
    "PostableAlert": _object(
        {"labels": _LABELS | {"minProperties": 1}}, annotations=_LABELS, startsAt=_TIME, endsAt=_TIME, generatorURL=_TEXT
    ),
    "GettableAlert": exactly(
        {
            "labels": _LABELS,
            "annotations": _LABELS,
            "startsAt": _TIME,
            "endsAt": _TIME,
            "updatedAt": _TIME,
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
            "receivers": _list_of("Receiver"),
            "status": exactly(
                {
                    "state": {"enum": ["active", "suppressed", "unprocessed"]},
                    "silencedBy": _NAMES,
                    "inhibitedBy": _NAMES,
                    "mutedBy": _NAMES,
                }
            ),
            "generatorURL": _TEXT,
        }
    ),
    "AlertGroup": exactly({"labels": _LABELS, "receiver": _of("Receiver"), "alerts": _list_of("GettableAlert")}),
    "Receiver": exactly({"name": _TEXT}),
    "Matcher": _object(
        {"name": {"type": "string", "minLength": 1}, "value": _TEXT, "isRegex": {"type": "boolean"}},
        isEqual={"type": "boolean"},
    ),
    "GettableMatcher": exactly({"name": _TEXT, "value": _TEXT, "isRegex": {"type": "boolean"}, "isEqual": {"type": "boolean"}}),
    "PostableSilence": _object(
        {
            "matchers": _list_of("Matcher") | {"minItems": 1, "maxItems": 64},
            "startsAt": _TIME,
            "endsAt": _TIME,
            "createdBy": _TEXT,
            "comment": _TEXT,
        },
        id={"type": ["string", "null"], "description": "of the silence it takes the place of"},
    ),
    "GettableSilence": exactly(
        {
            "id": _TEXT,
            "status": exactly({"state": {"enum": ["pending", "active", "expired"]}}),
            "matchers": _list_of("GettableMatcher"),
            "startsAt": _TIME,
            "endsAt": _TIME,
            "updatedAt": _TIME,
            "createdBy": _TEXT,
            "comment": _TEXT,
        }
    ),
    "AlertmanagerStatus": exactly(
        {
            "cluster": exactly({"name": _TEXT, "status": _TEXT, "peers": {"type": "array", "maxItems": 0}}),
            "config": exactly({"original": _TEXT}),
            "uptime": _TIME,
            "versionInfo": _LABELS,
        }
    ),
    "Event": _object(
        {
            "routing_key": {"type": "string", "minLength": 1, "description": "an inbound key of a source; the credential"},
            "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        },
        dedup_key={"type": "string", "maxLength": 255},
        payload=_object(
            {
                "summary": {"type": "string", "minLength": 1, "maxLength": MAX_SUMMARY},
                "source": {"type": "string", "minLength": 1},
                "severity": {"enum": ["critical", "error", "warning", "info"]},
            },
            timestamp=_TEXT,
            component=_TEXT,
            group=_TEXT,
            **{"class": _TEXT},
            custom_details={"type": ["object", "string"]},
        ),
        client=_TEXT,
        client_url=_TEXT,
        links={"type": "array", "items": _object({"href": _TEXT}, text=_TEXT)},
        images={"type": "array", "items": _object({"src": _TEXT}, href=_TEXT, alt=_TEXT)},
    ),
    "ChangeEvent": _object(
        {
            "routing_key": {"type": "string", "minLength": 1},
            "payload": _object(
                {"summary": {"type": "string", "minLength": 1, "maxLength": MAX_SUMMARY}},
                source=_TEXT,
                timestamp=_TEXT,
                custom_details={"type": ["object", "string"]},
            ),
        },
        links={"type": "array", "items": _object({"href": _TEXT}, text=_TEXT)},
    ),
    "EventError": exactly({"status": _TEXT, "message": _TEXT, "errors": _NAMES}),
}


def _json(schema: dict[str, Any], text: str = "answered") -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _operation(
    summary: str,
    answered: dict[str, dict[str, Any]],
    error: str,
    *codes: int,
    takes: dict[str, Any] | None = None,
    parameters: tuple[dict[str, Any], ...] = (),
) -> dict[str, Any]:
    """One operation; with a body also what may be wrong with any body."""
    every = {400, 401, 403, *codes} | ({408, 413, 415, 429} if takes else set())
    refused = {str(code): _json(_of(error), "refused, with the reason") for code in sorted(every)}
    described: dict[str, Any] = {"summary": summary, "responses": refused | answered}
    if takes:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": takes}}}
    if parameters:
        described["parameters"] = list(parameters)
    return described


def _alertmanager(summary: str, schema: dict[str, Any], *codes: int, **more: Any) -> dict[str, Any]:
    return _operation(summary, {"200": _json(schema)}, "AlertmanagerError", *codes, **more)


def _supervised(summary: str, answers: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    described = {code: _json(schema, text) for code, (text, schema) in answers.items()}
    return {"summary": summary, "security": [{"token": []}, {}], "responses": described}


def _status(word: str, **more: dict[str, Any]) -> dict[str, Any]:
    return exactly({"status": {"const": word}} | more)


_ERROR = {"$ref": "#/components/schemas/Error"}


_FILTER = _query("filter", {"type": "array", "items": _TEXT}) | {"description": 'matchers, as `service="pay"`'}
_FILTERS = (
    _FILTER,
    _query("receiver", _TEXT) | {"description": "a regular expression over teams"},
    *(_query(name, _FLAG) for name in ("active", "silenced", "inhibited", "unprocessed", "muted")),
)
_SILENCE_ID = ({"name": "silenceID", "in": "path", "required": True, "schema": _TEXT},)
_ACCEPTED = {"status": {"const": "success"}, "message": _TEXT}

PATHS: dict[str, dict[str, Any]] = {
    "/api/v2/status": {"get": _alertmanager("Version and start.", _of("AlertmanagerStatus"))},
    "/api/v2/receivers": {"get": _alertmanager("The teams.", _list_of("Receiver"))},
    "/api/v2/alerts": {
        "get": _alertmanager("What fires.", _list_of("GettableAlert"), 503, parameters=_FILTERS),
        "post": _operation(
            "Alerts as Prometheus sends them; each that is refused is named, the others are taken.",
            {"200": {"description": "durable, or known already"}},
            "AlertmanagerError",
            503,
            takes=_list_of("PostableAlert"),
        ),
    },
    "/api/v2/alerts/groups": {
        "get": _alertmanager("What fires, by team, service and name.", _list_of("AlertGroup"), 503, parameters=_FILTERS)
    },
    "/api/v2/silences": {
        "get": _alertmanager("Silences in force or to come.", _list_of("GettableSilence"), 503, parameters=(_FILTER,)),
        "post": _alertmanager("Add one.", exactly({"silenceID": _TEXT}), 503, takes=_of("PostableSilence")),
    },
    "/api/v2/silence/{silenceID}": {
        "get": _alertmanager("One silence.", _of("GettableSilence"), 404, 503, parameters=_SILENCE_ID),
        "delete": _operation(
            "It ends now.",
            {"200": {"description": "ended"}},
            "AlertmanagerError",
            404,
            429,
            503,
            parameters=_SILENCE_ID,
        ),
    },
    "/v2/enqueue": {
        "post": _operation(
            "An event, as PagerDuty's Events API v2 takes it.",
            {"202": _json(exactly(_ACCEPTED | {"dedup_key": _TEXT}), "durable")},
            "EventError",
            503,
            takes=_of("Event"),
        )
        | {"security": []}
    },
    "/v2/change/enqueue": {
        "post": _operation(
            "A change event; it is passed on to the team that owns its service.",
            {"202": _json(exactly(_ACCEPTED), "durable")},
            "EventError",
            503,
            takes=_of("ChangeEvent"),
        )
        | {"security": []}
    },
    "/-/healthy": {
        "get": _supervised("The process runs.", {"200": ("it does", _status("healthy")), "403": ("refused", _ERROR)})
    },
    "/-/ready": {
        "get": _supervised(
            "Alerts are taken.",
            {
                "200": ("they are", _status("ready")),
                "403": ("refused", _ERROR),
                "503": ("they are not, with every reason", _status("not ready", reasons=_NAMES)),
            },
        )
    },
    "/-/reload": {
        "post": _supervised(
            "Put the configuration and the rules as they are now in force.",
            {
                "200": (
                    "they are in force, but for settings that wait for a restart",
                    exactly({"status": {"const": "reloaded"}}, restart_needed=_NAMES),
                ),
                "400": ("refused", _ERROR),
                "401": ("no token", _ERROR),
                "403": ("a token without the scope admin", _ERROR),
                "422": ("they are not, with every mistake", exactly({"error": _TEXT, "mistakes": _NAMES})),
            },
        )
        | {"security": [{"token": []}]}
    },
    "/metrics": {
        "get": {
            "summary": "Metrics for Prometheus.",
            "responses": {
                "200": {"description": "in the text format", "content": {"text/plain": {"schema": _TEXT}}},
                "401": _json(_ERROR, "no token"),
                "403": _json(_ERROR, "a token without the scope read"),
            },
        }
    },
}
"""By path. What else stands under ``/api/v2`` answers 501, and ``/api/v1`` 410, each with a word about what to use."""
