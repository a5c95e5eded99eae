"""Schemas of the OpenAPI document that no single type gives: answers put together from several, and how exactly they are said.

What is answered is closed: a member that is not described is a mistake, and a test asks the running daemon. What is taken stays
open where its reader passes over what it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import inspect

from router.history.figures import DIMENSIONS, Figures, Times
from router.history.objectives import Breach

TEXT: dict[str, Any] = {"type": "string"}
WHOLE: dict[str, Any] = {"type": "integer"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
NUMBER: dict[str, Any] = {"type": "number"}
FLAG: dict[str, Any] = {"type": "boolean"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
COUNTS: dict[str, Any] = {"type": "array", "items": COUNT}


def exactly(needed: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An object with these members, perhaps with ``more``, and no others."""
    return {"type": "object", "required": list(needed), "properties": needed | more, "additionalProperties": False}


def of(name: str) -> dict[str, Any]:
    """The component of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(item: dict[str, Any]) -> dict[str, Any]:
    """Any number of them."""
    return {"type": "array", "items": item}


def by_name(item: dict[str, Any]) -> dict[str, Any]:
    """An object that has whatever names."""
    return {"type": "object", "additionalProperties": item}


def close(components: dict[str, Any], types: Iterable[type], *, taken: Iterable[type] = ()) -> None:
    """Make every component exact that one of these types gives, but for those that are ``taken`` and not answered.

    What is always written is needed; what is not described is not there.
    """
    left_open = {one.__name__ for one in taken}
    for struct in _structs(types):
        name = struct.__name__
        schema = components.get(name)
        if schema is None or name in left_open:
            continue
        schema.setdefault("additionalProperties", False)
        if not struct.__struct_config__.omit_defaults:
            schema["required"] = list(schema["properties"])


def _structs(types: Iterable[type]) -> Iterator[Any]:
    """Every struct among these types, and inside of them, once."""
    waiting: list[Any] = list(inspect.multi_type_info(list(types)))
    seen: set[Any] = set()
    while waiting:
        found = waiting.pop()
        if isinstance(found, inspect.StructType):
            if found.cls in seen:
                continue
            seen.add(found.cls)
            yield found.cls
            waiting += [field.type for field in found.fields]
        elif isinstance(found, inspect.Type):
            inner = [getattr(found, name) for name in found.__struct_fields__]
            waiting += [one for part in inner for one in (part if isinstance(part, tuple) else (part,))]


_TIMES = exactly({name: COUNT if name == "count" else NUMBER for name in Times.__struct_fields__})
_FIGURES = exactly(
    {
        f"{field.name}_seconds" if field.type is Times else field.name: _TIMES if field.type is Times else COUNT
        for field in msgspec.structs.fields(Figures)
    }
    | {"alerts_per_incident": NUMBER}
)
_BREACH = exactly(
    {
        "took_seconds": NUMBER,
        **{
            field.name: {int: WHOLE, str: TEXT, bool: FLAG}[field.type]
            for field in msgspec.structs.fields(Breach)
            if field.name != "took_ms"
        },
    }
)
_OBJECTIVE = exactly(
    {
        "name": TEXT, "wanted": TEXT, "goal": NUMBER, "share": NUMBER, "is_met": FLAG, "met": COUNT, "breached": COUNT,
        "pending": COUNT, "breaches": list_of(_BREACH),
    }
)  # fmt: skip
_COUNTED: dict[str, Any] = {
    "since": WHOLE,
    "until": WHOLE,
    "total": _FIGURES,
    "by": exactly({}, **{name: by_name(_FIGURES) for name in DIMENSIONS}),
    "objectives": list_of(_OBJECTIVE),
}
PERIOD = exactly(_COUNTED)
"""Figures of PagerDuty's past; times in seconds."""

REPORT = exactly(
    {
        "title": TEXT, "month": TEXT, "zone": TEXT, "written_at": WHOLE, "synced_until": WHOLE, "unread": COUNT,
        "headline": TEXT, **_COUNTED, "before": _FIGURES, "days": list_of(of("Day")), "health": list_of(of("RuleHealth")),
        "kinds": list_of(of("Kind")), "longest": list_of(of("Long")),
    }
)  # fmt: skip
"""A month's report as JSON."""

HIT = exactly(
    dict.fromkeys(("title", "url", "service", "team", "rule", "status", "urgency", "acknowledged_by", "resolved_by"), TEXT)
    | {"number": WHOLE, "created_at": WHOLE, "resolved_at": WHOLE, "resolution": TEXT, "score": NUMBER, "excerpt": TEXT}
)
"""A past incident that was found; ``excerpt`` marks the words found with the characters U+0002 and U+0003."""

OWN_FIGURES = exactly(
    {
        "version": TEXT,
        "ruleset": exactly({"version": TEXT, "rules": COUNT, "teams": TEXTS}),
        "active_alerts": COUNT,
        "open_incidents": COUNT,
        "undecided_entries": COUNT,
        "outbox": exactly(
            dict.fromkeys(
                ("waiting", "in_flight", "unrecorded", "oldest_age_ms", "dead", "body_bytes", "bodies_in_store"), COUNT
            )
            | {
                "keys": list_of(
                    exactly({"routing_key": TEXT} | dict.fromkeys(("lanes", "in_flight", "calls_limit", "paused_ms"), COUNT))
                ),
                "breakers": by_name({"enum": ["closed", "open", "half_open"]}),
            }
        ),
        "store": of("Usage"),
        "troubles": TEXTS,
    }
)
"""The router's own figures."""

RULE = exactly(
    dict.fromkeys(("id", "description", "place", "drop"), TEXT)
    | dict.fromkeys(("services", "names", "page", "notify", "group_by", "owners"), TEXTS)
    | {"guard": FLAG}
)
"""A rule as a listing shows it: what tells it apart, and where it stands."""
