"""Matching features of two dictionaries by the correlation of their activations.

Exact correlations of sparse codes (``correlation``, ``search``), on resamples (``resampling``), and
what follows: best matches (``features``), one-to-one assignment, linear prediction
(``covariance``), families of features of several agents, and a map between two agents' activations
(``alignment``).
"""
