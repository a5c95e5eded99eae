"""The daemon's settings: schema, loading, secret references, and finding the rule files.

Belongs here: turning ``config.yaml`` into one immutable ``Settings`` or every mistake; reading secrets where their references
point; reading the texts of rule files. May import: ``router.model``, ``router.yamldoc``, ``router.errors``, ``pydantic``. Must
never do: connect, listen, log, or let the text of a secret into a message.
"""
