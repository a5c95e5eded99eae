"""Opening what commands look at: the configuration, and the store read-only beside a running daemon."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from router.cli.options import fail
from router.config.loading import load_settings
from router.config.settings import Settings
from router.errors import ConfigError, StoreError
from router.store.base import Reader
from router.store.sqlite.reader import open_reader


def load(config_path: Path, *, read_secrets: bool = False) -> Settings:
    """The settings; exits with every mistake. Without ``read_secrets`` the command works in a shell that does not hold them."""
    try:
        text = config_path.read_bytes()
    except OSError as error:
        fail(
            f"{config_path} cannot be read: {error.strerror or error}",
            hint="name the configuration with --config FILE or ALERT_ROUTER_CONFIG; config.example.yaml is one to copy",
        )
    try:
        return load_settings(text, str(config_path), base=config_path.resolve().parent, read_secrets=read_secrets)
    except ConfigError as error:
        fail(f"{config_path} has mistakes\n{error}", hint="`alert-router check` shows them with their lines")


@contextlib.contextmanager
def open_store(config_path: Path) -> Iterator[Reader]:
    """A read-only view of the configured store, whether the daemon runs or not."""
    settings = load(config_path)
    try:
        with contextlib.closing(open_reader(settings.store.path)) as reader:
            yield reader
    except StoreError as error:  # not only when it is opened: damage is met where it is read
        fail(str(error))
