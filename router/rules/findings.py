"""What compiling one rule file collects on its way, with the names it may refer to."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from router.errors import Diagnostic
from router.model.pattern import Pattern
from router.model.ruleset import OWNER, FileRights, Team, Template
from router.model.severity import Severity, SeverityScale
from router.rules.template import HELP, TemplateRefused, compile_template
from router.yamldoc import Document, Path, suggest, to_diagnostic

OWN_SOURCE = "alert-router"
"""The source of the router's own alerts; always there."""

_SHOWN = 60
_NAMES_SHOWN = 20


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What rules may refer to. None: not known, so any name will do. ``now``: to warn of what is over (ms UTC)."""

    teams: Mapping[str, Team] | None
    channels: Collection[str] | None = None
    scale: SeverityScale
    sources: Collection[str] | None = None
    now: int | None = None
    rights: FileRights = FileRights()
    default_team: str = ""


class Findings:
    """Diagnostics of one file, and the names it may refer to."""

    def __init__(self, document: Document, names: Names) -> None:
        """Nothing found yet."""
        self.document = document
        self._names = names
        self.diagnostics: list[Diagnostic] = []

    @property
    def names(self) -> Names:
        """What the file may refer to."""
        return self._names

    def is_past(self, at: int) -> bool:
        """Whether that time is over, as far as it is known what time it is."""
        return self._names.now is not None and at <= self._names.now

    def complain(self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False) -> None:
        """An error at a place."""
        self.diagnostics.append(to_diagnostic(self.document, path, code, message, hint, key=key))

    def warn(self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False) -> None:
        """A warning at a place."""
        self.diagnostics.append(to_diagnostic(self.document, path, code, message, hint, "warning", key=key))

    def complain_empty(self, path: Path) -> None:
        """An empty list where at least one entry is needed."""
        self.complain(path, "empty-list", "found an empty list, which nothing can match", "leave the key out to match anything")

    def severity(self, path: Path, word: str) -> Severity | None:
        """The severity a word means; a complaint and None if it means none."""
        found = self._names.scale.of_word(word)
        if found is None:
            hint = suggest(word, self._names.scale.spellings) or "add the spelling under severities in the configuration"
            message = f"found {word[:_SHOWN]!r}; expected critical, error, warning, info or a spelling of theirs"
            # Without a configuration it may be a spelling of its.
            report = self.warn if self._names.teams is None else self.complain
            report(path, "unknown-severity", message, hint)
        return found

    def team(self, path: Path, name: str, *, is_owner: bool = False) -> bool:
        """Whether there is such a team (or it is the owner's place, unless it names the owner); a complaint if not."""
        teams = self._names.teams
        if teams is None or name in teams or (name == OWNER and not is_owner):
            return True
        hint = suggest(name, [*([] if is_owner else [OWNER]), *teams]) or f"teams are {', '.join(list(teams)[:_NAMES_SHOWN])}"
        self.complain(path, "unknown-team", f"there is no team {name[:_SHOWN]!r}", hint)
        return False

    def channel(self, path: Path, name: str) -> bool:
        """Whether there is such a channel; a complaint if not."""
        channels = self._names.channels
        if channels is None or name in channels:
            return True
        names = list(channels)
        hint = suggest(name, names) or (f"channels are {', '.join(names[:_NAMES_SHOWN])}" if names else "")
        message = f"there is no channel {name[:_SHOWN]!r}"
        self.complain(path, "unknown-channel", message, hint or "name it under channels: in the configuration")
        return False

    def check_source(self, path: Path, pattern: Pattern) -> None:
        """A warning if a pattern for sources matches none that is configured."""
        sources = self._names.sources
        if sources is None or pattern.negated or any(pattern.matches(source) for source in (OWN_SOURCE, *sources)):
            return
        hint = suggest(pattern.text, sources) or f"sources are {', '.join(list(sources)[:_NAMES_SHOWN])}"
        self.warn(path, "unknown-source", f"no configured source is called {pattern.text[:_SHOWN]!r}", hint)

    def template(self, path: Path, text: str | None) -> Template | None:
        """The compiled template; complaints and warnings about it."""
        if text is None:
            return None
        try:
            template, doubts = compile_template(text)
        except TemplateRefused as error:
            self.complain(path, "bad-template", str(error), error.hint or HELP)
            return None
        for doubt in doubts:
            self.warn(path, doubt.code, doubt.message, doubt.hint or HELP)
        return template

    @staticmethod
    def template_again(text: str) -> Template | None:
        """A template that was reported on where it stands; None if it cannot be used."""
        try:
            return compile_template(text)[0]
        except TemplateRefused:
            return None
