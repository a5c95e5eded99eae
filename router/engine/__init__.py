"""The pure, deterministic core: the one place that decides who is woken.

Belongs here: matching, windows, groups, episodes, limits and storms, what a page says. May import: ``router.model`` and
``router.errors``. Must never do: ask the time, read or write anything, log, draw a random number, order by ``hash()``. Entries
and the passing of time go in, a ``Transition`` comes out; the same entries give the same transitions, bit for bit.

``core.Engine`` is the face. ``policy`` is a rule set made ready, ``match`` and ``index`` find the rules of an alert,
``trigger`` says when a group may open, ``episodes`` opens, updates and closes, ``storms`` folds what is above a limit,
``page`` words it, ``state`` holds all that is true now, ``rows`` is its shape in memory and in the store, and ``snapshot``
makes the one of the other.
"""
