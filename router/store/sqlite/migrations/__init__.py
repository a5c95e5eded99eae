"""Numbered, forward-only changes of the schema; each file is one transaction. ``schema`` applies them."""
