"""Statistics that know nothing of features: permutations, resamples, tests and their errors.

In all of them the quiz is the unit, since tokens of one quiz are not independent.
"""
