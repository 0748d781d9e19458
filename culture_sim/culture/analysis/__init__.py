"""What the quizzes of a run's culture are: how new, how hard, how clear, and by which rules."""
