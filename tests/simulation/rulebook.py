"""Rules and configuration for a seed: as texts that the real loader reads, in three versions to reload between."""

from __future__ import annotations

import random
import re

from router.sandbox.settings import DEFAULT_TOKEN
from tests.simulation.plan import Plan, stream

KEYS = {"payments": "a1" * 16, "search": "b2" * 16, "platform": "c3" * 16}
"""Routing keys by team."""

INBOUND_KEY = "d4" * 16
CHAT_URL = "http://127.0.0.1:8081/a-room-of-ours"
ENVIRONMENT = {f"KEY_{team.upper()}": key for team, key in KEYS.items()} | {
    "INBOUND": INBOUND_KEY,
    "REST": DEFAULT_TOKEN,
    "CHAT": CHAT_URL,
}

SERVICES = ("pay-api", "pay-web", "search-api", "stray")
NAMES = ("Down", "Burst", "Users", "Slow", "Flood", "Quiet", "Shared", "Noise", "Other")

RENAMED = ("paying", "shared", "quiet")
"""Rules that have another id in some versions, and say so."""

FLAPS = "Flap"
"""The name of what comes and goes where a rule counts that."""

_CONFIG = """\
listen: 127.0.0.1:9095
store: sqlite:data/simulated.db
rules: [rules/]
default_team: platform
teams:
  payments:
    services: [pay-*]
    pagerduty: {{routing_key: env:KEY_PAYMENTS}}
    fallback: platform
{limit}
  search:
    services: {searched}
    pagerduty: {{routing_key: env:KEY_SEARCH}}
    fallback: {fallback}
  platform:
    services: ["*"]
    pagerduty: {{routing_key: env:KEY_PLATFORM}}
sources:
  prometheus: {{kind: alertmanager}}
  json: {{kind: json, resolve_timeout: 5m}}
  tools: {{kind: pagerduty, keys: [env:INBOUND]}}
pagerduty:
  events_url: http://127.0.0.1:8080
  rate: {rate}
  retry_for: {retry_for}
{following}
reload: {{watch: false}}
{channels}"""


_FOLLOWING = {
    "not": "",
    "polls": "  api_url: http://127.0.0.1:8080\n  api_token: env:REST",
    "hears": "  api_url: http://127.0.0.1:8080\n  api_token: env:REST\n  webhook_secrets: [env:HOOK]",
}


_CHANNELS = "channels: {{chat: {{kind: webhook, url: env:CHAT, rate: unlimited{digest}}}}}\n"


def write_config(plan: Plan, chance: random.Random) -> str:
    """``config.yaml``. Teams belong to the rule set, so they change from version to version as well."""
    crowded = plan.has("crowds") and chance.random() < 0.7
    return _CONFIG.format(
        limit=f"    limit: {{incidents: {chance.randint(1, 3)}, per: {chance.choice(('1m', '5m'))}}}" if crowded else "",
        # That a page was lost is over with the next one that arrives: then every team has to have one.
        searched=chance.choice(("[search-*]", "[search-*]", "[search-*]" if plan.loses else "[nothing-*]")),
        fallback=chance.choice(("platform", "payments")),
        rate=plan.rate,
        retry_for=plan.retry_for,
        following=_FOLLOWING[plan.following],
        channels=_CHANNELS.format(digest=_draw_digest(plan)) if plan.chat else "",
    )


_SEARCH = re.compile(r"  search:\n(    .*\n)+")


def hand_over(plan: Plan, version: int, config: str, rules: str) -> tuple[str, str]:
    """The same with other owners: what payments has goes to another team, or one team is there no more. The first version stays."""
    chance = stream(plan.seed, f"handovers {version}")
    if not version or not plan.has("handovers"):
        return config, rules
    is_search_gone, keeps_pay = chance.choice(((True, True), (True, False), (False, False), (False, False)))
    if not keeps_pay:
        config = config.replace("services: [pay-*]", "services: []")
    if is_search_gone:
        config, rules = _SEARCH.sub("", config), rules.replace("page: search", "page: platform")
    elif chance.random() < 0.5:
        config = re.sub(r"services: \[(search|nothing)-\*\]", r"services: [\1-*, pay-*]", config)
    return config, rules


PROOFS = '  - {id: proof, match: {service: "*proof"}, group_by: [service]}\n'
"""Pages each team by itself in the calm."""


def _draw_digest(plan: Plan) -> str:
    return f", digest: {{every: {stream(plan.seed, 'digest').choice(('1m', '5m'))}}}" if plan.has("digests") else ""


def write_heartbeats(plan: Plan) -> str:
    """Lines of ``rules``: the same in every version, so that no reload may touch what they expect. In force until the end."""
    if not plan.has("heartbeats"):
        return ""
    pick = stream(plan.seed, "heartbeat rules").choice
    return (
        f"  - {{id: beat, match: {{name: Beat}}, when: {{absent_for: {pick(('40s', '70s', '2m'))}}}}}\n"
        f"  - {{id: pulse, match: {{name: Pulse}}, when: {{absent_for: {pick(('40s', '70s', '2m'))}, per: instance}}}}\n"
        f"  - {{id: watchdog, match: {{name: Watchdog}}, when: {{absent_for: {pick(('20s', '1m'))}}}}}\n"
    )


def write_rules(plan: Plan, chance: random.Random) -> str:
    """``rules/all.yaml``: a rule for each name that alerts have, some left out, in changing forms.

    In half of the worlds what counts stays as it is, whatever else changes: then no reload may touch a count.
    """
    pick = chance.choice
    steady = stream(plan.seed, "steady rules")
    is_steady = steady.random() < 0.5
    count = (steady if is_steady else chance).choice
    rules = {
        "noise": "match: {name: Noise}, drop: noise never pages",
        "burst": f"match: {{name: Burst}}, when: {{count: {count((2, 3, 3))}, within: {count(('30s', '1m', '2m'))}}}, "
        f"resolve: {count(('{after_quiet: 90s}', '{after_quiet: 90s}', 'all_resolved'))}",
        "users": f"match: {{name: Users}}, when: {{count: 2, within: {pick(('1m', '3m'))}, distinct: user"
        f"{pick(('', ', per: service'))}}}",
        "slow": f"match: {{name: Slow}}, when: {{firing_for: {pick(('20s', '1m', '2m'))}}}",
        "flood": f"match: {{name: Flood}}, group_by: [service, name, instance], "
        f"limit: {{incidents: {pick((1, 1, 2))}, per: {pick(('1m', '5m'))}}}",
        "quiet": f"match: {{name: Quiet}}, resolve: {{after_quiet: {pick(('30s', '2m'))}}}",
        "shared": "match: {name: Shared}, page: [payments, platform]" + pick(("", ", continue: true")),
        "paying": f'match: {{service: pay-*, name: "!Other"}}, group_by: {pick(("[service, name]", "[service]"))}'
        + pick(("", ", as_severity: critical", ", page: search"))
        + pick(("", f", escalate: [{{after: {pick(('1m', '2m'))}, page: search}}, {{after: 4m, page: platform}}]"))
        + pick(("", "", ", on_resolved_in_pagerduty: keep", ", on_resolved_in_pagerduty: {reopen_if_firing_after: 1m}")),
    }
    if not plan.has("crowds"):
        del rules["flood"]
    if plan.has("flapping"):
        flapping = stream(plan.seed, "flapping rule")
        changes, within = flapping.choice((3, 4, 6)), flapping.choice(("1m", "3m"))
        rules["flappy"] = f"match: {{name: {FLAPS}}}, when: {{flapping: {{changes: {changes}, within: {within}}}}}"
    if plan.chat:
        rules["burst"] += ", otherwise: {notify: chat}"
        for name in ("slow", "quiet", "shared", "paying"):
            rules[name] += ", notify: chat"
    names = {name: name for name in rules}
    if plan.has("orphans"):
        for name in RENAMED:
            other = f"{name}-now"
            names[name], before = pick(((name, other), (other, name)))
            rules[name] += f", renamed_from: {before}"
    share = 0.6 if plan.has("orphans") else 0.85
    kept = [name for name in rules if chance.random() < share or (is_steady and name == "burst")]
    lines = [f"  - {{id: {names[name]}, {rules[name]}}}" for name in kept]
    return "rules:\n" + "\n".join(lines) + "\n" if lines else "rules: []\n"
