"""Shipped doubles: what a test, a dry run or the simulation puts in the place of the machine.

Belongs here: virtual time. May talk to: nothing but the standard library. Must never do: be imported by any other room; the
daemon runs on the real clock and the real loop.
"""
