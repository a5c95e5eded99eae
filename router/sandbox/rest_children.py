"""REST below one incident: notes, alerts, log entries, snooze, merge, responders, status updates."""

from __future__ import annotations

from typing import Any

from router.sandbox import actions, rest_render, transitions
from router.sandbox.model import NOTES_PER_INCIDENT, Agent, Alert, Incident, LogEntry, Note
from router.sandbox.rest_incidents import MAX_BULK
from router.sandbox.rest_request import RestProblem, RestRequest, as_text, invalid, paged
from router.sandbox.timestamps import iso, parse_iso

MAX_NOTE_BYTES = 65_535
MAX_SNOOZE_SECONDS = 604_800


def list_notes(request: RestRequest) -> dict[str, Any]:
    """``GET /incidents/{id}/notes``, which is not paged."""
    return {"notes": [rest_render.note(request.world, note) for note in request.incident().notes]}


def create_note(request: RestRequest) -> dict[str, Any]:
    """``POST /incidents/{id}/notes``, also on resolved incidents."""
    incident = request.incident()
    content = _note_content(request)
    if len(incident.notes) >= NOTES_PER_INCIDENT:
        raise RestProblem(400, 2019, "Product Limit Reached")
    note = transitions.annotate(request.world, incident, request.now, request.acting(), content)
    return {"note": rest_render.note(request.world, note)}


def update_note(request: RestRequest) -> dict[str, Any]:
    """``PUT /incidents/{id}/notes/{note_id}``."""
    note = _note(request)
    note.content = _note_content(request)
    note.updated_at = request.now
    return {"note": rest_render.note(request.world, note)}


def delete_note(request: RestRequest) -> None:
    """``DELETE /incidents/{id}/notes/{note_id}``."""
    request.incident().notes.remove(_note(request))


def _note(request: RestRequest) -> Note:
    for note in request.incident().notes:
        if note.id == request.path[3]:
            return note
    raise RestProblem(404, 2100, "Not Found")


def _note_content(request: RestRequest) -> str:
    content = as_text(request.wrapped("note"), "content")
    if len(content.encode()) > MAX_NOTE_BYTES:
        raise invalid("content is too long")
    return content


def list_alerts(request: RestRequest) -> dict[str, Any]:
    """``GET /incidents/{id}/alerts``; ``alert_key`` is the dedup key."""
    key, statuses = request.one("alert_key"), request.many("statuses")
    found = [
        alert
        for alert in request.world.alerts_of(request.incident())
        if (not key or alert.dedup_key == key) and (not statuses or alert.status in statuses)
    ]
    page = paged(request, "alerts", found)
    page["alerts"] = [rest_render.alert(request.world, alert) for alert in page["alerts"]]
    return page


def get_alert(request: RestRequest) -> dict[str, Any]:
    """``GET /incidents/{id}/alerts/{alert_id}``."""
    return {"alert": rest_render.alert(request.world, _alert(request, request.path[3]))}


def update_alerts(request: RestRequest) -> dict[str, Any]:
    """``PUT /incidents/{id}/alerts``: resolve alerts; moving them is not built."""
    world, incident = request.world, request.incident()
    wanted = request.content.get("alerts")
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise invalid("alerts cannot be empty")
    if len(wanted) > MAX_BULK:
        raise RestProblem(413, 2001, "Request Entity Too Large")
    found = [_alert(request, str(one.get("id"))) for one in wanted]
    if any(one.get("status") != "resolved" or "incident" in one for one in wanted):
        raise RestProblem(501, 2000, "The sandbox only resolves alerts here")
    for alert in found:
        if alert.status == "triggered":
            transitions.resolve_alert(world, alert, request.now)
    if incident.is_open and all(alert.status == "resolved" for alert in world.alerts_of(incident)):
        transitions.resolve(world, incident, request.now, request.acting())
    return {"alerts": [rest_render.alert(world, alert) for alert in found]}


def _alert(request: RestRequest, alert_id: str) -> Alert:
    if alert_id not in request.incident().alert_ids:
        raise RestProblem(404, 2100, "Not Found")
    return request.world.alerts[alert_id]


def list_log_entries(request: RestRequest) -> dict[str, Any]:
    """``GET /incidents/{id}/log_entries``."""
    incident = request.incident()
    return _log_entries(request, [(incident, entry) for entry in incident.log_entries])


def list_all_log_entries(request: RestRequest) -> dict[str, Any]:
    """``GET /log_entries`` over the whole account."""
    incidents = request.world.incidents.values()
    return _log_entries(request, [(incident, entry) for incident in incidents for entry in incident.log_entries])


def _log_entries(request: RestRequest, found: list[tuple[Incident, LogEntry]]) -> dict[str, Any]:
    for name in ("since", "until"):
        text = request.one(name)
        if not text:
            continue
        moment = parse_iso(text, time_required=False)
        if moment is None:
            raise RestProblem(400, 2004, "Invalid Date Range")
        found = [row for row in found if (row[1].at >= moment) == (name == "since")]
    newest_first = request.world.switches.rest_log_entries_order == "newest_first"
    found.sort(key=lambda row: row[1].at)
    if newest_first:
        found.reverse()
    page = paged(request, "log_entries", found)
    channels = request.includes("channels")
    page["log_entries"] = [
        rest_render.log_entry(request.world, incident, entry, channels=channels) for incident, entry in page["log_entries"]
    ]
    return page


def snooze(request: RestRequest) -> dict[str, Any]:
    """``POST /incidents/{id}/snooze``."""
    incident = _open(request)
    duration = request.content.get("duration")
    if not isinstance(duration, int) or isinstance(duration, bool) or not 1 <= duration <= MAX_SNOOZE_SECONDS:
        raise RestProblem(400, 1013, "Invalid Snooze Duration")
    until = request.now + duration * 1_000
    transitions.snooze(request.world, incident, until, request.now, request.acting())
    return {"incident": rest_render.incident(request.world, incident)}


def merge(request: RestRequest) -> dict[str, Any]:
    """``PUT /incidents/{id}/merge``: the sources resolve, their alerts move."""
    target = _open(request)
    rows = request.content.get("source_incidents")
    if not isinstance(rows, list) or not rows:
        raise invalid("source_incidents cannot be empty")
    sources = []
    for row in rows:
        source = request.world.incidents.get(str(row.get("id"))) if isinstance(row, dict) else None
        if source is None or source is target:
            raise RestProblem(404, 5001, "Incident Not Found")
        if source.resolve_reason is not None:
            raise RestProblem(400, 1019, "Incident Already Merged")
        sources.append(source)
    if not actions.merge(request.world, target, sources, request.now, request.acting()):
        raise invalid("an incident holds 1000 alerts at most")
    return {"incident": rest_render.incident_reference(target)}


def request_responders(request: RestRequest) -> dict[str, Any]:
    """``POST /incidents/{id}/responder_requests``; both wrappings of the targets are taken."""
    world, incident = request.world, request.incident()
    if "coordinated_responding" not in world.abilities:
        raise RestProblem(402, 2014, "Account Does Not Have The Ability coordinated_responding")
    requester = world.users.get(str(request.content.get("requester_id")))
    if requester is None:
        raise RestProblem(400, 1008, "Requester User Not Found")
    message = as_text(request.content, "message")
    rows = request.content.get("responder_request_targets")
    if not isinstance(rows, list) or not rows:
        raise invalid("responder_request_targets cannot be empty")
    user_ids: list[str] = []
    for row in rows:
        target = row.get("responder_request_target", row) if isinstance(row, dict) else {}
        user_ids += _responders(request, target)
    agent = Agent("user", requester.id, requester.name)
    asked = {"requester_id": requester.id, "requested_at": request.now, "message": message, "targets": rows}
    incident.responder_requests.append(asked)
    actions.request_responders(world, incident, user_ids, message=message, now=request.now, agent=agent)
    return {
        "responder_request": {
            "incident": rest_render.incident_reference(incident),
            "requester": rest_render.user_reference(requester),
            "message": message,
            "responder_request_targets": rows,
        }
    }


def _responders(request: RestRequest, target: dict[str, Any]) -> list[str]:
    kind, target_id = target.get("type"), str(target.get("id"))
    if kind in {"user_reference", "user"} and target_id in request.world.users:
        return [target_id]
    if kind in {"escalation_policy_reference", "escalation_policy"} and target_id in request.world.policies:
        return request.world.on_call(target_id)
    raise invalid("responder_request_target not found")


def publish_status(request: RestRequest) -> dict[str, Any]:
    """``POST /incidents/{id}/status_updates``."""
    incident = request.incident()
    message = as_text(request.content, "message")
    if ("subject" in request.content) != ("html_message" in request.content):
        raise invalid("subject and html_message go together")
    agent = request.acting()
    update_id = actions.publish_status(request.world, incident, message, request.now, agent)
    sender = rest_render.user_reference(request.world.users[agent.id])
    created_at = iso(request.now)
    return {"status_update": {"id": update_id, "message": message, "created_at": created_at, "sender": sender}}


def _open(request: RestRequest) -> Incident:
    incident = request.incident()
    if not incident.is_open:
        raise RestProblem(400, 1001, "Incident Already Resolved")
    return incident
