"""Fuzzing: what every reader of foreign bytes must withstand (``targets``), and a coverage-guided search for what it does not.

What a search finds is put into ``corpus/TARGET/`` and is from then on part of ``tests/property/test_fuzz_corpus.py``.
"""
