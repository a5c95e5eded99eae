"""A strict PagerDuty stand-in on the own machine: what pages there would have been, without paging anybody.

It imports nothing of the daemon, so that a mistake made in one is not repeated by the other. Everything that
decides is synchronous and takes the time as an argument (``facade.Sandbox``), so a simulation in virtual time can
drive it without a socket; ``server.SandboxServer`` puts the same object on a loopback port and is the only part
that reads a clock. What PagerDuty's documentation leaves open is a member of ``switches.Switches``.
"""
