"""What became of an alert or a page, told from the record: entries, decisions, incidents, deliveries put together.

Belongs here: reading across the store's tables and saying it in one sentence. May import: ``store.base``, ``model``. Must
never do: write, decide, or evaluate a rule again: what is told is what was recorded.
"""
