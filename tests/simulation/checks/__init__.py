"""The checkers of the later acts: what must hold when it is calm, when all is over, and in the record."""
