"""Rules as text for tests: a few teams, and short ways to compile."""

from __future__ import annotations

from router.errors import Diagnostic
from router.model.pattern import Pattern
from router.model.ruleset import ChannelPolicy, Channels, Rule, RuleSet, Team
from router.model.severity import Severity, SeverityScale
from router.rules.compiling import compile_ruleset

TEAMS = {
    "payments": Team(
        name="payments",
        services=(Pattern("payment-*"), Pattern("checkout-*")),
        routing_key="env:PD_KEY_PAYMENTS",
        fallback="platform",
    ),
    "platform": Team(name="platform", services=(Pattern("*"),), routing_key="env:PD_KEY_PLATFORM"),
}
SCALE = SeverityScale(
    spellings={
        **SeverityScale().spellings,
        "fatal": Severity.CRITICAL,
        "page": Severity.CRITICAL,
        "p1": Severity.CRITICAL,
        "p2": Severity.ERROR,
        "p3": Severity.WARNING,
        "low": Severity.INFO,
    }
)
SOURCES = ("prometheus", "json")
CHANNELS = Channels(policies={name: ChannelPolicy(name=name) for name in ("chat", "mail", "hook")})


def compile_texts(*texts: str | bytes) -> tuple[RuleSet | None, list[Diagnostic]]:
    """The files a.yaml, b.yaml, … compiled for TEAMS."""
    files = [(f"{chr(ord('a') + position)}.yaml", text) for position, text in enumerate(texts)]
    return compile_ruleset(files, teams=TEAMS, default_team="platform", scale=SCALE, channels=CHANNELS, sources=SOURCES)


def compile_rules(*rules: str) -> tuple[Rule, ...]:
    """These rules, each written as a flow mapping without its braces; they must be without mistakes."""
    text = "rules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules)
    ruleset, diagnostics = compile_texts(text)
    assert ruleset is not None, "\n".join(map(str, diagnostics))
    return ruleset.rules


def found_in(*texts: str | bytes) -> list[tuple[str, str]]:
    """(code, line:column) of every diagnostic, with the file's name in front if there are several."""
    _, diagnostics = compile_texts(*texts)
    return [
        (each.code, f"{each.span.file + ':' if len(texts) > 1 else ''}{each.span.line}:{each.span.column}")
        for each in diagnostics
    ]
