"""Drills by schedule, as the configuration words them: what they need, and what is missing for them."""

from __future__ import annotations

from collections.abc import Mapping

from router.config.findings import Findings
from router.config.schema import Configuration
from router.model.drill import WEEKDAYS, Drill
from router.model.ruleset import Team
from router.model.severity import BY_WORD


def build_drills(value: Configuration, teams: Mapping[str, Team], findings: Findings) -> dict[str, Drill]:
    """By team; complaints where a drill has no service to name, or could not see whether it worked."""
    drills: dict[str, Drill] = {}
    for name, section in value.teams.items():
        written = section.drill
        if written is None:
            continue
        path = ("teams", name, "drill")
        service = written.service or _owned(teams[name])
        if not service:
            message = "the team owns its services by pattern only: a drill has to name one"
            findings.complain(
                path, "no-service", message, "add service: with the name of a service that the team owns", key=True
            )
        if value.pagerduty.api_token is None:
            message = "without pagerduty.api_token nobody can see whether the page arrived"
            findings.complain(path, "no-token", message, "a token that may only read is enough", key=True)
        hours, _, minutes = written.at.partition(":")
        drills[name] = Drill(
            team=name,
            service=service,
            severity=BY_WORD[written.severity],
            weekdays=tuple(sorted({WEEKDAYS.index(day) for day in written.weekdays})),
            minute=int(hours) * 60 + int(minutes),
            zone=written.zone,
            within_ms=written.within,
        )
    return drills


def _owned(team: Team) -> str:
    """The first of its services that is no pattern."""
    return next((str(pattern) for pattern in team.services if not set(str(pattern)) & set("*?[")), "")
