"""Settings made alive."""

import pytest

from router.sandbox.provision import add_integration, add_service, build_world
from router.sandbox.settings import OrchestrationSpec, PolicySpec, ServiceSpec, Settings
from tests.unit.sandbox.builders import KEY, OTHER_KEY


def test_a_service_has_a_policy_of_its_own_over_all_users():
    world = build_world(Settings(services=(ServiceSpec(name="p", keys=(KEY,)),)), 5)
    (service,) = world.services.values()
    policy = world.policies[service.policy_id]
    assert (service.created_at, policy.name, len(policy.levels), policy.delay_ms) == (5, "p escalation", 2, 1_800_000)


def test_a_policy_with_nobody_touches_only_its_services():
    policies = (PolicySpec(name="both", levels=(("ada@example.test",),)),)
    services = (ServiceSpec(name="p", on_call=False), ServiceSpec(name="q", escalation_policy="both"))
    world = build_world(Settings(services=services, escalation_policies=policies), 0)
    assert [bool(world.on_call(service.policy_id)) for service in world.services.values()] == [False, True]


def test_later_services_find_the_policies_by_name():
    world = build_world(Settings(escalation_policies=(PolicySpec(name="both", levels=(("ada@example.test",),)),)), 0)
    service = add_service(world, ServiceSpec(name="late", escalation_policy="both"), 0)
    assert world.policies[service.policy_id].name == "both"
    add_integration(world, OTHER_KEY, "x", service.id)
    with pytest.raises(ValueError, match="bbbb is given twice"):
        add_integration(world, OTHER_KEY, "x", service.id)


def test_an_orchestration_routes_to_services():
    orchestration = OrchestrationSpec(name="o", key="R0" + "A" * 30, routes={"db": "p"})
    world = build_world(Settings(services=(ServiceSpec(name="p"),), orchestrations=(orchestration,)), 0)
    assert world.integrations[orchestration.key].is_orchestration
    assert list(world.integrations[orchestration.key].routes.values()) == list(world.services)
