"""Other routers' configurations as ours: Alertmanager's routes, receivers, inhibitions and time intervals.

Belongs here: reading the foreign text, saying the same in our language, and a note for all that cannot be said. May use:
``rules``, ``model``, ``yamldoc``. Must never do: open a file, write a secret, or leave something out without a note. What the
written rules do is decided by the engine alone; tests race them against the original program.
"""
