"""REST on incidents: list, read, create, update one or many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router.sandbox import actions, rest_render, transitions
from router.sandbox.model import Incident
from router.sandbox.rest_request import RestProblem, RestRequest, as_text, invalid, paged, reference_id

MAX_BULK = 250
STATUSES = ("triggered", "acknowledged", "resolved")
_SORTS: dict[str, Callable[[Incident], Any]] = {
    "incident_number": lambda incident: incident.number,
    "created_at": lambda incident: incident.created_at,
    "resolved_at": lambda incident: incident.resolved_at or 0,
    "urgency": lambda incident: incident.urgency == "high",
}
_NOT_BUILT = ("incident_type",)
_BRIDGE = ("conference_number", "conference_url")


def list_incidents(request: RestRequest) -> dict[str, Any]:
    """``GET /incidents`` with its traps: the default month, and a blank key that filters nothing."""
    world = request.world
    for name, allowed in (("statuses", STATUSES), ("urgencies", ("high", "low"))):
        wrong = [value for value in request.many(name) if value not in allowed]
        if wrong:
            raise invalid(f"{name}[] knows no {wrong[0]!r}")
    found = [incident for incident in world.listed(request.now) if _is_wanted(request, incident)]
    if request.one("date_range") != "all":
        since, until = request.date_range()
        member = world.switches.rest_range_compares
        found = [incident for incident in found if since <= getattr(incident, member) < until]
    include = frozenset(request.many("include"))
    page = paged(request, "incidents", _sorted(request, found))
    page["incidents"] = [rest_render.incident(world, incident, include) for incident in page["incidents"]]
    return page


def _is_wanted(request: RestRequest, incident: Incident) -> bool:
    key = request.one("incident_key")
    users = request.many("user_ids")
    wanted = (
        (not request.many("statuses") or incident.status in request.many("statuses"))
        and (not request.many("urgencies") or incident.urgency in request.many("urgencies"))
        and (not request.many("service_ids") or incident.service_id in request.many("service_ids"))
        and not request.many("team_ids")
        and (not users or any(user_id in users for user_id in incident.assignee_ids))
    )
    if not wanted or not key:
        return wanted
    keys = [alert.dedup_key for alert in request.world.alerts_of(incident)]
    return incident.incident_key == key or key in keys


def _sorted(request: RestRequest, found: list[Incident]) -> list[Incident]:
    orders = [part for part in (request.one("sort_by") or "").split(",") if part]
    if len(orders) > 2:  # noqa: PLR2004 - as documented
        raise invalid("sort_by takes two fields at most")
    found.sort(key=_SORTS["incident_number"])
    for order in reversed(orders):
        name, _, direction = order.partition(":")
        if name not in _SORTS or direction not in {"", "asc", "desc"}:
            raise invalid(f"sort_by knows no {order!r}")
        found.sort(key=_SORTS[name], reverse=direction == "desc")
    return found


def get_incident(request: RestRequest) -> dict[str, Any]:
    """``GET /incidents/{id}``."""
    include = frozenset(request.many("include"))
    return {"incident": rest_render.incident(request.world, request.incident(), include)}


def create_incident(request: RestRequest) -> dict[str, Any]:
    """``POST /incidents``: no alerts, and an open incident with the same key is a refusal, not a merge."""
    world, wanted, agent = request.world, request.wrapped("incident"), request.acting()
    if wanted.get("type") != "incident":
        raise invalid("type must be incident")
    title = as_text(wanted, "title")
    service = world.services.get(reference_id(wanted, "service"))
    if service is None:
        raise RestProblem(404, 5002, "Service Not Found")
    _refuse_not_built(wanted, ("incident_type", "conference_bridge"))
    key = wanted.get("incident_key")
    for incident in world.open_incidents.values():
        if key and incident.service_id == service.id and incident.incident_key == key:
            raise invalid("Open incident with matching dedup key already exists on this service")
    assignees = _assignees(request, wanted)
    if len(assignees) > 1 or (assignees and wanted.get("escalation_policy")):
        raise invalid("one assignee or an escalation policy")
    policy_id = _policy(request, wanted) or service.policy_id
    urgency = wanted.get("urgency") or ("high" if service.urgency == "severity" else service.urgency)
    if urgency not in {"high", "low"}:
        raise invalid("urgency must be high or low")
    details = wanted.get("body") or {}
    if not isinstance(details, dict) or not isinstance(details.get("details", ""), str):
        raise invalid("body.details must be a string")
    incident = transitions.open_incident(
        world,
        service,
        request.now,
        title=title,
        urgency=urgency,
        agent=agent,
        incident_key=key or world.ids.hexadecimal(),
        policy_id=policy_id,
        assignee_ids=assignees,
        details=details.get("details", ""),
    )
    if assignees == [agent.id]:
        transitions.acknowledge(world, incident, request.now, agent)
    return {"incident": rest_render.incident(world, incident)}


def update_incident(request: RestRequest) -> dict[str, Any]:
    """``PUT /incidents/{id}``."""
    incident, wanted = request.incident(), request.wrapped("incident")
    _check(request, incident, wanted)
    service_id = reference_id(wanted, "service") if wanted.get("service") is not None else ""
    if service_id and service_id not in request.world.services:
        raise RestProblem(404, 5002, "Service Not Found")
    if service_id:
        actions.move(request.world, incident, service_id, request.now, request.acting())
    _apply(request, incident, wanted)
    return {"incident": rest_render.incident(request.world, incident)}


def update_incidents(request: RestRequest) -> dict[str, Any]:
    """``PUT /incidents``: all or nothing."""
    wanted = request.content.get("incidents")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(one, dict) for one in wanted):
        raise invalid("incidents cannot be empty")
    if len(wanted) > MAX_BULK:
        raise RestProblem(413, 2001, "Request Entity Too Large")
    pairs = []
    for one in wanted:
        incident = request.world.incidents.get(str(one.get("id")))
        if incident is None:
            raise RestProblem(404, 5001, "Incident Not Found")
        if one.get("service") is not None:
            raise invalid("service is for one incident at a time")
        _check(request, incident, one)
        pairs.append((incident, one))
    for incident, one in pairs:
        _apply(request, incident, one)
    return {"incidents": [rest_render.incident(request.world, incident) for incident, _ in pairs]}


def _refuse_not_built(wanted: dict[str, Any], names: tuple[str, ...]) -> None:
    given = [name for name in names if wanted.get(name) is not None]
    if given:
        raise RestProblem(501, 2000, f"The sandbox does not implement {given[0]} here")


def _check(request: RestRequest, incident: Incident, wanted: dict[str, Any]) -> None:
    """Refuse whatever cannot be done, before anything is done."""
    if wanted.get("type") not in {"incident", "incident_reference"}:
        raise invalid("type must be incident or incident_reference")
    _refuse_not_built(wanted, _NOT_BUILT)
    _check_status(incident, wanted)
    if wanted.get("urgency") not in {None, "high", "low"}:
        raise invalid("urgency must be high or low")
    if "title" in wanted:
        as_text(wanted, "title")
    _priority(wanted)
    _bridge(wanted)
    _check_assignment(request, incident, wanted)


def _check_status(incident: Incident, wanted: dict[str, Any]) -> None:
    status = wanted.get("status")
    if status is not None and status not in STATUSES:
        raise RestProblem(400, 1003, "Invalid Status Provided")
    if status == incident.status == "resolved":
        raise RestProblem(400, 1001, "Incident Already Resolved")
    if status == incident.status == "acknowledged":
        raise RestProblem(400, 1002, "Incident Already Acknowledged")
    resolution = wanted.get("resolution")
    if resolution is not None and (status != "resolved" or not isinstance(resolution, str)):
        raise invalid("resolution is a text and goes with the status resolved only")


def _check_assignment(request: RestRequest, incident: Incident, wanted: dict[str, Any]) -> None:
    changes = any(wanted.get(name) is not None for name in ("escalation_level", "escalation_policy", "assignments"))
    if changes and (wanted.get("status") or incident.status) == "resolved":
        raise RestProblem(400, 1001, "Incident Already Resolved")
    _assignees(request, wanted)
    policy_id = _policy(request, wanted) or incident.policy_id
    level = wanted.get("escalation_level")
    if level is None:
        return
    if (wanted.get("urgency") or incident.urgency) == "low":
        raise RestProblem(400, 1006, "Incident Cannot Be Escalated")
    levels = len(request.world.policies[policy_id].levels)
    if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= levels:
        raise invalid("escalation_level is out of range")


def _apply(request: RestRequest, incident: Incident, wanted: dict[str, Any]) -> None:
    world, now, agent = request.world, request.now, request.acting()
    if "title" in wanted and wanted["title"] != incident.title:
        incident.title = wanted["title"]
        transitions.log(world, incident, "field_value_change", now, agent, "Title changed")
    if wanted.get("urgency"):
        transitions.set_urgency(world, incident, wanted["urgency"], now, agent)
    if "priority" in wanted:
        actions.set_priority(world, incident, _priority(wanted), now, agent)
    bridge = _bridge(wanted)
    if bridge:
        actions.set_bridge(world, incident, bridge, now, agent)
    _apply_status(request, incident, wanted)
    policy_id = _policy(request, wanted)
    if policy_id:
        transitions.delegate(world, incident, policy_id, now, agent)
    if wanted.get("escalation_level") is not None:
        transitions.escalate(world, incident, wanted["escalation_level"], now, agent)
    assignees = _assignees(request, wanted)
    if assignees:
        transitions.reassign(world, incident, assignees, now, agent)


def _apply_status(request: RestRequest, incident: Incident, wanted: dict[str, Any]) -> None:
    world, now, agent, status = request.world, request.now, request.acting(), wanted.get("status")
    if status == "resolved":
        transitions.resolve(world, incident, now, agent, note=wanted.get("resolution") or "")
        return
    if status is not None and incident.status == "resolved":
        transitions.reopen(world, incident, now, agent)
    if status == "acknowledged":
        transitions.acknowledge(world, incident, now, agent)
    elif status == "triggered" and incident.status == "acknowledged":
        transitions.unacknowledge(world, incident, now, agent)


def _assignees(request: RestRequest, wanted: dict[str, Any]) -> list[str]:
    rows = wanted.get("assignments") or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise invalid("assignments must be a list")
    found = [reference_id(row, "assignee") for row in rows]
    for user_id in found:
        if user_id not in request.world.users:
            raise invalid(f"assignee {user_id} not found")
    return found


def _policy(request: RestRequest, wanted: dict[str, Any]) -> str:
    if not wanted.get("escalation_policy"):
        return ""
    policy_id = reference_id(wanted, "escalation_policy")
    if policy_id not in request.world.policies:
        raise RestProblem(400, 1014, "Escalation Policy Not Found")
    if not request.world.on_call(policy_id):
        raise RestProblem(400, 1015, "Escalation Policy Has Nobody On Call")
    return policy_id


def _bridge(wanted: dict[str, Any]) -> dict[str, str]:
    found = wanted.get("conference_bridge")
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(found.get(name, ""), str) for name in _BRIDGE):
        raise invalid("conference_bridge has a conference_number and a conference_url")
    return {name: found[name] for name in _BRIDGE if found.get(name)}


def _priority(wanted: dict[str, Any]) -> str | None:
    found = wanted.get("priority")
    if found is None:
        return None
    for name in rest_render.PRIORITIES:
        picture = rest_render.priority(name)
        assert picture is not None
        if found == name or (isinstance(found, dict) and (found.get("id") == picture["id"] or found.get("name") == name)):
            return name
    raise invalid("priority not found")
