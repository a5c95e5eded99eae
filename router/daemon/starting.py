"""The first load: what to run by when the process begins, also when the rule files are broken.

A broken configuration ends the start: there would be nobody to page. Broken rules do not, if the store remembers the last
good ones: a reboot must not silence a team because of a half-saved file. Nor does a secret that cannot be used, but for what
it is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from router.config.settings import Settings
from router.daemon.loading import Loaded, RulesBroken, load
from router.engine.snapshot import ruleset_of
from router.errors import ConfigError, RouterError
from router.model.journal import RulesChanged
from router.model.ruleset import RuleSet
from router.rules.compiling import ruleset_from_texts
from router.store.base import Reader, Recovered
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
        loaded = load(config_path, environ=environ, may_be_out=lambda _subject: True)
    except RulesBroken as error:
        return FirstLoad(settings=error.settings, loaded=None, broken=error)
    return FirstLoad(settings=loaded.settings, loaded=loaded)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The rule sets of a start. ``known`` holds every one that the processor may meet in what is undecided."""

    before: RuleSet  # what the engine's state was made by: under it the processor goes on
    in_force: RuleSet  # from now on
    journalled: str  # the version that the journal names last; empty: none yet
    known: dict[str, RuleSet]


def choose(first: FirstLoad, recovered: Recovered, reader: Reader) -> Rules:
    """Under which rules to go on. NoRules if the files are broken and the store remembers none.

    The rules in force are those the journal names last, not those saved last: a reload may have failed between the two.
    """
    changes = [entry.fact.version for entry in recovered.undecided if isinstance(entry.fact, RulesChanged)]
    decided = ruleset_of(recovered.state)
    journalled = changes[-1] if changes else decided
    found: dict[str, RuleSet] = {}
    for version in dict.fromkeys((decided, *changes)):
        ruleset = stored_ruleset(reader, version) if version else None
        if ruleset is not None:
            found[version] = ruleset
    loaded = first.loaded.ruleset if first.loaded is not None else None
    in_force = loaded or found.get(journalled) or stored_ruleset(reader, "")
    if in_force is None:
        raise NoRules(f"the rules are broken and there are no earlier ones to run by\n{first.broken}")
    found.setdefault(in_force.version, in_force)
    before = found.get(decided) or stored_ruleset(reader, "") or in_force
    return Rules(before=before, in_force=in_force, journalled=journalled, known=found)


def stored_ruleset(reader: Reader, version: str) -> RuleSet | None:
    """A rule set out of the store, for an empty version the one saved last; None if it is not there or cannot be read."""
    latest = None if version else reader.latest_ruleset()
    texts = reader.ruleset(version) if version else latest and latest[1]
    if not texts:
        return None
    version = version or (latest[0] if latest else "")
    try:
        return msgspec.structs.replace(ruleset_from_texts(texts), version=version)
    except (ConfigError, ValueError) as error:
        log.warning("stored_rules_unreadable", version=version, cause=str(error)[:500])
        return None
