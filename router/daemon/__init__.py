"""The composition root: builds every part, joins them, runs them in one tree of tasks, and stops them in reverse.

Belongs here: wiring, reload, signals, systemd, chores by the clock, and the router's own troubles. May import: everything
below. Must never do: decide, normalise or send anything itself.
"""
