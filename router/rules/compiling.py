"""Rule files and teams to one ``RuleSet``, or every mistake.

The same texts always give the same rule set and the same version; nothing else goes in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import assert_never

import msgspec

from router.errors import ConfigError, Diagnostic
from router.model.pattern import Pattern
from router.model.ruleset import (
    NO_CHANNELS,
    AbsentFor,
    AfterQuiet,
    AllResolved,
    AtOnce,
    Channels,
    CloseEpisode,
    Count,
    FileRights,
    FiringFor,
    Flapping,
    ImageTemplate,
    KeepEpisode,
    Limit,
    LinkTemplate,
    Never,
    OnResolved,
    ReopenIfFiring,
    Resolve,
    Rule,
    RuleSet,
    Team,
    Template,
    When,
)
from router.model.severity import Severity, SeverityScale
from router.rules.acting import build_actions
from router.rules.bundle import Bundle, decode_bundle, encode_bundle, version_of
from router.rules.conditions import build_match
from router.rules.crosscheck import CompiledFile, check_rules_together
from router.rules.findings import Findings, Names
from router.rules.muting import Calendar, build_muting, check_names, listed
from router.rules.reading import ReadFile, read_file
from router.rules.schema import (
    AbsentForSection,
    AfterQuietSection,
    CountSection,
    DefaultsSection,
    FiringForSection,
    FlappingSection,
    LimitSection,
    ReopenSection,
    RuleSection,
)
from router.rules.schema import OnResolved as OnResolvedSection
from router.rules.schema import Resolve as ResolveSection
from router.rules.schema import When as WhenSection
from router.rules.standing import build_standing, check_owned, stamp
from router.rules.telling import build_otherwise, build_steps, build_told
from router.rules.telling import check_defaults as check_told
from router.yamldoc import Path

_USELESS_WITH_DROP = (
    *("when", "page", "group_by", "summary", "details", "links", "images", "as_severity", "resolve", "limit"),
    *("on_resolved_in_pagerduty", "escalate", "actions", "during", "outside", "notify", "otherwise"),
)


_INHERITED = (*("details", "links", "images", "as_severity", "on_resolved_in_pagerduty", "escalate", "during", "outside"),)
"""Keys that a rule has from its file's defaults as they stand; those of whom is told and when it ends are told apart below."""


def compile_ruleset(
    files: Sequence[tuple[str, str | bytes]],
    *,
    teams: Mapping[str, Team],
    default_team: str,
    scale: SeverityScale,
    channels: Channels = NO_CHANNELS,
    sources: Collection[str] | None = None,
    now: int | None = None,
    rights: FileRights | None = None,
) -> tuple[RuleSet | None, list[Diagnostic]]:
    """The rule set these files (name, text) make, tried in this order, and every mistake and warning, file by file.

    The rule set is None exactly if one of the diagnostics is an error. Never raises for what stands in a file. ``sources``:
    names of the configured ones, to warn of rules that name another. ``now``: the time (ms UTC), to warn of what is over.
    ``rights``: which files may be guards, and whose they are. The rules of guards come before all others.
    """
    names = Names(
        teams=teams,
        channels=channels.policies,
        scale=scale,
        sources=sources,
        now=now,
        rights=rights or FileRights(),
        default_team=default_team,
    )
    compiled, diagnostics = _compile(files, names)
    if any(found.level == "error" for found in diagnostics):
        return None, diagnostics
    version = version_of(Bundle.of(files, teams=teams, default_team=default_team, scale=scale, channels=channels))
    rules = tuple(rule for file in compiled for rule in file.rules if rule is not None)
    ruleset = RuleSet(
        version=version,
        rules=rules,
        teams=dict(teams),
        default_team=default_team,
        channels=dict(channels.policies),
        severity_channels=dict(channels.by_severity),
        callbacks=dict(channels.callbacks),
        silences=tuple(silence for file in compiled for silence in file.muting.silences),
        maintenance=tuple(maintenance for file in compiled for maintenance in file.muting.maintenance),
        inhibitions=tuple(inhibition for file in compiled for inhibition in file.muting.inhibitions),
    )
    return ruleset, diagnostics


def check_files(files: Sequence[tuple[str, str | bytes]], names: Names) -> tuple[int, list[Diagnostic]]:
    """How many rules the files hold, and every mistake, when what they may refer to is not (all) known."""
    compiled, diagnostics = _compile(files, names)
    return sum(len(file.rules) for file in compiled), diagnostics


def _compile(files: Sequence[tuple[str, str | bytes]], names: Names) -> tuple[list[CompiledFile], list[Diagnostic]]:
    found = [read_file(name, text) for name, text in files]
    all_findings = [Findings(each.document, names) for each in found]
    for each, findings in zip(found, all_findings, strict=True):
        findings.diagnostics += each.diagnostics
    calendar = Calendar(list(zip(found, all_findings, strict=True)))
    compiled = [_compile_file(each, calendar, findings) for each, findings in zip(found, all_findings, strict=True)]
    check_names([(file.muting, findings) for file, findings in zip(compiled, all_findings, strict=True)])
    compiled.sort(key=lambda file: not file.standing.guard)
    return compiled, check_rules_together(compiled)


def _compile_file(found: ReadFile, calendar: Calendar, findings: Findings) -> CompiledFile:
    rules: list[Rule | None] = []
    ids: list[str] = []
    standing = build_standing(found, findings)
    if found.value is not None:
        defaults = found.value.defaults
        _check_defaults(defaults, calendar, findings)
        for index, section in enumerate(found.value.rules):
            is_broken = index in found.broken
            ids.append(section.id)
            rule = _compile_rule(section, defaults, calendar, ("rules", index), findings)
            check_owned(rule.match, ("rules", index, "match"), standing, findings)
            rules.append(None if is_broken else msgspec.structs.replace(rule, standing=standing))
    muting = stamp(build_muting(found, calendar, findings), standing, findings)
    return CompiledFile(
        document=found.document, ids=ids, rules=rules, muting=muting, standing=standing, diagnostics=findings.diagnostics
    )


def _check_defaults(defaults: DefaultsSection, calendar: Calendar, findings: Findings) -> None:
    check_told(defaults, findings)
    if "group_by" in defaults.model_fields_set:
        _check_group_by(defaults.group_by, ("defaults", "group_by"), findings)
    path: Path = ("defaults",)
    findings.template((*path, "summary"), defaults.summary)
    # As a rule would have them that says nothing else.
    rule = _inherit(RuleSection.model_validate({"id": "defaults"}), defaults)
    _build_details(rule, path, findings)
    _build_links(rule, path, findings)
    _build_images(rule, path, findings)
    _build_severity(rule, path, findings)
    told = build_told(rule, defaults, path, Findings(findings.document, findings.names))
    build_steps(rule, told, (*path, "escalate"), findings)
    calendar.find(rule.during, (*path, "during"), findings)
    calendar.find(rule.outside, (*path, "except"), findings)


def _compile_rule(section: RuleSection, defaults: DefaultsSection, calendar: Calendar, path: Path, findings: Findings) -> Rule:
    given = section.model_fields_set
    # Values from `defaults` were checked once, where they stand.
    group_by = section.group_by if "group_by" in given else defaults.group_by
    resolve = section.resolve if "resolve" in given else defaults.resolve
    if isinstance(section.when, AbsentForSection):
        group_by = _build_expected(section, section.when, path, findings)
        resolve = "all_resolved"
    elif isinstance(section.when, FlappingSection) and "resolve" in given:
        message = "what flaps is resolved when it is stable: nothing changes for its within"
        findings.complain((*path, "resolve"), "resolve-with-flapping", message, "leave resolve out", key=True)
    limit = section.limit if "limit" in given else defaults.limit
    if "group_by" in given and not isinstance(section.when, AbsentForSection):
        _check_group_by(group_by, (*path, "group_by"), findings)
    if section.drop or "drop" in given:
        _check_drop(section, path, findings)
    match = build_match(section.match, (*path, "match"), findings)
    told = build_told(section, defaults, path, findings)
    full = _inherit(section, defaults)
    silent = Findings(findings.document, findings.names)

    def of(key: str) -> Findings:
        return silent if key in defaults.model_fields_set and key not in given else findings

    return Rule(
        id=section.id,
        span=findings.document.span(path),
        description=section.description,
        match=match,
        drop=section.drop,
        when=_build_when(section.when, group_by, (*path, "when"), findings),
        page=told.page,
        notify=told.notify,
        by_severity=told.by_severity,
        otherwise=build_otherwise(section, path, findings),
        group_by=tuple(group_by),
        summary=_build_summary(section, defaults, path, findings),
        details=_build_details(full, path, of("details")),
        links=_build_links(full, path, of("links")),
        images=_build_images(full, path, of("images")),
        as_severity=_build_severity(full, path, of("as_severity")),
        resolve=_build_resolve(resolve),
        on_resolved_in_pagerduty=_build_on_resolved(full.on_resolved_in_pagerduty),
        limit=_build_limit(limit),
        escalate=build_steps(full, told, (*path, "escalate"), of("escalate")),
        actions=build_actions(section.actions, (*path, "actions"), findings),
        during=calendar.find(full.during, (*path, "during"), of("during")),
        outside=calendar.find(full.outside, (*path, "except"), of("outside")),
        goes_on=section.goes_on,
        renamed_from=tuple(dict.fromkeys(listed(section.renamed_from))),
    )


def _inherit(section: RuleSection, defaults: DefaultsSection) -> RuleSection:
    """The rule with what its file's defaults say of it; one that drops has no use for them."""
    if section.drop:
        return section
    more = {
        key: getattr(defaults, key)
        for key in _INHERITED
        if key in defaults.model_fields_set and key not in section.model_fields_set
    }
    return section.model_copy(update=more) if more else section


def _build_details(section: RuleSection, path: Path, findings: Findings) -> tuple[tuple[str, Template], ...]:
    return tuple(
        (key, template)
        for key, text in section.details.items()
        if (template := findings.template((*path, "details", key), text))
    )


def _build_severity(section: RuleSection, path: Path, findings: Findings) -> Severity | None:
    return None if section.as_severity is None else findings.severity((*path, "as_severity"), section.as_severity)


def _check_group_by(fields: list[str], path: Path, findings: Findings) -> None:
    for index, field in enumerate(fields):
        if field in fields[:index]:
            findings.complain((*path, index), "field-twice", f"{field!r} stands here twice", hint="leave one of them out")


def _check_drop(section: RuleSection, path: Path, findings: Findings) -> None:
    if not section.drop.strip():
        findings.complain(
            (*path, "drop"),
            "no-reason",
            "expected the reason why these never page, found nothing",
            hint='for example: drop: "development never pages"',
        )
    elif section.drop in ("true", "yes", "false", "no"):
        message = f"found {section.drop!r}; expected the reason why these never page"
        findings.complain((*path, "drop"), "no-reason", message, 'for example: drop: "development never pages"')
    if section.goes_on:
        message = "drop and continue contradict each other: what is dropped goes no further"
        findings.complain(
            (*path, "continue"), "drop-continues", message, key=True, hint="leave continue out, or drop in a rule further down"
        )
    for field in _USELESS_WITH_DROP:
        if field in section.model_fields_set:
            key = "except" if field == "outside" else field
            findings.warn(
                (*path, key), "useless-key", f"{key} has no effect in a rule that drops", key=True, hint="leave it out"
            )


def _build_when(section: WhenSection | None, group_by: list[str], path: Path, findings: Findings) -> When:
    match section:
        case None:
            return AtOnce()
        case FiringForSection():
            return FiringFor(for_ms=section.firing_for)
        case CountSection():
            per = [section.per] if isinstance(section.per, str) else section.per
            _check_count(section, group_by if per is None else per, path, findings)
            return Count(
                count=section.count,
                within_ms=section.within,
                firing_for_ms=section.firing_for or 0,
                distinct=section.distinct,
                per=None if per is None else tuple(per),
            )
        case AbsentForSection():
            return AbsentFor(for_ms=section.absent_for)
        case FlappingSection():
            return Flapping(changes=section.flapping.changes, within_ms=section.flapping.within)
        case _:
            assert_never(section)


def _build_expected(section: RuleSection, when: AbsentForSection, path: Path, findings: Findings) -> list[str]:
    """Whom the rule expects to hear of, each by itself; complaints about keys that cannot mean anything beside it."""
    if "group_by" in section.model_fields_set:
        hint = "name under per what is expected by itself"
        findings.complain((*path, "group_by"), "group-by-with-absent", "per takes the place of group_by here", hint, key=True)
    if "resolve" in section.model_fields_set:
        message = "the incident is resolved when something arrives"
        findings.complain((*path, "resolve"), "resolve-with-absent", message, "leave resolve out", key=True)
    pages_owner = section.page == "owner" and ("page" in section.model_fields_set or section.notify is None)
    if pages_owner and when.per is None and not _is_one(section):
        message = "before anything has arrived nobody knows its service, so the default team is paged"
        findings.warn((*path, "when"), "absent-without-owner", message, "say page: TEAM, or match one service by its name")
    per = [] if when.per is None else listed(when.per)
    _check_group_by(per, (*path, "when", "per"), findings)
    return per


def _is_one(section: RuleSection) -> bool:
    """Whether the rule names exactly one service."""
    named = listed(section.match.service)
    return len(named) == 1 and Pattern.parse(named[0]).kind == "exact" and not named[0].startswith("!")


def _check_count(section: CountSection, counted_per: list[str], path: Path, findings: Findings) -> None:
    if isinstance(section.per, list):
        _check_group_by(section.per, (*path, "per"), findings)
    if section.distinct is not None and section.distinct in counted_per:
        key = "group_by" if section.per is None else "per"
        message = f"{section.distinct!r} is in {key}, so there is never more than one value of it to count"
        findings.complain((*path, "distinct"), "distinct-is-grouped", message, f"take it out of {key}, or count another field")
    elif section.firing_for is not None and section.per is not None:
        message = "firing_for is about the group, per counts over several of them"
        findings.complain((*path, "firing_for"), "firing-for-with-per", message, "leave one of them out", key=True)
    elif section.firing_for is not None and section.firing_for >= section.within:
        message = "firing without a break for longer than the window leaves no occurrences in it to count"
        findings.complain((*path, "firing_for"), "senseless-combination", message, "make firing_for shorter than within")
    elif section.count == 1:
        message = "a count of 1 is reached at once"
        findings.warn((*path, "count"), "count-of-one", message, "leave `when` out, or count to 2 or more")


def _build_summary(section: RuleSection, defaults: DefaultsSection, path: Path, findings: Findings) -> Template | None:
    if section.summary is not None:
        return findings.template((*path, "summary"), section.summary)
    return defaults.summary if defaults.summary is None else findings.template_again(defaults.summary)


def _build_links(section: RuleSection, path: Path, findings: Findings) -> tuple[LinkTemplate, ...]:
    links = []
    for index, link in enumerate(section.links):
        place = (*path, "links", index)
        href = findings.template((*place, "href"), link.href)
        text = findings.template((*place, "text"), link.text)
        if href is not None:
            links.append(LinkTemplate(href=href, text=text))
    return tuple(links)


def _build_images(section: RuleSection, path: Path, findings: Findings) -> tuple[ImageTemplate, ...]:
    images = []
    for index, image in enumerate(section.images):
        place = (*path, "images", index)
        if image.src.startswith("http:"):
            findings.warn(
                (*place, "src"),
                "insecure-image",
                "PagerDuty shows images from https:// only",
                hint="write https://, if the server takes it",
            )
        src = findings.template((*place, "src"), image.src)
        href = findings.template((*place, "href"), image.href)
        alt = findings.template((*place, "alt"), image.alt)
        if src is not None:
            images.append(ImageTemplate(src=src, href=href, alt=alt))
    return tuple(images)


def _build_resolve(section: ResolveSection) -> Resolve:
    match section:
        case "all_resolved":
            return AllResolved()
        case "never":
            return Never()
        case AfterQuietSection():
            return AfterQuiet(quiet_ms=section.after_quiet)
        case _:
            assert_never(section)


def _build_on_resolved(section: OnResolvedSection) -> OnResolved:
    match section:
        case "close":
            return CloseEpisode()
        case "keep":
            return KeepEpisode()
        case ReopenSection():
            return ReopenIfFiring(after_ms=section.reopen_if_firing_after)
        case _:
            assert_never(section)


def _build_limit(section: LimitSection | None) -> Limit | None:
    return Limit(incidents=section.incidents, per_ms=section.per) if section else None


def ruleset_texts(
    files: Sequence[tuple[str, str | bytes]],
    *,
    teams: Mapping[str, Team],
    default_team: str,
    scale: SeverityScale,
    channels: Channels = NO_CHANNELS,
) -> bytes:
    """JSON from which ``ruleset_from_texts`` makes the same rule set again; holds references, never a secret."""
    return encode_bundle(Bundle.of(files, teams=teams, default_team=default_team, scale=scale, channels=channels))


def ruleset_from_texts(texts: bytes) -> RuleSet:
    """The rule set of stored texts; ConfigError if they no longer compile, ValueError if they are no bundle."""
    bundle = decode_bundle(texts)
    teams = {team.name: team.restore() for team in bundle.teams}
    ruleset, diagnostics = compile_ruleset(
        bundle.files,
        teams=teams,
        default_team=bundle.default_team,
        scale=bundle.restore_scale(),
        channels=bundle.restore_channels(),
    )
    if ruleset is None:
        raise ConfigError(diagnostics)
    return ruleset
