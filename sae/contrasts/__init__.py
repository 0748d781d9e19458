"""Features on different groups of quizzes: which fire where, and who is alone in failing."""
