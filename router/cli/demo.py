"""``alert-router demo``: the sandbox and the daemon together, so that a newcomer sees a page within a minute."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from router.cli.options import fail

SANDBOX_PORT = 8080
ROUTER_PORT = 9095
START_SECONDS = 30.0
LOOK_SECONDS = 0.1
EXAMPLES = (Path(__file__).parents[2] / "rules", Path(__file__).parents[1] / "examples")
"""The example rules: in a checkout, and in an installed package."""
_TOKEN = "sandboxtoken00000001"  # noqa: S105 - the stand-in's own, the same on every machine
_TEAMS = {"payments": "a1", "data": "b2", "platform": "c3"}

_CONFIG = """\
# The demo's configuration: everything stays on this machine. config.example.yaml explains every setting.
listen: 127.0.0.1:{router_port}
store: sqlite:alert-router.db
rules: [rules/]
default_team: platform
teams:
  payments:
    services: [payment-*, checkout-*]
    pagerduty: {{routing_key: file:keys/payments.key}}
    limit: {{incidents: 20, per: 10m}}
    fallback: platform
  data:
    services: ["*-db", warehouse-*]
    pagerduty: {{routing_key: file:keys/data.key}}
    fallback: platform
  platform:
    services: ["*"]
    pagerduty: {{routing_key: file:keys/platform.key}}
sources:
  prometheus: {{kind: alertmanager}}
pagerduty:
  events_url: http://127.0.0.1:{sandbox_port}
  api_url: http://127.0.0.1:{sandbox_port}
  api_token: file:keys/api.token
  from: ada@example.test
"""

_TRY = """
The router listens on {router}, the local PagerDuty shows its incidents on {sandbox}/

Send an alert and watch a page open (Ctrl-C here ends the demo):

  curl -s {router}/v1/alerts -H 'Content-Type: application/json' -d '{{"service": "payment-api",
    "name": "CardError", "severity": "critical", "summary": "Cards are declined", "kind": "stateful"}}'

Acknowledge or resolve it on the page: the router follows. Then look at it from the other side:

  {command} incidents --config {config}
  {command} explain incident:1 --config {config}

Edit {rules} and save: the running router takes the new rules.
"""


@click.command(epilog="Example: alert-router demo --directory /tmp/demo")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data/demo"),
    show_default=True,
    help="Where the demo's configuration, rules and database are kept; what is there is used again.",
)
@click.option("--router-port", type=click.IntRange(1, 65_535), default=ROUTER_PORT, show_default=True)
@click.option("--sandbox-port", type=click.IntRange(1, 65_535), default=SANDBOX_PORT, show_default=True)
def demo(*, directory: Path, router_port: int, sandbox_port: int) -> None:
    """Start a local PagerDuty stand-in and the daemon with the example rules, and say what to try."""
    for port, option in ((sandbox_port, "--sandbox-port"), (router_port, "--router-port")):
        _require_free(port, option)
    # However it is asked to end, also by a shell that starts it with SIGINT ignored or a terminal that closes, it takes along
    # what it started: the router by itself takes a SIGHUP for a reload.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    keys = {name: digits * 16 for name, digits in _TEAMS.items()}
    config = _prepare(directory, router_port, sandbox_port, keys)
    command = [sys.executable, "-m", "router"]
    named = [argument for name, key in keys.items() for argument in ("--key", f"{name}={key}")]
    click.echo("demo: starting the local PagerDuty (sandbox) and the router …")
    parts = [
        subprocess.Popen([*command, "sandbox", "--port", str(sandbox_port), *named]),  # noqa: S603 - our own program
        subprocess.Popen([*command, "run", "--config", str(config)]),  # noqa: S603
    ]
    try:
        for part, url in zip(
            parts, (f"http://127.0.0.1:{sandbox_port}/", f"http://127.0.0.1:{router_port}/-/ready"), strict=True
        ):
            _wait(part, url)
        router = f"http://127.0.0.1:{router_port}"
        shown = Path(sys.argv[0]).name if Path(sys.argv[0]).name == "alert-router" else "python -m router"
        bin_path = Path(sys.executable).parent / "alert-router"
        click.echo(
            _TRY.format(
                router=router,
                sandbox=f"http://127.0.0.1:{sandbox_port}",
                config=config,
                rules=config.parent / "rules",
                command=_short(bin_path) if bin_path.exists() else shown,
            )
        )
        while all(part.poll() is None for part in parts):
            time.sleep(0.2)
        _tell_end(("the sandbox", "the router"), [part.poll() for part in parts])
    except KeyboardInterrupt:
        click.echo("demo: stopping …")
    finally:
        for part in reversed(parts):
            part.terminate()
        for part in parts:
            part.wait()


def _stop(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _require_free(port: int, option: str) -> None:
    """What already answers there would be taken for the demo's own."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            fail(
                f"cannot listen on 127.0.0.1:{port}: {error.strerror}",
                hint=f"another demo or another program is there; stop it, or choose another port with {option}",
            )


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _prepare(directory: Path, router_port: int, sandbox_port: int, keys: dict[str, str]) -> Path:
    """The demo's own copy of the example rules, to be edited without touching the originals; its keys as files."""
    (directory / "keys").mkdir(parents=True, exist_ok=True)
    for name, key in [*((f"{name}.key", key) for name, key in keys.items()), ("api.token", _TOKEN)]:
        file = directory / "keys" / name
        file.touch(mode=0o600)
        file.write_text(f"{key}\n")
    rules = directory / "rules"
    rules.mkdir(parents=True, exist_ok=True)
    config = directory / "config.yaml"
    config.write_text(_CONFIG.format(router_port=router_port, sandbox_port=sandbox_port))
    examples = next((folder for folder in EXAMPLES if folder.is_dir()), None)
    for example in sorted(examples.glob("*.yaml")) if examples else ():
        if not (rules / example.name).exists():
            shutil.copy(example, rules / example.name)
    return config


def _tell_end(names: Sequence[str], codes: Sequence[int | None]) -> NoReturn:
    """Which of them ended, and how; ``codes`` as ``Popen.poll`` gives them."""
    name, code = next((name, code) for name, code in zip(names, codes, strict=True) if code is not None)
    if code < 0:
        ended = f"{name} was ended by {signal.Signals(-code).name}"
        fail(ended, hint="somebody did that, or the system was out of memory; started again it goes on where it was")
    fail(f"{name} ended with exit code {code}", hint="what is written above says why")


def _wait(part: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(int(START_SECONDS / LOOK_SECONDS)):
        if part.poll() is not None:
            fail(f"{url} did not come up (exit code {part.returncode})", hint="is the port taken? choose others, see --help")
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - http to this machine
                return
        except OSError:
            time.sleep(LOOK_SECONDS)
    fail(f"{url} did not come up within {START_SECONDS:.0f} s")
