"""The race against Debian's Alertmanager: the same work for both, in one run, on loopback.

``make bench`` runs it and writes ``docs/benchmarks/``. Only ratios from interleaved runs mean something: wall-clock figures of
one machine drift by a factor of two between hours. Must never talk to anything but loopback.
"""
