"""What known senders send, as tables of expressions: a source of such a kind needs only a name and a secret.

Belongs here: mappings, and words for status and severity. Each has its set-up in docs/howto/sources.md and tests on payloads.
Must never do: anything. Where a table does not suffice, the code is beside this folder (``sns``).
"""
