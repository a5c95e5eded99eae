"""``alert-router history``: PagerDuty's past, fetched, searched, counted, told."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from router.cli.formats import duration, instant
from router.cli.journals import parse_time
from router.cli.options import config_option, fail, output_option, print_json
from router.cli.reading import load
from router.clock import Clock, SystemClock
from router.config.secrets import SecretUnavailable
from router.config.settings import Settings
from router.errors import RemoteError, StoreError
from router.history.base import Holdings, Progress, Scope, Synced
from router.history.crawler import Crawler
from router.history.own import OwnRecord
from router.history.sqlite.archive import SqliteArchive
from router.history.sqlite.reader import SqliteHistory
from router.model.quantity import QuantityError, parse_duration
from router.pagerduty.past import PastReader
from router.pagerduty.rest import RestClient
from router.store.base import Reader
from router.store.sqlite.reader import open_reader
from router.wire.transport import Limits, open_transport

MAX_ANSWER_BYTES = 16 * 1024 * 1024
SHOW_SECONDS = 0.5
TELL_SECONDS = 30.0
"""Between two lines of progress where there is no terminal."""


MORE = {
    "search": "router.cli.history_search:find",
    "stats": "router.cli.history_stats:stats",
    "report": "router.cli.history_report:report",
}
"""Commands in modules of their own, loaded when they are called."""


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *MORE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MORE:
            return super().get_command(ctx, cmd_name)
        module, attribute = MORE[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=_Group, epilog="Example: alert-router history sync --since 365d")
def history() -> None:
    """PagerDuty's past: incidents with their logs, notes and alerts, kept in a file beside the store."""


@history.command(epilog="Example: alert-router history sync --since 2026-01-01 --service payments")
@config_option
@output_option
@click.option(
    "--since", "since_text", default=None, metavar="TIME", help="From then on: 365d, or 2026-01-31 (default: history.since)."
)
@click.option("--until", "until_text", default=None, metavar="TIME", help="Up to then (default: now).")
@click.option("--service", "services", multiple=True, help="Only this service, by name or id; repeat for more.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(["triggered", "acknowledged", "resolved"]),
    help="Only in this status.",
)
@click.option("--again", is_flag=True, help="Also read anew what has notes and is here already, as far as it is of that time.")
def sync(
    *,
    config_path: Path,
    output: str,
    since_text: str | None,
    until_text: str | None,
    services: tuple[str, ...],
    statuses: tuple[str, ...],
    again: bool,
) -> None:
    """Fetch what is new. Any span of time; it may be stopped at any point and goes on where it was.

    The first time takes two or three calls for each incident, at most 600 a minute of the 960 PagerDuty allows; later only
    what is new or has changed is fetched. The daemon does this by itself every `history.sync`. That a note was edited or
    deleted is found a day, a week and a month after the incident's last change, or with --again.
    """
    settings = load(config_path)
    clock = SystemClock()
    since = read_moment(since_text, "--since", clock) or clock.now() - settings.history.since_ms
    until = read_moment(until_text, "--until", clock)
    if until and since >= until:
        raise click.UsageError("the time begins after it ends")
    teller = Teller(clock)
    try:
        wanted = services or settings.history.services
        done = asyncio.run(_sync(settings, clock, teller, since, until, wanted, statuses, again=again))
    except (RemoteError, StoreError, SecretUnavailable) as error:
        teller.finish()
        fail(str(error))
    except KeyboardInterrupt:
        teller.finish()
        fail("stopped; the next sync goes on where this one was", code=130)
    teller.finish()
    with open_history(settings, may_be_empty=True) as past:
        held = past.holdings()
    if output == "json":
        print_json({"done": done, "holdings": held})
    else:
        click.echo(_sentence(done, held))
    if done.cut_short:
        fail(f"PagerDuty stopped answering: {done.cut_short}", hint="run it again, it goes on where it was")


async def _sync(  # noqa: PLR0917
    settings: Settings,
    clock: Clock,
    teller: Teller,
    since: int,
    until: int,
    services: Sequence[str],
    statuses: Sequence[str],
    *,
    again: bool,
) -> Synced:
    client = open_client(settings, clock)
    try:
        archive = SqliteArchive(settings.history.path)
        try:
            with own_record(settings) as own:
                remote = PastReader(client)
                scope = Scope(services=tuple(await remote.service_ids(services)), statuses=tuple(statuses))
                crawler = Crawler(remote=remote, archive=archive, own=OwnRecord(own), clock=clock, report=teller.show)
                return await crawler.sync(scope, since=since, until=until, again=again)
        finally:
            archive.close()
    finally:
        await client.aclose()


def open_client(settings: Settings, clock: Clock) -> RestClient:
    """The account's REST API; exits where no token is configured."""
    pagerduty = settings.pagerduty
    if not pagerduty.api_token:
        fail("there is no pagerduty.api_token in the configuration", hint="one that may only read is enough")
    seconds = pagerduty.timeout_ms / 1000
    return RestClient(
        url=pagerduty.api_url,
        transport=open_transport(
            pagerduty.api_url,
            trust_env=pagerduty.use_environment_proxy,
            limits=Limits(connections=2, total_seconds=seconds, max_body=MAX_ANSWER_BYTES),
        ),
        token=lambda: settings.secrets.resolve(pagerduty.api_token).reveal(),
        sender=pagerduty.sender,
        clock=clock,
        timeout_seconds=seconds,
    )


@contextlib.contextmanager
def own_record(settings: Settings) -> Iterator[Reader | None]:
    """Our own store, beside the daemon; None where there is none."""
    try:
        reader = open_reader(settings.store.path)
    except StoreError:
        yield None
        return
    try:
        yield reader
    finally:
        reader.close()


@contextlib.contextmanager
def open_history(settings: Settings, *, may_be_empty: bool = False) -> Iterator[SqliteHistory]:
    """The history that was fetched; exits with a hint where there is none, or no sync got anywhere: that is no quiet month."""
    try:
        with contextlib.closing(SqliteHistory(settings.history.path)) as past:
            held = past.holdings()
            if not (may_be_empty or held.incidents or held.synced_until):
                fail(
                    "nothing has been fetched from PagerDuty yet", hint="alert-router history sync says what keeps it from that"
                )
            yield past
    except StoreError as error:
        fail(str(error))


class Teller:
    """How far the crawl got: a line that moves on a terminal, else one every half minute."""

    def __init__(self, clock: Clock, *, is_terminal: bool | None = None) -> None:
        """Nothing is shown yet."""
        self._clock = clock
        self._is_terminal = sys.stderr.isatty() if is_terminal is None else is_terminal
        self._shown_at = float("-inf") if self._is_terminal else clock.monotonic()

    def show(self, progress: Progress) -> None:
        """If it is time."""
        now = self._clock.monotonic()
        if now - self._shown_at < (SHOW_SECONDS if self._is_terminal else TELL_SECONDS):
            return
        self._shown_at = now
        text = describe(progress)
        click.echo(f"\r\033[K{text}" if self._is_terminal else text, nl=not self._is_terminal, err=True)

    def finish(self) -> None:
        """Clear the line."""
        if self._is_terminal:
            click.echo("\r\033[K", nl=False, err=True)


def describe(progress: Progress) -> str:
    """``read 1,200 of 50,000 incidents (2%), 3h05m left, 4,100 calls``."""
    if progress.phase == "listing":
        return f"listed {progress.done:,} new incidents, {progress.calls:,} calls"
    share = progress.done / progress.total if progress.total else 1.0
    left = "" if progress.seconds_left is None else f", {duration(int(progress.seconds_left) * 1000)} left"
    return f"read {progress.done:,} of {progress.total:,} incidents ({share:.0%}){left}, {progress.calls:,} calls"


def _sentence(done: Synced, held: Holdings) -> str:
    gone = f", {done.gone} gone" if done.gone else ""
    waiting = f"; {held.unread:,} of them still to be read" if held.unread else ""
    span = f" from {instant(held.oldest)} to {instant(held.newest)}" if held.incidents else ""
    return (
        f"{done.listed:,} new incidents, {done.read:,} read{gone}, in {done.calls:,} calls. "
        f"History holds {held.incidents:,} incidents{span}{waiting}."
    )


def read_moment(text: str | None, option: str, clock: Clock) -> int:
    """A time, or so long ago; 0 if not given."""
    if text is None:
        return 0
    try:
        return max(1, clock.now() - parse_duration(text))
    except QuantityError:
        return parse_time(text, option)
