"""The rule language: texts in, an immutable ``RuleSet`` or every mistake out.

Belongs here: the schema of rule files, compiling them, cross-checks, templates, and the bundle of texts from which the same
rule set can be made again. May import: ``router.model``, ``router.yamldoc``, ``router.errors``, ``jinja2``, ``pydantic``.
Must never do: open a file, ask the time, decide about an alert. A rule file never raises: it earns diagnostics.
"""
