"""Rules tried before they are merged: tests in virtual time, a replay of the journal, mutants of the rules.

Belongs here: drivers of the one engine whose clock is a script or a journal, and the judgement of what came out. May use:
``engine``, ``rules``, ``model``, ``yamldoc`` and the protocols of ``store.base``. Must never do: decide anything itself, open a
file, read a clock, draw lots. What a rule does is asked of the engine, never worked out a second time.
"""
