"""An imported Alertmanager configuration, asked which receivers get an alert; and Debian's amtool, asked the same of the original.

Both are asked by label sets alone: ours go through the door that Prometheus posts to, so that what decides is the product.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec

from router.config.loading import examine
from router.config.settings import Settings
from router.engine.policy import Policy
from router.importing.translating import Imported, translate_alertmanager
from router.ingest.alertmanager import AlertmanagerReader
from router.ingest.register import Register
from router.ingest.sources import SourceSettings
from router.model.alert import Alert
from router.model.ruleset import RuleSet
from router.model.severity import SeverityScale
from router.rules.compiling import compile_ruleset
from tests.support.programs import find_program

Labels = Mapping[str, str]
NOW = 1_795_000_000_000


def read_alert(labels: Labels) -> Alert:
    """The alert that Prometheus reports with these labels."""
    source = SourceSettings(
        name="alertmanager", kind="alertmanager", service_labels=("service", "job"), name_label="alertname",
        severity_label="severity", resolve_timeout_ms=300_000, resend_grace_ms=0,
    )  # fmt: skip
    reader = AlertmanagerReader(source, Register(), SeverityScale())
    batch = reader.read(json.dumps([{"labels": dict(labels)}]).encode(), NOW)
    assert not batch.refusals
    return msgspec.structs.replace(batch.reports[0].alert, starts_at=0)


class Ours:
    """What an import made, loaded as the daemon would."""

    def __init__(self, text: str) -> None:
        """AssertionError if a file has a mistake, or a route could not be taken over."""
        self.imported: Imported = translate_alertmanager(text, "alertmanager.yml")
        assert not self.imported.mistakes, self.imported.mistakes
        assert not [note for note in self.imported.notes if note.kind == "error"], self.imported.notes
        self.settings = self._settings()
        self.ruleset = self._ruleset()
        self._policy = Policy(self.ruleset)
        self._receivers = {origin.rule: origin for origin in self.imported.rules}

    def _settings(self) -> Settings:
        examined = examine(self.imported.files["config.yaml"].encode(), "config.yaml", base=Path(), read_secrets=False)
        assert not examined.diagnostics, examined.diagnostics
        assert examined.settings is not None
        return examined.settings

    def _ruleset(self) -> RuleSet:
        texts = [(name, text) for name, text in self.imported.files.items() if name.startswith("rules/")]
        ruleset, diagnostics = compile_ruleset(
            texts, teams=self.settings.teams, default_team=self.settings.default_team, scale=self.settings.scale,
            channels=self.settings.notify,
        )  # fmt: skip
        assert ruleset is not None, diagnostics
        # A route that one above takes everything from was as unreachable in the original.
        assert not [found for found in diagnostics if found.code != "unreachable-rule"], diagnostics
        return ruleset

    def receivers(self, labels: Labels) -> list[str]:
        """Which receivers are told of this alert, in the order of the rules that matched."""
        found = []
        for ready in self._policy.find(read_alert(labels)):
            origin = self._receivers.get(ready.id)
            assert origin is not None or ready.drop, f"{ready.id} pages, and stands for no receiver"
            if not ready.drop:
                assert origin is not None
                assert list(ready.rule.page) == origin.teams
                assert list(ready.rule.notify or ()) == origin.channels
                found.append(origin.receiver)
        return found

    def telling(self) -> set[str]:
        """The receivers that have a team or a channel."""
        return {origin.receiver for origin in self.imported.rules if origin.teams or origin.channels}


class Amtool:
    """Debian's amtool over one configuration file."""

    def __init__(self, text: str, folder: Path) -> None:
        """Write the file for it."""
        self._file = folder / "alertmanager.yml"
        self._file.write_text(text, encoding="utf-8")
        self._program = find_program("/usr/bin/amtool", "prometheus-alertmanager")

    def receivers(self, labels: Labels) -> list[str]:
        """``amtool config routes test``."""
        wanted = [f"{name}={value}" for name, value in labels.items()]
        command = [self._program, "config", "routes", "test", f"--config.file={self._file}", *wanted]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip().split(",")


def race(text: str, label_sets: list[Labels], folder: Path) -> int:
    """Hold both to the same answer for each label set; of how many of them some receiver is told."""
    ours, theirs = Ours(text), Amtool(text, folder)
    paged = 0
    for labels in label_sets:
        expected = [receiver for receiver in theirs.receivers(labels) if receiver in ours.telling()]
        assert ours.receivers(labels) == expected, f"{dict(labels)}\n{text}\n{ours.imported.files['rules/alertmanager.yaml']}"
        paged += bool(expected)
    return paged
