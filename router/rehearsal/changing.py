"""A rule set with one rule changed, for trying a proposal without editing a file. Pure.

Knows the changes that reports propose; whatever else, one edits the file and backtests that.
"""

from __future__ import annotations

import msgspec

from router.model.quantity import QuantityError, parse_duration
from router.model.ruleset import Count, FiringFor, Rule, RuleSet, When

FORM = "RULE: firing_for: 4m"


class CannotChange(ValueError):
    """The change is not understood, or there is no such rule; the message says what is expected."""


def change_rule(ruleset: RuleSet, text: str) -> RuleSet:
    """The same rules but for the one that ``text`` names, as ``payment-errors: firing_for: 4m``."""
    name, _, change = (part.strip() for part in text.partition(":"))
    key, _, value = (part.strip() for part in change.partition(":"))
    if key != "firing_for":
        raise CannotChange(f"expected a change such as {FORM!r}, found {text[:80]!r}")
    try:
        length = parse_duration(value)
    except QuantityError as error:
        raise CannotChange(f"{text[:80]!r}: {error}") from error
    if name not in {rule.id for rule in ruleset.rules}:
        raise CannotChange(f"there is no rule {name[:80]!r} in these files")
    rules = tuple(_waiting(rule, length) if rule.id == name else rule for rule in ruleset.rules)
    return msgspec.structs.replace(ruleset, rules=rules, version=f"{ruleset.version}+{name}")


def _waiting(rule: Rule, length_ms: int) -> Rule:
    when: When = FiringFor(for_ms=length_ms)
    if isinstance(rule.when, Count):
        when = msgspec.structs.replace(rule.when, firing_for_ms=length_ms)
    return msgspec.structs.replace(rule, when=when)
