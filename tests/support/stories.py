"""Rule tests as text for tests: a small team list, one rule, and short ways to read and play a story."""

from __future__ import annotations

from router.config.severities import DEFAULT_SCALE
from router.model.ruleset import NO_CHANNELS, RuleSet
from router.rehearsal.reading import Surroundings, read_tests
from router.rehearsal.running import Result, play
from router.rehearsal.script import ScriptFile
from router.rules.compiling import compile_ruleset

HEAD = 'teams: {payments: {services: pay-*, fallback: platform}, platform: ["*"]}\n'
RULES = """\
rules:
  - id: errors
    match: {service: pay-*, name: "*Error"}
    when: {count: 3, within: 5m}
    resolve: {after_quiet: 15m}
  - {id: noise, match: {service: dev-*}, drop: never pages}
  - {id: rest}
"""


def read_story(text: str, *, head: str = HEAD) -> ScriptFile:
    """The file; mistakes are in its diagnostics."""
    return read_tests("a.test.yaml", head + text, Surroundings(scale=DEFAULT_SCALE))


def rules_of(file: ScriptFile, text: str = RULES) -> RuleSet:
    """These rules for the teams of the file."""
    assert file.teams is not None
    ruleset, found = compile_ruleset(
        [("a.yaml", text)],
        teams=file.teams,
        default_team=file.default_team,
        scale=DEFAULT_SCALE,
        channels=file.channels or NO_CHANNELS,
    )
    assert ruleset is not None, found
    return ruleset


def play_steps(*steps: str, rules: str = RULES, reloaded: str = RULES, head: str = HEAD) -> Result:
    """One test of these steps, each a flow mapping without its braces, played with the rules."""
    file = read_story("tests:\n  - name: story\n    steps:\n" + "".join(f"      - {{{step}}}\n" for step in steps), head=head)
    assert not file.diagnostics, "\n".join(map(str, file.diagnostics))
    other = rules_of(file, reloaded)
    return play(file.scripts[0], rules_of(file, rules), load=lambda _: other)


def complaints(text: str, *, head: str = HEAD) -> list[tuple[str, str, str]]:
    """(code, line:column, message with hint) of every mistake."""
    return [
        (each.code, f"{each.span.line}:{each.span.column}", f"{each.message} {each.hint}".strip())
        for each in read_story(text, head=head).diagnostics
    ]
