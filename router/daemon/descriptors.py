"""How many connections the process can afford: a descriptor each, and never the last ones.

Files, the store's readers and the way out need descriptors too. A neighbour who opens connections without end must not be able
to take those: a reload, a page or a commit that fails for want of a descriptor is worse than a connection that is refused.
"""

from __future__ import annotations

import resource

from router.telemetry.logs import logger

RESERVED = 96
"""Descriptors kept for everything that is no connection of a sender: some 25 at rest, the rest for the way out and reading."""
FEWEST = 8
"""Connections that are let in however few descriptors there are."""

log = logger("daemon")


def affordable_connections(wanted: int) -> int:
    """Raise the soft limit of open files as far as needed and allowed; the connections that leave ``RESERVED`` others."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + RESERVED
    if soft != resource.RLIM_INFINITY and soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft = raised
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    affordable = max(FEWEST, soft - RESERVED)
    log.warning("connections_limited", wanted=wanted, affordable=affordable, open_files=soft, hint="raise LimitNOFILE")
    return affordable
