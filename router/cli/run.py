"""``alert-router run``: the daemon in the foreground, as a supervisor wants it."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click

from router.cli.options import config_option, fail

RANDOM_SEED_BYTES = 16

_YOUNG_OBJECTS = 20_000
_COLLECTIONS_A_GENERATION = 20
"""How rarely the garbage collector looks. Nearly everything dies by its reference count, and alerts are hidden from it:
Python's own figures (700 and 10) cost a twelfth of an alert's time and find nothing."""


@click.command(epilog="Example: alert-router run --config /etc/alert-router/config.yaml")
@config_option
@click.option(
    "--log-format", type=click.Choice(["auto", "json", "console"]), default=None, help="Instead of the configured one."
)
def run(*, config_path: Path, log_format: str | None) -> None:
    """The daemon. SIGHUP reloads, SIGTERM stops it within `shutdown_timeout`.

    Exit code 0 after a clean stop, 1 when it cannot begin or had to give up; what is wrong stands in the log.
    """
    sys.exit(run_daemon(config_path, log_format=log_format))


def run_daemon(config_path: Path, *, log_format: str | None = None) -> int:
    """Until stopped; the exit code."""
    from router.clock import SystemClock  # noqa: PLC0415 - other commands need none of this
    from router.daemon.app import Daemon  # noqa: PLC0415
    from router.daemon.starting import NoRules, load_first  # noqa: PLC0415
    from router.daemon.systemd import Notifier  # noqa: PLC0415
    from router.errors import ConfigError, StoreError  # noqa: PLC0415
    from router.telemetry.logs import logger, set_up  # noqa: PLC0415

    # By default SIGHUP ends a process. One that comes while we start waits until there is somebody to reload.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        first = load_first(config_path, os.environ)
    except ConfigError as error:
        fail(f"{config_path} cannot be used\n{error}", hint="`alert-router check` shows each mistake with its line")
    settings = first.settings
    redactor = set_up(log_format=log_format or settings.log.format, level=settings.log.level)  # type: ignore[arg-type]
    log = logger("daemon")

    async def serve() -> None:
        daemon = Daemon(
            config_path=config_path,
            first=first,
            environ=os.environ,
            clock=SystemClock(),
            chance=random.Random(os.urandom(RANDOM_SEED_BYTES)),  # noqa: S311 - jitter and ids, not secrets
            notifier=Notifier(os.environ, process_id=os.getpid()),
            redactor=redactor,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, daemon.stop)
        loop.add_signal_handler(signal.SIGHUP, daemon.reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        try:
            await daemon.run()
        finally:
            # All is stored. The loop takes its handlers along, and one signal more must not turn a clean end into a kill.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGTERM, signal.SIGINT})

    _calm_collector()
    expected: list[BaseException] = []
    broken: list[BaseException] = []
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve())
    except* (StoreError, NoRules, OSError) as group:
        expected += leaves(group)
    except* Exception as group:  # noqa: BLE001  # the last resort: logged, and the exit code says so
        broken += leaves(group)
    for failure in expected:
        log.critical("cannot_run", cause=str(failure))
    for failure in broken:
        log.critical("gave_up", cause=repr(failure), exc_info=failure)
    return 1 if expected or broken else 0


def _calm_collector() -> None:
    """What is loaded by now stays for good, so it is never looked at again; the rest more rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, _COLLECTIONS_A_GENERATION, _COLLECTIONS_A_GENERATION)


def leaves(error: BaseException) -> list[BaseException]:
    """The single errors in a group of groups."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in leaves(part)]
    return [error]


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform != "linux":
        return None
    import uvloop  # noqa: PLC0415 - exists on Linux only

    return uvloop.new_event_loop
