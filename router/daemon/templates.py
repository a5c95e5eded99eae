"""Templates of channels' bodies: between the template engine of the rules and the checks of the configuration."""

from __future__ import annotations

from router.config.channel_building import TemplateMistake
from router.model.ruleset import Template
from router.rules.template import HELP, TemplateRefused, compile_template

MORE_FIELDS = frozenset({"state", "action", "dedup_key", "at"})
"""What a channel's body may speak of besides what a rule's templates may."""


def compile_body(text: str) -> Template:
    """The template; TemplateRefused if it cannot be used."""
    return compile_template(text, MORE_FIELDS)[0]


def check_body(text: str) -> list[TemplateMistake]:
    """Everything that is wrong with it, or doubtful."""
    try:
        _, findings = compile_template(text, MORE_FIELDS)
    except TemplateRefused as refused:
        return [TemplateMistake(code="bad-template", message=str(refused), hint=refused.hint or HELP)]
    return [
        TemplateMistake(code=found.code, message=found.message, hint=found.hint or HELP, is_warning=found.level == "warning")
        for found in findings
    ]
