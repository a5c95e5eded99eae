"""Durable facts behind one protocol (``base``), with a driver for SQLite and an in-memory twin that share one test suite.

Belongs here: SQL, transactions, migrations, retention. May import: ``model``, ``errors``, ``clock``, ``telemetry``. Must
never do: decide anything, or use SQL's own idea of now.
"""
