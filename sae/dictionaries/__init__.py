"""Dictionaries of agents: SAEs, how they are trained, graded and kept, and baselines.

``slots`` trains the SAEs of a run one by one and keeps them in folders; ``agents`` gives what any
dictionary, SAE or baseline, makes of quizzes. Architectures and baselines are registries.
"""
