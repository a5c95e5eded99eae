"""Who is paged and who is told: ``page``, ``notify``, ``otherwise``, the steps of ``escalate``."""

from __future__ import annotations

import msgspec

from router.model.quantity import format_duration
from router.model.ruleset import Otherwise, Step
from router.rules.acting import build_step
from router.rules.findings import Findings
from router.rules.muting import listed
from router.rules.schema import AbsentForSection, DefaultsSection, RuleSection
from router.yamldoc import Path

_PAGE_TOO = "say page: owner to page too, or page: [] if that is meant"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """As in ``Rule``."""

    page: tuple[str, ...]
    notify: tuple[str, ...] | None
    by_severity: bool


def check_defaults(defaults: DefaultsSection, findings: Findings) -> None:
    """What stands in ``defaults`` is checked there, once."""
    if "page" in defaults.model_fields_set:
        build_page(defaults.page, ("defaults", "page"), findings)
    if defaults.notify is not None:
        build_notify(defaults.notify, ("defaults", "notify"), findings)


def build_told(section: RuleSection, defaults: DefaultsSection, path: Path, findings: Findings) -> Told:
    """A rule that tells channels and does not say whom it pages, pages nobody; neither said, the table of severities does."""
    own_page, own_notify = "page" in section.model_fields_set, section.notify is not None
    page_said = own_page or "page" in defaults.model_fields_set
    page: tuple[str, ...] = ()
    if own_page:
        page = build_page(section.page, (*path, "page"), findings)
    elif page_said or (not own_notify and defaults.notify is None):
        page = tuple(dict.fromkeys(listed(defaults.page)))
    notify: tuple[str, ...] | None = None
    if section.notify is not None:
        notify = build_notify(section.notify, (*path, "notify"), findings)
    elif defaults.notify is not None:
        notify = tuple(dict.fromkeys(listed(defaults.notify)))
    if not page and not notify and not section.drop and section.otherwise is None:
        place = (*path, "page") if own_page else (*path, "notify") if own_notify else path
        hint = 'name a team or a channel, or say why nobody hears of it: drop: "…"'
        findings.complain(place, "nobody-told", "this rule pages nobody and tells nobody", hint)
    elif own_notify and notify and not page_said and not section.drop:
        message = "this rule tells channels and says nothing of paging, so it pages nobody"
        findings.warn((*path, "notify"), "notify-without-page", message, _PAGE_TOO, key=True)
    return Told(page=page, notify=notify, by_severity=not page_said and notify is None)


def build_otherwise(section: RuleSection, path: Path, findings: Findings) -> Otherwise | None:
    """Who is told while the rule holds back; complaints where it never does."""
    written = section.otherwise
    if written is None:
        return None
    place = (*path, "otherwise")
    holds = section.when is not None and not isinstance(section.when, AbsentForSection)
    if not (holds or section.during or section.outside):
        message = "this rule holds nothing back, so there is no otherwise"
        findings.complain(place, "never-otherwise", message, "it goes with when, during or except", key=True)
    page = build_page(written.page, (*place, "page"), findings)
    notify = build_notify(written.notify, (*place, "notify"), findings)
    if not page and not notify:
        findings.complain(place, "nobody-told", "otherwise pages nobody and tells nobody", "name a channel: {notify: [NAME]}")
    return Otherwise(page=page, notify=notify)


def build_steps(section: RuleSection, told: Told, path: Path, findings: Findings) -> tuple[Step, ...]:
    """The escalation, in the order of its times."""
    steps: list[Step] = []
    known = {*told.page, *(("channel", name) for name in told.notify or ())}
    for index, step in enumerate(section.escalate):
        place = (*path, index)
        page = build_page(step.page, (*place, "page"), findings)
        notify = build_notify(step.notify, (*place, "notify"), findings)
        acts = build_step(step, place, findings)
        if steps and step.after <= steps[-1].after_ms:
            message = f"found {format_duration(step.after)}, which is no later than the step before"
            findings.complain((*place, "after"), "steps-out-of-order", message, "every step's after counts from the opening")
        named = {*page, *(("channel", name) for name in notify)}
        if not named and not acts:
            message = "the step does nothing; expected page, notify, level, policy or actions"
            findings.complain(place, "idle-step", message, "for example: page: platform")
        elif named and known.issuperset(named):
            key = "page" if page else "notify"
            verb = "paged" if page and not notify else "told"
            findings.warn(
                (*place, key),
                "paged-already",
                f"{' and '.join((*page, *notify))} would be {verb} already by then",
                hint="name somebody else, or leave the step out",
            )
        known.update(named)
        steps.append(Step(after_ms=step.after, page=page, notify=notify, acts=acts))
    return tuple(steps)


def build_page(written: list[str] | str, path: Path, findings: Findings) -> tuple[str, ...]:
    """The teams named."""
    names = listed(written)
    for index, name in enumerate(names):
        place = path if isinstance(written, str) else (*path, index)
        if findings.team(place, name) and name in names[:index]:
            findings.warn(place, "team-twice", f"{name!r} stands here twice", hint="leave one of them out")
    return tuple(dict.fromkeys(names))


def build_notify(written: list[str] | str, path: Path, findings: Findings) -> tuple[str, ...]:
    """The channels named."""
    names = listed(written)
    for index, name in enumerate(names):
        place = path if isinstance(written, str) else (*path, index)
        if findings.channel(place, name) and name in names[:index]:
            findings.warn(place, "channel-twice", f"{name!r} stands here twice", hint="leave one of them out")
    return tuple(dict.fromkeys(names))
