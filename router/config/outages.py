"""What a secret that cannot be used costs: nothing but what it is for, where that can be had.

A daemon that does not start pages nobody. So a channel, or a team beside others, whose secret is missing or malformed is *out*:
``Secrets`` refuses it, what is owed to a team goes to its fallback, and ``Settings.outages`` says each. Doors are different:
without its key one would stand open or shut to everybody, so the secrets of doors are mistakes as ever, and so is every secret
where nobody could be paged. Must never do: choose when that is borne; a reload has an old configuration to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from router.config.channel_secrets import CHANNEL_PURPOSES, check_channel_secret
from router.config.findings import Findings
from router.config.secrets import EXAMPLE_KEY, Problem, Purpose, Secrets, SecretUnavailable, check_secret
from router.config.settings import Outage, Settings, is_loopback_host
from router.model.event import INCIDENTS_REFERENCE
from router.model.ruleset import Team
from router.yamldoc import Path, to_diagnostic

MayBeOut = Callable[[str], bool]
"""Whether the loss of this (``Outage.subject``) may be borne; otherwise it is a mistake."""

API_TOKEN = "pagerduty.api_token"  # noqa: S105 -- its place, not a token


def bear_nothing(_subject: str) -> bool:
    """For whoever checks, and for a reload."""
    return False


def take_secrets(settings: Settings, findings: Findings, may_be_out: MayBeOut = bear_nothing) -> Settings:
    """Read every secret and say what is wrong with it; the settings with what is out, if that may be."""
    # A stand-in for PagerDuty on this machine takes any key.
    is_sandbox = is_loopback_host(urlsplit(settings.pagerduty.events_url).hostname or "")
    broken: dict[Path, tuple[str, Problem]] = {}
    for path, (reference, purpose) in findings.references.items():
        for problem in _problems(settings.secrets, reference, purpose, is_sandbox=is_sandbox):
            if problem.is_warning:
                findings.warn(path, problem.code, problem.message, problem.hint)
            else:
                broken[path] = (reference, problem)
    outages, borne = _bear(settings, findings, broken, may_be_out)
    for path, (reference, problem) in broken.items():
        if path in borne:
            settings.secrets.refuse(reference, problem)
            findings.warn(path, problem.code, problem.message, problem.hint)
        else:
            findings.complain(path, problem.code, problem.message, problem.hint)
    out = {outage.subject for outage in outages if outage.kind == "team"}
    return msgspec.structs.replace(
        settings, outages=tuple(outages), teams=_with_stand_ins(settings.teams, settings.default_team, out)
    )


def _problems(secrets: Secrets, reference: str, purpose: Purpose, *, is_sandbox: bool) -> list[Problem]:
    try:
        problems = secrets.read(reference)
    except SecretUnavailable as error:
        return [error.problem]
    check = check_channel_secret if purpose in CHANNEL_PURPOSES else check_secret
    problem = check(secrets.resolve(reference).reveal(), purpose)
    if problem is not None and not (is_sandbox and problem.code == EXAMPLE_KEY):
        problems.append(problem)
    return problems


def _bear(
    settings: Settings, findings: Findings, broken: Mapping[Path, tuple[str, Problem]], may_be_out: MayBeOut
) -> tuple[list[Outage], set[Path]]:
    """What is out, and the places of the mistakes that are borne by that."""
    needed = {reference for path, (reference, _) in findings.references.items() if _outage_of(path) is None}
    outages: dict[str, Outage] = {}
    borne = set()
    for path, (reference, problem) in broken.items():
        found = _outage_of(path)
        # What a door needs as well cannot be refused to it.
        if found is None or reference in needed or not may_be_out(found[1]):
            continue
        kind, subject = found
        said = to_diagnostic(findings.document, path, problem.code, problem.message, problem.hint)
        outages.setdefault(subject, Outage(kind=kind, subject=subject, diagnostic=said))
        borne.add(path)
    if API_TOKEN in outages:
        said = outages[API_TOKEN].diagnostic
        for name, team in settings.teams.items():
            if team.routing_key.startswith(INCIDENTS_REFERENCE):
                outages[name] = Outage(kind="team", subject=name, diagnostic=said)
    if settings.teams.keys() <= outages.keys():
        # Nobody would be paged: that is said by not starting, not by a daemon that takes alerts for nobody.
        outages = {subject: outage for subject, outage in outages.items() if outage.kind == "channel"}
        borne = {path for path in borne if path[0] == "channels"}
    return list(outages.values()), borne


def _outage_of(path: Path) -> tuple[Literal["channel", "team", "token"], str] | None:
    """What a secret at this place is for: kind and subject; None for what cannot be done without."""
    match path:
        case ("channels", str(name), *_):
            return "channel", f"channel:{name}"
        case ("teams", str(name), *_):
            return "team", name
        case ("pagerduty", "api_token"):
            return "token", API_TOKEN
        case _:
            return None


def _with_stand_ins(teams: Mapping[str, Team], default_team: str, out: set[str]) -> dict[str, Team]:
    """A team that is out and has no fallback gets one: the default team, or the first that can be paged if that is out too."""
    able = [name for name in teams if name not in out]
    stand_in = default_team if default_team not in out or not able else able[0]
    return {
        name: msgspec.structs.replace(team, fallback=stand_in) if name in out and team.fallback is None else team
        for name, team in teams.items()
    }
