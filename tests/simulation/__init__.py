"""The whole router in virtual time, from one seed: the real daemon, a store that crashes, PagerDuty's stand-in, people, sources.

``world`` puts it together, ``plan`` draws what goes wrong, ``checks`` are the checkers that stand outside, ``planted`` holds
mistakes that the checkers have to find. ``python -m tests.simulation --seeds 1000`` runs any number, ``--seed 17`` shows one.
"""
