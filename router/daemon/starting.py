"""The first load: what to run by when the process begins, also when the rule files are broken.

A broken configuration ends the start: there would be nobody to page. Broken rules do not, if the store remembers the last
good ones: a reboot must not silence a team because of a half-saved file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from router.config.settings import Settings
from router.daemon.loading import Loaded, RulesBroken, load
from router.errors import ConfigError, RouterError
from router.model.ruleset import RuleSet
from router.rules.compiling import ruleset_from_texts
from router.store.base import Reader
from router.telemetry.logs import logger

log = logger("daemon")


class FirstLoad(msgspec.Struct, frozen=True, kw_only=True):
    """``loaded`` is None when the rules are broken; then ``broken`` says how."""

    settings: Settings
    loaded: Loaded | None
    broken: RulesBroken | None = None


class NoRules(RouterError):
    """The rules are broken and the store remembers none; the message holds every mistake."""


def load_first(config_path: Path, environ: Mapping[str, str]) -> FirstLoad:
    """ConfigError if the configuration itself cannot be used."""
    try:
        loaded = load(config_path, environ=environ)
    except RulesBroken as error:
        return FirstLoad(settings=error.settings, loaded=None, broken=error)
    return FirstLoad(settings=loaded.settings, loaded=loaded)


def stored_ruleset(reader: Reader) -> RuleSet | None:
    """The rule set in force when the last process ended; None in a new store, or if this version cannot read it any more."""
    found = reader.latest_ruleset()
    if found is None:
        return None
    version, texts = found
    try:
        return msgspec.structs.replace(ruleset_from_texts(texts), version=version)
    except (ConfigError, ValueError) as error:
        log.warning("stored_rules_unreadable", version=version, cause=str(error)[:500])
        return None


def choose(first: FirstLoad, stored: RuleSet | None) -> tuple[RuleSet, RuleSet]:
    """The rule set that what is undecided was accepted under, and the one to be in force from now on."""
    if first.loaded is None:
        if stored is None:
            raise NoRules(f"the rules are broken and there are no earlier ones to run by\n{first.broken}")
        return stored, stored
    return stored or first.loaded.ruleset, first.loaded.ruleset
