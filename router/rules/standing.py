"""What a rule file is: everybody's, a team's own, or a guard; and that it says what the configuration grants it.

Must never do: trust what a file says of itself where the configuration says otherwise.
"""

from __future__ import annotations

import fnmatch

import msgspec

from router.model.pattern import Pattern
from router.model.ruleset import NOBODY, FileRights, Match, Standing
from router.rules.covering import covers
from router.rules.findings import Findings
from router.rules.muting import Muting, listed
from router.rules.reading import ReadFile
from router.yamldoc import Path

_SHOWN = 10


def build_standing(found: ReadFile, findings: Findings) -> Standing:
    """What the file says it is; complaints where it may not be that."""
    value = found.value
    if value is None:
        return Standing()
    owners = tuple(dict.fromkeys(listed(value.owner or [])))
    for index, name in enumerate(owners):
        findings.team(("owner",) if isinstance(value.owner, str) else ("owner", index), name, is_owner=True)
    if value.guard and owners:
        message = "a guard is nobody's own file: guard and owner contradict each other"
        findings.complain(("guard",), "guard-with-owner", message, "leave one of them out", key=True)
    standing = Standing(guard=value.guard, owners=owners)
    _check_rights(findings.names.rights, found.document.file, standing, findings)
    return standing


def _check_rights(rights: FileRights, name: str, standing: Standing, findings: Findings) -> None:
    is_guard = any(_fits(name, pattern) for pattern in rights.guards)
    if rights.guards and standing.guard is not is_guard:
        if is_guard:
            message = "the configuration's guard_files name this file, and it does not say guard: true"
            findings.complain((), "missing-guard", message, "write guard: true, or take it off the list")
        else:
            message = "only the files that the configuration names under guard_files may be guards"
            findings.complain(
                ("guard",),
                "guard-not-granted",
                message,
                key=True,
                hint="leave guard out, or have the file added to guard_files",
            )
    if not rights.owners or standing.guard:
        return
    granted = next((owner for pattern, owner in rights.owners if _fits(name, pattern)), None)
    if granted is None:
        message = "the configuration's rule_owners say nothing of this file"
        findings.complain((), "file-of-nobody", message, f'name it there with its team, or with "{NOBODY}" for a common file')
    elif granted == NOBODY and standing.owners:
        findings.complain(("owner",), "wrong-owner", "the configuration's rule_owners make it a common file", "leave owner out")
    elif granted != NOBODY and standing.owners != (granted,):
        said = " and ".join(standing.owners) or "nothing"
        message = f"the configuration's rule_owners give this file to {granted}; it says {said}"
        path: Path = ("owner",) if standing.owners else ()
        findings.complain(path, "wrong-owner", message, f"write owner: {granted}")


def _fits(name: str, pattern: str) -> bool:
    """Files are called as seen from somewhere; the pattern is as seen from the configuration."""
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name, f"*/{pattern}")


def stamp(muting: Muting, standing: Standing, findings: Findings) -> Muting:
    """The same, with what their file is; complaints about services of other teams."""
    for key, matches in (
        ("silences", [each.match for each in muting.silences]),
        ("maintenance", [each.match for each in muting.maintenance]),
    ):
        for index, match in enumerate(matches):
            check_owned(match, (key, index, "match"), standing, findings)
    for index, inhibition in enumerate(muting.inhibitions):
        check_owned(inhibition.target, ("inhibitions", index, "target"), standing, findings)
    return Muting(
        silences=[msgspec.structs.replace(each, standing=standing) for each in muting.silences],
        maintenance=[msgspec.structs.replace(each, standing=standing) for each in muting.maintenance],
        inhibitions=[msgspec.structs.replace(each, standing=standing) for each in muting.inhibitions],
    )


def check_owned(match: Match, path: Path, standing: Standing, findings: Findings) -> None:
    """A complaint about each pattern for services that is not within what the file's owners own."""
    teams = findings.names.teams
    if not standing.owners or teams is None:
        return
    owned = [pattern for name in standing.owners if name in teams for pattern in teams[name].services if not pattern.negated]
    if findings.names.default_team in standing.owners:  # it owns what nobody else does, under whatever name
        owned.append(Pattern("*"))
    for index, pattern in enumerate(match.services):
        if pattern.negated or any(covers(each, pattern) for each in owned):
            continue
        place = (*path, "service") if len(match.services) == 1 else (*path, "service", index)
        whose = " and ".join(standing.owners)
        message = f"{str(pattern)!r} is not within what {whose} owns, and this is a file of {whose}"
        names = ", ".join(map(str, owned[:_SHOWN])) or "no services"
        findings.complain(place, "foreign-service", message, f"{whose} owns {names}; leave service out to mean all of them")
