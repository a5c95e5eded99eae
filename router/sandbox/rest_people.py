"""REST on what changes rarely: services, integrations, users, escalation policies, on-calls, abilities, priorities."""

from __future__ import annotations

from typing import Any

from router.sandbox import rest_render
from router.sandbox.model import Policy, Service, User
from router.sandbox.provision import add_integration
from router.sandbox.rest_request import RestProblem, RestRequest, as_text, invalid, paged
from router.sandbox.timestamps import parse_iso

_MAX_AHEAD_MS = 90 * 86_400_000


def list_services(request: RestRequest) -> dict[str, Any]:
    """``GET /services``; ``query`` finds parts of names, ``name`` whole ones."""
    query, name = (request.one("query") or "").lower(), request.one("name")
    found = [
        service
        for service in request.world.services.values()
        if query in service.name.lower() and (not name or service.name == name) and not request.many("team_ids")
    ]
    page = paged(request, "services", found)
    page["services"] = [_picture(request, service) for service in page["services"]]
    return page


def get_service(request: RestRequest) -> dict[str, Any]:
    """``GET /services/{id}``."""
    return {"service": _picture(request, _service(request))}


def create_integration(request: RestRequest) -> dict[str, Any]:
    """``POST /services/{id}/integrations``: a new routing key."""
    service, wanted = _service(request), request.wrapped("integration")
    if wanted.get("type") != "events_api_v2_inbound_integration":
        raise invalid("the sandbox has integrations of the type events_api_v2_inbound_integration only")
    key = request.world.ids.hexadecimal()
    made = add_integration(request.world, key, as_text(wanted, "name"), service.id)
    return {"integration": rest_render.integration(request.world, made)}


def _picture(request: RestRequest, service: Service) -> dict[str, Any]:
    return rest_render.service(request.world, service, request.now, integrations=request.includes("integrations"))


def _service(request: RestRequest) -> Service:
    found = request.world.services.get(request.path[1])
    if found is None:
        raise RestProblem(404, 5002, "Service Not Found")
    return found


def list_users(request: RestRequest) -> dict[str, Any]:
    """``GET /users``; ``query`` finds parts of names and addresses."""
    query = (request.one("query") or "").lower()
    found = [user for user in request.world.users.values() if query in f"{user.name} {user.email}".lower()]
    page = paged(request, "users", found if not request.many("team_ids") else [])
    page["users"] = [rest_render.user(user) for user in page["users"]]
    return page


def get_user(request: RestRequest) -> dict[str, Any]:
    """``GET /users/{id}``."""
    found: User | None = request.world.users.get(request.path[1])
    if found is None:
        raise RestProblem(404, 2100, "Not Found")
    return {"user": rest_render.user(found)}


def get_me(request: RestRequest) -> dict[str, Any]:
    """``GET /users/me``, for tokens of a user only."""
    if not request.user_level or request.agent is None:
        raise invalid("An account-level token has no user")
    return {"user": rest_render.user(request.world.users[request.agent.id])}


def list_policies(request: RestRequest) -> dict[str, Any]:
    """``GET /escalation_policies``."""
    query, users = (request.one("query") or "").lower(), set(request.many("user_ids"))
    found = [
        policy
        for policy in request.world.policies.values()
        if query in policy.name.lower()
        and (not users or any(users & set(level.user_ids) for level in policy.levels))
        and not request.many("team_ids")
    ]
    page = paged(request, "escalation_policies", found)
    page["escalation_policies"] = [rest_render.policy(request.world, policy) for policy in page["escalation_policies"]]
    return page


def get_policy(request: RestRequest) -> dict[str, Any]:
    """``GET /escalation_policies/{id}``."""
    found: Policy | None = request.world.policies.get(request.path[1])
    if found is None:
        raise RestProblem(404, 2100, "Not Found")
    return {"escalation_policy": rest_render.policy(request.world, found)}


def list_oncalls(request: RestRequest) -> dict[str, Any]:
    """``GET /oncalls``: an empty answer for a policy means that its events will be dropped."""
    for name in ("since", "until"):
        text = request.one(name)
        moment = parse_iso(text, time_required=False) if text else request.now
        if moment is None or moment > request.now + _MAX_AHEAD_MS:
            raise RestProblem(400, 2004, "Invalid Date Range")
    users, policies = request.many("user_ids"), request.many("escalation_policy_ids")
    rows = [
        (policy, level, user_id)
        for policy in request.world.policies.values()
        if not policies or policy.id in policies
        for level in range(1, len(policy.levels) + 1)
        for user_id in request.world.on_call(policy.id, level)
        if (not users or user_id in users) and not request.many("schedule_ids")
    ]
    page = paged(request, "oncalls", rows)
    page["oncalls"] = [_oncall(request, *row) for row in page["oncalls"]]
    return page


def _oncall(request: RestRequest, policy: Policy, level: int, user_id: str) -> dict[str, Any]:
    user, world = request.world.users[user_id], request.world
    return {
        "user": rest_render.user(user) if request.includes("users") else rest_render.user_reference(user),
        "schedule": None,
        "escalation_policy": rest_render.policy(world, policy)
        if request.includes("escalation_policies")
        else rest_render.policy_reference(policy),
        "escalation_level": level,
        "start": None,
        "end": None,
    }


def list_abilities(request: RestRequest) -> dict[str, Any]:
    """``GET /abilities``."""
    return {"abilities": list(request.world.abilities)}


def check_ability(request: RestRequest) -> None:
    """``GET /abilities/{id}``: nothing when the account has it."""
    if request.path[1] not in request.world.abilities:
        raise RestProblem(402, 2014, "Account Does Not Have The Ability")


def list_priorities(request: RestRequest) -> dict[str, Any]:
    """``GET /priorities``, most severe first."""
    return paged(request, "priorities", [rest_render.priority(name) for name in rest_render.PRIORITIES])
