"""Every kind of secret a configuration can have, planted, and looked for in all that the real process and its commands put out.

The other sides refuse what they are sent and quote it in their answers, secrets and all, as gateways and debug pages do.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import click
import pytest

from router.api.openapi import document
from router.cli import main
from router.sandbox.past import PastSpec
from router.sandbox.settings import DEFAULT_TOKEN
from tests.support.daemon import KEYS, Daemon, alert, off_loop
from tests.support.services import Answer, Service, serving

pytestmark = pytest.mark.timeout(180)

RULES = """
rules:
  - id: everything
    match: {service: "payment-*"}
    page: owner
    notify: [chat, bot, discord, teams, mail, hook, longtail]
"""
RULES_TEST = """
teams: {payments: [payment-*], platform: ["*"]}
tests:
  - name: pages
    steps:
      - {alert: {service: payment-api, name: Down}}
      - {expect: {page: payments}}
"""
DAY_MS = 86_400_000
SECRETS = {
    # environment variable: secret
    "KEY_PAYMENTS": "0f" * 16,  # PagerDuty refuses it
    "KEY_PLATFORM": KEYS["platform"],
    "PD_TOKEN": DEFAULT_TOKEN,
    "PD_WEBHOOK": "whsec-Zk3J9vQ2mXr7",
    "ADMIN": "tok-5e5e5e5e7d7d7d7d1b1b",
    "INBOUND": "9c" * 16,
    "SHADOW": "7b" * 16,
    "SOURCE": "source-secret-Pw4Rt8",
    "SIGNED": "hmac-secret-Lq6Nz1",
    "HOOK_AUTH": "Bearer hook-auth-Yx2Vb5",
    "HOOK_SIGNING": "hook-signing-Gh8Jk4",
    "BOT": "xoxb-1111111111-2222222222-abcdefghijklmnop",
    "MAIL_PASSWORD": "mail-password-Tf7Dc3",
}
PATHS = {
    # environment variable: the path of an address that is a secret
    "SLACK_URL": "/services/T0001/B0001/slackhookWq5Er9Ty",
    "DISCORD_URL": "/api/webhooks/123456789012345678/discordhook-Ui3Op6As",
    "TEAMS_URL": "/workflows/a1b2/triggers/manual/run?sig=teamshook-Df4Gh7Jk",
    "HOOK_URL": "/in/hookaddress-Zx8Cv2Bn?key=hookquery-Mq1Wn5Eb",
    "LONGTAIL_URL": "/apprise-Rv6Ty3Uh",
}
PIECES = (
    *("slackhookWq5Er9Ty", "discordhook-Ui3Op6As", "teamshook-Df4Gh7Jk", "hookaddress-Zx8Cv2Bn", "hookquery-Mq1Wn5Eb"),
    *("apprise-Rv6Ty3Uh", "hook-auth-Yx2Vb5"),
)
SHOWN = {
    # every command that shows something: how it is called
    "history sync": [["--since", "60d"]],
    "check": [["--output", "json"], []],
    "test": [["rules/"]],
    "backtest": [["--rules", "rules/", "--since", "1d", "--output", "json"]],
    "diff": [["rules/", "rules/"]],
    "shadow report": [[]],
    "record export": [["--since", "1d"], ["--since", "1d", "--redact", "instance"]],
    "schema": [["config"]],
    "send": [["--team", "platform"], ["--channel", "hook"], ["--channel", "mail"]],
    "alerts": [["--output", "json"], ["--journal"]],
    "incidents": [["--output", "json"], []],
    "incidents show": [["1"], ["1", "--output", "json"]],
    "incidents orphans": [[]],
    "incidents strays": [[]],
    "deliveries": [["--output", "json"], ["--state", "dead"]],
    "deliveries show": [["1"], ["3", "--output", "json"]],
    "deliveries retry": [["1"]],
    "silences": [[]],
    "silences list": [[]],
    "explain": [["1"], ["1", "--output", "json"], ["incident:1"]],
    "sources": [["--output", "json"], []],
    "sources try": [["signed", "body.json", "--header", "Authorization: Bearer x"]],
    "reconcile": [["--dry-run"]],
    "audit list": [["--output", "json"]],
    "audit export": [[]],
    "search": [["error"]],
    "report": [["--output", "-"], ["--output", "report.html"], ["--output", "report.json"]],
    "history": [],
    "history search": [["error"]],
    "history stats": [[]],
    "history report": [["--output", "report.md"]],
}
SILENT = {
    # commands that are left out: why
    "run": "it is what runs",
    "demo": "it has keys of its own, which are made up",
    "sandbox": "it is the other side",
    "exec": "it sends an alert as `alert` does",
    "alert": "a group",
    "alert fire": "it prints the daemon's answer",
    "alert resolve": "it prints the daemon's answer",
    "import": "it reads another program's file",
    "record import": "it makes a store of what `record export` gave",
    "record": "a group", "shadow": "a group", "audit": "a group",
    "drill": "it prints the steps of an alert's life, which `explain` tells",
    "deliveries drop": "as retry", "silences add": "as list", "silences show": "as list", "silences expire": "as list",
    **{f"incidents {verb}": "it prints the daemon's answer" for verb in
       ("ack", "adopt", "close", "escalate", "note", "priority", "reassign", "resolve", "responders", "snooze", "status")},
}  # fmt: skip


class Quoting(Service):
    """Refuses everything and says what it was sent, as it came and decoded."""

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        return 403, {"Content-Type": "text/plain"}, f"{path} {headers.get('authorization')} {headers} no".encode()


def commands(group: Any = main, name: str = "") -> Iterator[str]:
    context = click.Context(group)
    for word in group.list_commands(context):
        inner = group.get_command(context, word)
        yield f"{name}{word}"
        if isinstance(inner, click.Group):
            yield from commands(inner, f"{name}{word} ")


def test_every_command_is_asked_or_left_out_for_a_reason() -> None:
    assert set(commands()) == set(SHOWN) | set(SILENT)
    assert not set(SHOWN) & set(SILENT)


def forms(secret: str) -> set[bytes]:
    """A secret as it may be written."""
    raw = secret.encode()
    written = {
        raw,
        quote(secret, safe="").encode(),
        base64.b64encode(raw),
        base64.b64encode(b"router:" + raw),
        raw.hex().encode(),
    }
    return {form for form in written if len(form) > 8}


@pytest.fixture
async def daemon(make_daemon, pagerduty) -> Any:
    with serving(Quoting()) as other:
        bare = other.url.removeprefix("http://")
        made: Daemon = make_daemon(
            RULES,
            start=False,
            tokens=[{"name": "all", "token": "env:ADMIN", "scopes": ["read", "write", "ingest", "admin"]}],
            sources={
                "prometheus": {"kind": "alertmanager"},
                "tools": {"kind": "pagerduty", "keys": ["env:INBOUND", {"key": "env:SHADOW", "shadow": "env:KEY_PLATFORM"}]},
                "shown": {"kind": "webhook", "auth": "env:SOURCE", "mapping": {"service": "s", "details": {"h": "_headers"}}},
                "signed": {
                    "kind": "webhook",
                    "auth": {"secret": "env:SIGNED", "signature": {"header": "X-Signature"}},
                    "mapping": {"service": "s", "details": "{h: _headers}"},
                },
            },
            pagerduty={
                "events_url": pagerduty.url, "api_url": pagerduty.url, "rate": "unlimited", "api_token": "env:PD_TOKEN",
                "from": "ada@example.test", "webhook_secrets": ["env:PD_WEBHOOK"],
            },
            channels={
                "chat": {"kind": "slack", "url": "env:SLACK_URL"},
                "bot": {"kind": "slack", "token": "env:BOT", "channel": "#ops", "api_url": f"{other.url}/api"},
                "discord": {"kind": "discord", "url": "env:DISCORD_URL"},
                "teams": {"kind": "teams", "url": "env:TEAMS_URL"},
                "mail": {
                    "kind": "email", "server": bare, "security": "none", "username": "router", "password": "env:MAIL_PASSWORD",
                    "from": "a@example.com", "to": ["b@example.com"], "timeout": "1s",
                },
                "hook": {
                    "kind": "webhook", "url": "env:HOOK_URL", "secret_headers": {"Authorization": "env:HOOK_AUTH"},
                    "signing_secret": "env:HOOK_SIGNING",
                },
                "longtail": {"kind": "apprise", "url": "env:LONGTAIL_URL"},
            },
            history={"sync": "1h", "since": "60d"},
        )  # fmt: skip
        made.environment |= SECRETS | {name: other.url + path for name, path in PATHS.items()}
        made.environment["LONGTAIL_URL"] = f"json://router:{SECRETS['MAIL_PASSWORD']}@{bare}{PATHS['LONGTAIL_URL']}"
        yield await off_loop(made.start)
        await off_loop(made.stop)


async def test_no_secret_shows_in_whatever_is_put_out(daemon: Daemon, pagerduty) -> None:
    until = pagerduty.now() - 3_600_000
    pagerduty.sandbox.add_past(PastSpec(incidents=5, since=until - 20 * DAY_MS, until=until))
    shown: dict[str, str] = {}
    bearer = {"Authorization": f"Bearer {SECRETS['ADMIN']}"}

    async def ask(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        status, answer = await off_loop(daemon.request, method, path, body, **(headers or bearer))
        shown[f"{method} {path} {len(shown)}"] = json.dumps(answer)
        return status, answer

    await send_everything(ask)
    ways = {"pagerduty", "chat", "bot", "discord", "teams", "mail", "hook", "longtail"}

    def refused() -> set[str]:
        _, answer = daemon.request("GET", "/v1/deliveries?limit=100", None, **bearer)
        return {
            one.get("channel", "pagerduty") for one in answer["items"] if "cause" in json.dumps(one.get("last_attempts", []))
        }

    for _ in range(400):
        if await off_loop(refused) >= ways:
            break
        await asyncio.sleep(0.1)
    assert await off_loop(refused) >= ways
    listed = json.loads(document())["paths"]
    for path, operations in listed.items():
        if "get" in operations and "heartbeats" not in path:
            for value in ("1", "2", "7", "everything", "2026-11"):
                await ask("GET", path.replace("{", "\0").partition("\0")[0] + (value if "{" in path else ""))
    _, deliveries = await ask("GET", "/v1/deliveries?limit=100")
    for one in deliveries["items"]:
        await ask("GET", f"/v1/deliveries/{one['id']}")
    for word in ("reload", "wrong"):
        await ask(
            "POST", "/-/reload", None, **(bearer if word == "reload" else {"Authorization": f"Bearer {SECRETS['ADMIN']}x"})
        )
    daemon.write_rules(RULES_TEST, "everything.test.yaml")
    (daemon.folder / "body.json").write_text('{"s": "payment-api"}')
    daemon.environment["ALERT_ROUTER_TOKEN"] = SECRETS["ADMIN"]
    misused: list[str] = []
    for command, ways in SHOWN.items():
        for way in ways:
            done = await off_loop(daemon.run_command, *command.split(), *way)
            if done.returncode == 2:
                misused.append(f"{command} {way}: {done.stdout}{done.stderr}")
            shown[" ".join([command, *way])] = done.stdout + done.stderr
    assert not misused, misused
    assert await off_loop(daemon.stop) == 0
    shown["log"] = daemon.log
    looked_for = {form for secret in (*SECRETS.values(), *PATHS.values(), *PIECES) for form in forms(secret)}
    leaks = [f"{place}: {form!r}" for place, text in shown.items() for form in looked_for if form in text.encode()]
    for file in daemon.folder.rglob("*"):
        leaks += [f"{file}: {form!r}" for form in looked_for if file.is_file() and form in file.read_bytes()]
    assert not leaks, "\n".join(leaks)
    assert len(list(daemon.folder.glob("report.*"))) == 3, "the reports are among what was looked through"


async def send_everything(ask: Any) -> None:
    """Through every door, with its secret and with one that is almost right."""
    status, _ = await ask("POST", "/api/v2/alerts", [alert(instance="x")])
    assert status == 200
    payload = {"summary": "s", "source": "payment-x", "severity": "error"}
    for key, expected in (("INBOUND", 202), ("SHADOW", 202), ("INBOUND", 400)):
        sent = {"routing_key": SECRETS[key] + ("x" if expected == 400 else ""), "event_action": "trigger", "payload": payload}
        status, answer = await ask("POST", "/v2/enqueue", sent)
        assert status == expected, answer
    body = b'{"s": "payment-hooked"}'
    signature = hmac.new(SECRETS["SIGNED"].encode(), body, hashlib.sha256).hexdigest()
    for name, expected, headers in (
        ("shown", 202, {"Authorization": f"Bearer {SECRETS['SOURCE']}"}),
        ("shown", 401, {"Authorization": f"Bearer {SECRETS['SOURCE']}x"}),
        ("signed", 202, {"X-Signature": signature}),
        ("signed", 401, {"X-Signature": SECRETS["SIGNED"]}),
    ):
        status, answer = await ask("POST", f"/v1/sources/{name}", body, **headers)
        assert status == expected, answer
    wrong = hmac.new(b"wrong", body, hashlib.sha256).hexdigest()
    status, _ = await ask("POST", "/v1/pagerduty/webhook", body, **{"X-PagerDuty-Signature": f"v1={wrong}"})
    assert status == 401
    for verb, wish in (("note", {"note": "x"}), ("reassign", {"user": "nobody@example.test"})):
        await ask("POST", f"/v1/incidents/1/{verb}", wish)
