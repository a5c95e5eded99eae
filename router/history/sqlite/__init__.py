"""History in a SQLite file of its own, beside the store: one writer at a time (a lock file), any number of readers.

Belongs here: opening and migrating the file, writing what the crawl brings, reading records, searching. May talk to: SQLite,
and the store's driver for what both files have in common (versions, locks, what errors mean). Must never do: touch the store.
"""
