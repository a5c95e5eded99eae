"""Provisioning: the short way, from a file, and what is refused."""

import json

import msgspec
import pytest

from router.sandbox.facade import Sandbox
from router.sandbox.server import NotLoopback, SandboxServer, loopback_address
from router.sandbox.settings import OrchestrationSpec, PolicySpec, ServiceSpec, Settings, from_keys, load_settings
from router.sandbox.switches import Switches
from tests.unit.sandbox.builders import KEY, do


def test_from_keys():
    found = from_keys({"payments": KEY}, port=0, switches=Switches(processing_delay_ms=1))
    assert found.services == (ServiceSpec(name="payments", keys=(KEY,)),)
    assert (found.port, found.switches.processing_delay_ms, found.host) == (0, 1, "127.0.0.1")
    for wrong in ("short", "x" * 31 + "-", ""):
        with pytest.raises(msgspec.ValidationError):
            from_keys({"payments": wrong})


def test_from_a_file(tmp_path):
    path = tmp_path / "sandbox.json"
    content = {"services": [{"name": "p", "keys": [KEY]}], "switches": {"throttle_body": "html"}}
    path.write_text(json.dumps(content))
    assert do(Sandbox(settings=load_settings(path)), "trigger") == "opened"
    path.write_text('{"servises": []}')
    with pytest.raises(msgspec.ValidationError):
        load_settings(path)


def test_policies_decide_who_is_told_and_loop():
    policy = PolicySpec(name="both", levels=(("grace@example.test", "ada@example.test"),), escalation_delay_minutes=1, loops=2)
    service = ServiceSpec(name="p", keys=(KEY,), escalation_policy="both")
    box = Sandbox(settings=Settings(services=(service,), escalation_policies=(policy,)))
    do(box, "trigger")
    assert [page.user for page in box.pages()] == ["Grace Example", "Ada Example"]
    box.advance(3_600_000)
    assert len(box.pages()) == 6


@pytest.mark.parametrize(
    "settings",
    [
        Settings(services=(ServiceSpec(name="p"), ServiceSpec(name="p"))),
        Settings(services=(ServiceSpec(name="p", keys=(KEY, KEY)),)),
        Settings(services=(ServiceSpec(name="p", escalation_policy="nothing"),)),
        Settings(escalation_policies=(PolicySpec(name="p", levels=(("nobody@example.test",),)),)),
        Settings(orchestrations=(OrchestrationSpec(name="o", key="R0" + "A" * 30, routes={"x": "nothing"}),)),
        Settings(orchestrations=(OrchestrationSpec(name="o", key="R0" + "A" * 30),) * 2),
    ],
)
def test_names_that_lead_nowhere_and_doubles_are_refused(settings):
    with pytest.raises(ValueError):
        Sandbox(settings=settings)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com", ""])
def test_only_loopback(host):
    with pytest.raises(NotLoopback, match="loopback only"):
        SandboxServer(Settings(host=host))


def test_loopback_addresses():
    assert [loopback_address(host) for host in ("localhost", "127.0.0.5", "::1")] == ["127.0.0.1", "127.0.0.5", "::1"]
