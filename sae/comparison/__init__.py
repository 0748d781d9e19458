"""The comparison of agents by their features: ``compare`` lists its steps.

Every step is a function that adds columns to one table of matches (``matches``): the nulls, the
ceiling, the test, the prediction, what becomes of each feature. ``stage`` does all of it for agents
and writes files, ``results`` makes the tables and figures, docs/features.md explains them.
"""
