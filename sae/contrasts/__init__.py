"""Features on different groups of quizzes: which fire where, and who is alone in failing.

``occurrence`` compares how often features fire on two groups; ``dissent`` and ``families`` hold the
one agent that fails a quiz against those that solve it.
"""
