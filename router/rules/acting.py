"""What a rule wants done to its incident in PagerDuty: ``actions`` and the targets of ``escalate`` steps, text to values."""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import Diagnostic
from router.model.ruleset import Act, Actions, RuleSet
from router.model.wish import MAX_RESPONDERS
from router.rules.findings import Findings
from router.rules.muting import listed
from router.rules.schema import ActionSection, ActionsSection, RespondersSection, StepSection
from router.yamldoc import Path

_AFTERWARDS = ("note", "status")
_KEYS = tuple(ActionSection.model_fields)


def build_actions(section: ActionsSection, path: Path, findings: Findings) -> Actions | None:
    """The actions of a rule; None if there are none."""
    if not (section.opened or section.acknowledged or section.closed):
        return None
    opened = _build(section.opened, (*path, "opened"), [key for key in _KEYS if key != "snooze"], findings)
    kept = [key for key in _KEYS if key != "reassign"]
    acknowledged = _build(section.acknowledged, (*path, "acknowledged"), kept, findings)
    closed = _build(section.closed, (*path, "closed"), _AFTERWARDS, findings)
    return Actions(opened=opened, acknowledged=acknowledged, closed=closed)


def check_hands(ruleset: RuleSet, *, can_act: bool) -> list[Diagnostic]:
    """A warning for each rule that wants something done in PagerDuty when nothing can be: each would be a dead letter."""
    found = []
    for rule in [] if can_act else ruleset.rules:
        if (rule.actions is not None or any(step.acts for step in rule.escalate)) and rule.span is not None:
            message = f"rule {rule.id!r} acts on incidents in PagerDuty, and there is no token for that"
            hint = "set pagerduty.api_token (one that may write) and pagerduty.from"
            said = Diagnostic(code="acts-without-token", span=rule.span, path="", message=message, hint=hint, level="warning")
            found.append(said)
    return found


def build_step(section: StepSection, path: Path, findings: Findings) -> tuple[Act, ...]:
    """What a step does to the incident besides paging teams."""
    acts: list[Act] = []
    if section.level is not None and section.policy is not None:
        message = "level and policy stand side by side; a step goes to one of them"
        findings.complain((*path, "policy"), "two-targets", message, "make two steps of it", key=True)
    elif section.level is not None:
        acts.append(Act(verb="escalate", level=section.level))
    elif section.policy is not None:
        acts.append(Act(verb="escalate", policies=(section.policy,)))
    allowed = [key for key in _KEYS if key != "snooze"]
    return (*acts, *_build(section.actions, (*path, "actions"), allowed, findings))


def _build(sections: Sequence[ActionSection], path: Path, allowed: Sequence[str], findings: Findings) -> tuple[Act, ...]:
    acts = []
    for index, section in enumerate(sections):
        place = (*path, index)
        given = [key for key in _KEYS if getattr(section, key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "nothing"
            message = f"found {found}; expected one of {', '.join(allowed)}"
            findings.complain(place, "one-action", message, "make an entry of each")
            continue
        (key,) = given
        if key not in allowed:
            message = f"{key} cannot stand here; expected one of {', '.join(allowed)}"
            findings.complain((*place, key), "misplaced-action", message, _hint(key), key=True)
            continue
        acts.append(_build_act(section, place, findings))
    return tuple(acts)


def _hint(key: str) -> str:
    match key:
        case "snooze":
            return "it counts as an acknowledgement: put it under acknowledged"
        case "reassign":
            return "it would take it away from who has it: put it under opened, or into a step of escalate"
        case _:
            return "the incident is over by then"


def _build_act(section: ActionSection, path: Path, findings: Findings) -> Act:
    if section.note is not None:
        return Act(verb="note", text=findings.template((*path, "note"), section.note))
    if section.status is not None:
        return Act(verb="status", text=findings.template((*path, "status"), section.status))
    if section.priority is not None:
        return Act(verb="priority", priority=section.priority)
    if section.reassign is not None:
        return Act(verb="reassign", users=(section.reassign,))
    if section.snooze is not None:
        return Act(verb="snooze", seconds=section.snooze // 1000)
    assert section.responders is not None
    return _build_responders(section.responders, (*path, "responders"), findings)


def _build_responders(section: RespondersSection, path: Path, findings: Findings) -> Act:
    users, policies = tuple(listed(section.users)), tuple(listed(section.policies))
    if not 1 <= len(users) + len(policies) <= MAX_RESPONDERS:
        message = f"found {len(users) + len(policies)} users and policies; expected 1 to {MAX_RESPONDERS}"
        findings.complain(path, "no-responders", message, "name users by email address, policies by name")
    return Act(
        verb="responders",
        text=findings.template((*path, "message"), section.message),
        link=findings.template((*path, "link"), section.link),
        users=users,
        policies=policies,
    )
