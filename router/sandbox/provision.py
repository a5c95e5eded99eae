"""Settings made alive: the world at its first moment, and services that come later."""

from __future__ import annotations

from router.sandbox.model import Change, Integration, Level, Policy, Service, User, World
from router.sandbox.settings import OrchestrationSpec, PolicySpec, ServiceSpec, Settings


def build_world(settings: Settings, now: int) -> World:
    """A world that holds what the settings name; a name that leads nowhere raises ``ValueError``."""
    world = World(settings.switches, settings.seed)
    world.abilities = settings.abilities
    for user in settings.users:
        user_id = world.ids.resource("P")
        world.users[user_id] = User(id=user_id, name=user.name, email=user.email, created_at=now)
    policies = {spec.name: _add_policy(world, spec) for spec in settings.escalation_policies}
    for service in settings.services:
        add_service(world, service, now, policies)
    for orchestration in settings.orchestrations:
        _add_orchestration(world, orchestration)
    return world


def add_service(world: World, spec: ServiceSpec, now: int, policies: dict[str, Policy] | None = None) -> Service:
    """A new service with its integrations; a name or key that is taken raises ``ValueError``."""
    if any(service.name == spec.name for service in world.services.values()):
        raise ValueError(f"two services are named {spec.name!r}")
    known = policies if policies is not None else {policy.name: policy for policy in world.policies.values()}
    if spec.escalation_policy and spec.escalation_policy not in known:
        raise ValueError(f"service {spec.name!r} names an unknown escalation policy {spec.escalation_policy!r}")
    policy = known[spec.escalation_policy] if spec.escalation_policy else _own_policy(world, spec.name)
    if not spec.on_call:
        policy.staffed = False
    service = Service(
        id=world.ids.resource("P"),
        name=spec.name,
        policy_id=policy.id,
        created_at=now,
        urgency=spec.urgency,
        disabled=spec.disabled,
        suppressed=spec.suppressed,
        alert_grouping=spec.alert_grouping,
        auto_resolve_ms=spec.auto_resolve_seconds * 1_000,
        acknowledgement_timeout_ms=spec.acknowledgement_timeout_seconds * 1_000,
    )
    for key in spec.keys:
        add_integration(world, key, "Events API V2", service.id)
    world.services[service.id] = service
    world.announce(Change(kind="service.created", at=now, agent=None, service=service))
    return service


def add_integration(world: World, key: str, name: str, service_id: str) -> Integration:
    """A routing key of a service; a key belongs to one integration only."""
    if key in world.integrations:
        raise ValueError(f"the routing key ending in {key[-4:]} is given twice")
    integration = Integration(id=world.ids.resource("P"), key=key, name=name, service_id=service_id)
    world.integrations[key] = integration
    return integration


def _own_policy(world: World, service_name: str) -> Policy:
    levels = tuple((user.email,) for user in world.users.values())
    return _add_policy(world, PolicySpec(name=f"{service_name} escalation", levels=levels))


def _add_policy(world: World, spec: PolicySpec) -> Policy:
    levels = []
    for emails in spec.levels:
        users = [world.user_by_email(email) for email in emails]
        if None in users:
            raise ValueError(f"escalation policy {spec.name!r} names an unknown user among {', '.join(emails)}")
        levels.append(Level(id=world.ids.resource("P"), user_ids=[user.id for user in users if user]))
    policy = Policy(
        id=world.ids.resource("P"),
        name=spec.name,
        levels=levels,
        delay_ms=spec.escalation_delay_minutes * 60_000,
        loops=spec.loops,
    )
    world.policies[policy.id] = policy
    return policy


def _add_orchestration(world: World, spec: OrchestrationSpec) -> None:
    try:
        routes = {value: world.service_named(name).id for value, name in spec.routes.items()}
    except KeyError as error:
        raise ValueError(f"orchestration {spec.name!r}: {error.args[0]}") from error
    if spec.key in world.integrations:
        raise ValueError(f"the routing key ending in {spec.key[-4:]} is given twice")
    world.integrations[spec.key] = Integration(
        id=world.ids.resource("P"), key=spec.key, name=spec.name, route_field=spec.field, routes=routes
    )
