"""``alert-router sandbox``: the local PagerDuty stand-in, in the foreground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from router.cli.options import fail

_KEY_LENGTH = 32


def _parse_key(text: str) -> tuple[str, str]:
    name, _, key = text.partition("=")
    if not name or len(key) != _KEY_LENGTH or not (key.isascii() and key.isalnum()):
        raise click.BadParameter(f"{text!r}: expected NAME=KEY with a routing key of {_KEY_LENGTH} letters and digits")
    return name, key


def _parse_keys(texts: Sequence[str]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for name, key in map(_parse_key, texts):
        if name in keys:
            raise click.BadParameter(f"there are two services named {name!r}")
        keys[name] = key
    return keys or {"demo": "d" * _KEY_LENGTH}


@click.command(epilog="Example: alert-router sandbox --port 8080 --key payments=0123456789abcdef0123456789abcdef")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8_080, show_default=True, help="On 127.0.0.1; 0 takes a free one."
)
@click.option("--key", "keys", multiple=True, metavar="NAME=KEY", help="A service and its routing key; repeat for more.")
@click.option(
    "--settings",
    "settings_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    help="A JSON file with services, users, switches (docs/reference/sandbox.md) instead of --key.",
)
@click.pass_context
def sandbox(context: click.Context, *, port: int, keys: tuple[str, ...], settings_path: Path | None) -> None:
    """A strict local PagerDuty: accepts events, opens and closes incidents, shows them on a page in the browser.

    Point `pagerduty.events_url` at the address it prints. It pages nobody and listens on loopback only.
    """
    import msgspec  # noqa: PLC0415 - only this command needs them

    from router.sandbox.server import run  # noqa: PLC0415
    from router.sandbox.settings import from_keys, load_settings  # noqa: PLC0415

    if settings_path is not None and keys:
        raise click.UsageError("--key and --settings exclude each other: name the services in the file")
    place = f"{settings_path}: " if settings_path else ""
    try:
        settings = load_settings(settings_path) if settings_path else from_keys(_parse_keys(keys))
        if settings_path is None or context.get_parameter_source("port") is not click.core.ParameterSource.DEFAULT:
            settings = msgspec.structs.replace(settings, port=port)
        run(settings, on_ready=_announce)
    except (msgspec.MsgspecError, ValueError, KeyError) as error:  # ours, of the sandbox, and of bytes that are no text
        fail(f"{place}{error.args[0] if error.args else error}", hint="docs/reference/sandbox.md names every setting")
    except OSError as error:
        fail(f"{place}cannot listen: {error.strerror or error}", hint="choose another --port, or see the files it names")


def _announce(url: str) -> None:
    click.echo(f"sandbox: events at {url}/v2/enqueue, incidents at {url}/ (Ctrl-C stops it)")
