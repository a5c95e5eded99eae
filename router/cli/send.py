"""``alert-router send``: a marked test page through a team's real routing key, then its resolve.

Goes straight to PagerDuty, not through the daemon: what it proves is the key, the network and whoever is on call. Must never
leave the test incident open if it can help it, and never show the key.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, assert_never

import click
import msgspec

from router.cli.options import config_option, fail, output_option, print_json
from router.cli.reading import load
from router.cli.send_channel import TestMessage, find_channel, readable_secrets, say_or_not
from router.clock import Clock, SystemClock
from router.config.secrets import Purpose, SecretUnavailable, check_secret
from router.config.settings import Settings, is_loopback_host
from router.model.delivery import Accepted, Delivery, Outcome, Priority, Rejected, Throttled, Unavailable
from router.model.event import INCIDENTS_REFERENCE, Event
from router.model.quantity import QuantityError, format_duration, parse_duration
from router.model.ruleset import Team
from router.model.severity import Severity
from router.pagerduty.client import EventsClient
from router.pagerduty.events_v2 import encode
from router.telemetry.logs import set_up
from router.wire.origin import parse_origin
from router.wire.transport import open_poster
from router.yamldoc import suggest

Action = Literal["trigger", "resolve"]

MAX_RESOLVE_ATTEMPTS = 5
"""Tries to close what was opened, before a person is asked to."""
DOUBTFUL_ATTEMPTS = 2
"""The same when PagerDuty did not even answer to the page: it probably never arrived."""
MAX_WAIT_MS = 600_000
RETRY_MS = 2_000
MAX_RETRY_MS = 30_000
_KEY_PLACE = "PagerDuty shows it under Services > the service > Integrations > Events API v2"
_NOT_FOUND = 404


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One call and what PagerDuty said to it."""

    action: Action
    outcome: Literal["accepted", "throttled", "unavailable", "rejected"]
    status: int  # 0: no answer
    took_ms: int
    cause: str = ""
    remedy: str = ""


class Report(msgspec.Struct, kw_only=True):
    """What ``--output json`` prints. ``routing_key`` is the reference."""

    team: str
    routing_key: str
    events_url: str
    dedup_key: str
    steps: list[Step] = []
    ok: bool = False


class _DurationType(click.ParamType[int]):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds."""
        if isinstance(value, int):
            return value
        try:
            found = parse_duration(str(value))
        except QuantityError as error:
            self.fail(f"{error}. {error.hint}".strip(), param, ctx)
        if found > MAX_WAIT_MS:
            self.fail(f"expected at most {format_duration(MAX_WAIT_MS)}", param, ctx)
        return found


@click.command(epilog="Example: alert-router send --team payments --resolve-after 30s")
@config_option
@output_option
@click.option("--team", default=None, help="Whose routing key to try.")
@click.option("--channel", default=None, help="Which channel to try, instead of a team.")
@click.option(
    "--resolve-after", "wait_ms", type=_DurationType(), default="5s", show_default=True, help="How long the page stays open."
)
@click.option(
    "--severity",
    type=click.Choice([severity.word for severity in Severity]),
    default="critical",
    show_default=True,
    help="With dynamic urgency, only critical and error ring a telephone.",
)
def send(*, config_path: Path, output: str, team: str | None, channel: str | None, wait_ms: int, severity: str) -> None:
    """Send a marked test page through a team's real routing key, or a message to a channel; say what is answered, then end it.

    With --team it pages whoever is on call for that key. Exit code 1 if it was not taken, or its end was not.
    """
    if (team is None) == (channel is None):
        raise click.UsageError("expected --team NAME or --channel NAME")
    settings = load(config_path)
    if channel is not None:
        sys.exit(_send_to_channel(settings, channel, output, wait_ms, Severity[severity.upper()]))
    assert team is not None
    found = _find_team(settings, team)
    _check_key(settings, found)
    # What the client finds odd goes to standard error, never between the lines of the report.
    set_up(level="error").learn([settings.secrets.resolve(found.routing_key).reveal()])
    say = say_or_not(output)
    with asyncio.Runner() as runner:
        test = _TestPage(settings, found, Severity[severity.upper()], clock=SystemClock(), say=say)
        report = test.run(runner, wait_ms)
    if output == "json":
        print_json(report)
    sys.exit(0 if report.ok else 1)


def _send_to_channel(settings: Settings, name: str, output: str, wait_ms: int, severity: Severity) -> int:
    found = find_channel(settings, name)
    set_up(level="error").learn(readable_secrets(settings))
    with asyncio.Runner() as runner:
        report = TestMessage(settings, found, severity, clock=SystemClock(), say=say_or_not(output)).run(runner, wait_ms)
    if output == "json":
        print_json(report)
    return 0 if report.ok else 1


def _find_team(settings: Settings, name: str) -> Team:
    found = settings.teams.get(name)
    if found is None:
        fail(
            f"there is no team {name!r}",
            hint=suggest(name, settings.teams) or f"teams are {', '.join(list(settings.teams)[:20])}",
        )
    return found


def _check_key(settings: Settings, team: Team) -> None:
    """What can be told without asking PagerDuty. A stand-in on this machine may have made-up keys."""
    if team.routing_key.startswith(INCIDENTS_REFERENCE):
        fail(
            f"team {team.name} has no routing key: its pages are incidents", hint=f"try: alert-router drill --team {team.name}"
        )
    try:
        problems = settings.secrets.read(team.routing_key)
        problem = check_secret(settings.secrets.resolve(team.routing_key).reveal(), Purpose.ROUTING_KEY)
    except SecretUnavailable as error:
        fail(str(error), hint=error.problem.hint)
    for doubt in problems:
        click.echo(f"alert-router: {team.routing_key}: {doubt.message}", err=True)
    origin, _ = parse_origin(settings.pagerduty.events_url, allow_http=True)
    is_example = problem is not None and problem.code == "routing-key-example" and is_loopback_host(origin.host)
    if problem is not None and not is_example:
        fail(f"{team.routing_key}: {problem.message}", hint=problem.hint)


class _TestPage:
    """One test page from trigger to resolve."""

    def __init__(self, settings: Settings, team: Team, severity: Severity, *, clock: Clock, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._team = team
        self._severity = severity
        self._clock = clock
        self._say = say
        self._report = Report(
            team=team.name,
            routing_key=team.routing_key,
            events_url=settings.pagerduty.events_url,
            dedup_key=f"alert-router-test/{team.name}/{clock.now():x}-{os.urandom(4).hex()}",
        )

    def run(self, runner: asyncio.Runner, wait_ms: int) -> Report:
        """Trigger, wait (Ctrl-C cuts it short), resolve."""
        report = self._report
        self._say(f"team {report.team}, key {report.routing_key}, at {report.events_url}")
        client = runner.run(self._open())
        try:
            first = self._call(runner, client, "trigger")
            if first.outcome in ("rejected", "throttled"):
                return report
            try:
                self._say(f"waiting   {format_duration(wait_ms)}, then resolving it")
                runner.run(self._clock.sleep(wait_ms / 1000))
            except KeyboardInterrupt:
                self._say("cut short, resolving it")
            was_taken = first.outcome == "accepted"
            is_resolved = self._resolve(runner, client, attempts=MAX_RESOLVE_ATTEMPTS if was_taken else DOUBTFUL_ATTEMPTS)
            report.ok = was_taken and is_resolved
        finally:
            runner.run(client.aclose())
        return report

    async def _open(self) -> EventsClient:
        pagerduty = self._settings.pagerduty
        origin, _ = parse_origin(pagerduty.events_url, allow_http=True)  # the configuration's own check was stricter
        return EventsClient(
            url=pagerduty.events_url,
            poster=open_poster(origin, trust_env=pagerduty.use_environment_proxy),
            resolve=lambda reference: self._settings.secrets.resolve(reference).reveal(),
            clock=self._clock,
            deadline_seconds=pagerduty.timeout_ms / 1000,
            allow_http=True,
        )

    def _resolve(self, runner: asyncio.Runner, client: EventsClient, *, attempts: int) -> bool:
        for attempt in range(1, attempts + 1):
            step = self._call(runner, client, "resolve")
            if step.outcome == "accepted":
                self._say(f"done      dedup key {self._report.dedup_key}")
                return True
            if step.outcome == "rejected" or attempt == attempts:
                break
            runner.run(self._clock.sleep(min(RETRY_MS * attempt, MAX_RETRY_MS) / 1000))
        self._say("if a page whose title begins with TEST arrived, resolve it in PagerDuty by hand")
        return False

    def _call(self, runner: asyncio.Runner, client: EventsClient, action: Action) -> Step:
        began_at = self._clock.monotonic()
        outcome = runner.run(client.send(self._delivery(action)))
        took_ms = int((self._clock.monotonic() - began_at) * 1000)
        step = step_of(action, outcome, took_ms, self._settings.pagerduty.events_url)
        self._report.steps.append(step)
        answer = f" ({step.status})" if step.status else ""
        self._say(f"{action:9} {step.outcome}{answer} in {took_ms} ms{f': {step.cause}' if step.cause else ''}")
        if step.remedy:
            self._say(f"  hint: {step.remedy}")
        return step

    def _delivery(self, action: Action) -> Delivery:
        now = self._clock.now()
        event = Event(
            team=self._team.name,
            routing_key=self._team.routing_key,
            dedup_key=self._report.dedup_key,
            action=action,
            at=now,
            severity=self._severity,
            summary=f"TEST page for team {self._team.name}, sent by hand: nothing is wrong",
            source="alert-router",
            class_="test",
            details={"test": "yes", "sent_by": "alert-router send", "resolves": "by itself, within minutes"},
        )
        return Delivery(
            id=0,
            team=event.team,
            routing_key=event.routing_key,
            dedup_key=event.dedup_key,
            action=action,
            priority=Priority.CRITICAL,
            created_at=now,
            body=encode(event),
        )


def step_of(action: Action, outcome: Outcome, took_ms: int, events_url: str) -> Step:
    """The outcome in words, with what to do about it."""
    match outcome:
        case Accepted():
            return Step(action=action, outcome="accepted", status=outcome.status, took_ms=took_ms)
        case Throttled():
            wait = f"after {format_duration(outcome.retry_after_ms)}" if outcome.retry_after_ms else "in a minute"
            remedy = f"PagerDuty takes about 120 events a minute for one key; see who else sends with it, and try again {wait}"
            return Step(action=action, outcome="throttled", status=outcome.status, took_ms=took_ms, remedy=remedy)
        case Unavailable():
            remedy = (
                "see whether this machine resolves and reaches that host; behind a proxy set pagerduty.use_environment_proxy; "
                "https://status.pagerduty.com tells of outages"
            )
            if outcome.status:
                remedy = (
                    "https://status.pagerduty.com tells of outages; or something between here and PagerDuty answers instead"
                )
            return Step(
                action=action, outcome="unavailable", status=outcome.status, took_ms=took_ms, cause=outcome.cause, remedy=remedy
            )
        case Rejected():
            return Step(
                action=action,
                outcome="rejected",
                status=outcome.status,
                took_ms=took_ms,
                cause=outcome.cause,
                remedy=_remedy_of(outcome, events_url),
            )
        case _:
            assert_never(outcome)


def _remedy_of(outcome: Rejected, events_url: str) -> str:
    if "routing key" in outcome.cause.lower():
        other = "https://events.pagerduty.com" if ".eu." in events_url else "https://events.eu.pagerduty.com"
        return (
            f"PagerDuty does not know this key at {events_url}: compare it ({_KEY_PLACE}), see that the integration was not "
            f"deleted, and if the account is in the other region set pagerduty.events_url: {other}"
        )
    if outcome.status == _NOT_FOUND:
        return "pagerduty.events_url is not that of the Events API: https://events.pagerduty.com or https://events.eu.pagerduty.com"
    return f"the service may be disabled or the key be of another kind of integration: {_KEY_PLACE}"
