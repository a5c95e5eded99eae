"""Teams as the configuration names them: what they own, who steps in, and what contradicts itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.config.channels import check_channel
from router.config.findings import Findings
from router.config.schema import TeamPagerDutySection, TeamSection
from router.config.secrets import Purpose
from router.model.event import INCIDENTS_REFERENCE
from router.model.pattern import Pattern
from router.model.ruleset import OWNER, ChannelPolicy, Limit, Team
from router.yamldoc import Path, suggest


def build_teams(
    sections: dict[str, TeamSection],
    default_team: str,
    findings: Findings,
    channels: Mapping[str, ChannelPolicy] = MappingProxyType({}),
) -> dict[str, Team]:
    """The teams by name, in the order written; complaints for unknown names, cycles and contested patterns."""
    teams: dict[str, Team] = {}
    owners: dict[str, tuple[str, Path]] = {}
    for name, section in sections.items():
        path = ("teams", name)
        if name == OWNER:
            message = f"a team cannot be called {OWNER}: in a rule that means the team that owns the service"
            findings.complain(path, "reserved-name", message, key=True, hint="give it another name")
        teams[name] = Team(
            name=name,
            services=_build_services(name, section, owners, findings),
            routing_key=_build_way((*path, "pagerduty"), section.pagerduty, findings),
            limit=Limit(incidents=section.limit.incidents, per_ms=section.limit.per) if section.limit else None,
            fallback=section.fallback,
            channels=_build_channels(section, path, channels, findings),
        )
    if default_team not in teams:
        _complain_unknown(("default_team",), default_team, teams, findings)
    _check_fallbacks(teams, findings)
    return teams


def _build_way(path: Path, section: TeamPagerDutySection, findings: Findings) -> str:
    """The reference by which the team's pages go: of its routing key, or of the service its incidents are made in."""
    if section.via == "events":
        for key in ("service", "escalation_policy", "urgency"):
            if key in section.model_fields_set:
                message = f"{key} has no effect with via: events: the routing key settles it"
                findings.warn((*path, key), "useless-key", message, "take it out, or say via: incidents", key=True)
        if section.routing_key is None:
            findings.complain(
                path,
                "missing-key",
                "expected the key 'routing_key'",
                key=True,
                hint="routing_key: env:PD_KEY_…, or via: incidents with a service",
            )
            return ""
        return findings.refer((*path, "routing_key"), section.routing_key, Purpose.ROUTING_KEY)
    if section.routing_key is not None:
        message = "routing_key has no effect with via: incidents"
        findings.warn((*path, "routing_key"), "useless-key", message, "take it out, or say via: events", key=True)
    if section.service is None:
        message = "expected the key 'service': the id of the service in which incidents are made"
        findings.complain(path, "missing-key", message, "PagerDuty shows it at the end of the service's address", key=True)
        return ""
    return f"{INCIDENTS_REFERENCE}{section.service}/{section.escalation_policy or ''}/{section.urgency}"


def _build_channels(
    section: TeamSection, path: Path, channels: Mapping[str, ChannelPolicy], findings: Findings
) -> tuple[str, ...]:
    written = section.channels
    for index, name in enumerate([written] if isinstance(written, str) else written):
        place: Path = (*path, "channels") if isinstance(written, str) else (*path, "channels", index)
        check_channel(place, name, channels, findings)
    return (written,) if isinstance(written, str) else tuple(dict.fromkeys(written))


def _build_services(
    name: str, section: TeamSection, owners: dict[str, tuple[str, Path]], findings: Findings
) -> tuple[Pattern, ...]:
    path: Path = ("teams", name, "services")
    written = section.services
    entries: list[tuple[Path, str]] = (
        [(path, written)] if isinstance(written, str) else [((*path, index), entry) for index, entry in enumerate(written)]
    )
    patterns = []
    for place, text in entries:
        if not text:
            findings.complain(
                place,
                "empty-pattern",
                "expected the name of a service or a glob, found nothing",
                hint="leave the entry out, or name a service",
            )
        elif text.startswith("!") or (len(text) > 1 and text.startswith("/") and text.endswith("/")):
            what = "an exclusion" if text.startswith("!") else "a regular expression"
            message = f"found {what}; a team owns services by name or glob, so that the most specific can win"
            hint = "give the exception to the team that owns it: its more specific pattern wins"
            hint = hint if text[0] == "!" else "write a glob, such as payment-*"
            findings.complain(place, "bad-ownership", message, hint)
        elif text in owners:
            other, other_path = owners[text]
            where = findings.document.span(other_path)
            if other == name:
                findings.warn(
                    place, "owned-twice", f"{text!r} stands here twice, first at {where}", hint="leave one of them out"
                )
            else:
                message = f"{text!r} is owned by team {other!r} already, at {where}"
                findings.complain(place, "ownership-conflict", message, "take it out of one, or make one of them more specific")
        else:
            owners[text] = (name, place)
            patterns.append(Pattern(text))
    return tuple(patterns)


def _check_fallbacks(teams: dict[str, Team], findings: Findings) -> None:
    reported: set[str] = set()
    for name, team in teams.items():
        path = ("teams", name, "fallback")
        if team.fallback is None:
            continue
        if team.fallback not in teams:
            _complain_unknown(path, team.fallback, teams, findings)
        elif team.fallback == name:
            findings.complain(path, "fallback-self", "a team cannot be its own fallback", "name another team, or leave it out")
        elif name not in reported:
            cycle = _find_cycle(name, teams)
            reported.update(cycle)
            if cycle:
                message = f"the fallbacks go round in a circle: {' > '.join([*cycle, name])}"
                findings.complain(path, "fallback-cycle", message, "let one of them have no fallback")


def _find_cycle(name: str, teams: dict[str, Team]) -> list[str]:
    """The names on the way from a team back to itself; empty if its fallbacks end, or circle elsewhere."""
    seen = [name]
    here = teams[name].fallback
    while here is not None and here in teams and here not in seen:
        seen.append(here)
        here = teams[here].fallback
    return seen if here == name and len(seen) > 1 else []


def _complain_unknown(path: Path, name: str, teams: dict[str, Team], findings: Findings) -> None:
    hint = suggest(name, teams) or f"teams are {', '.join(list(teams)[:20])}"
    findings.complain(path, "unknown-team", f"there is no team {name!r}", hint)
