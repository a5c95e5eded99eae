"""The embedded store: one SQLite file in WAL mode, one writing connection in one thread, readers of their own.

Belongs here: everything that knows SQLite. ``driver`` is the face, ``writer`` the thread with the group commit, ``work``
what it writes, ``opening`` what is refused, ``retention`` what is deleted, ``reader`` how one looks back.
Must never do: open the file for writing a second time (SQLite before 3.51.3 can corrupt a WAL that two connections
write or checkpoint at once), open it other than through SQLite (closing any other descriptor drops its locks), repair or
delete what it did not make.
"""
