"""What agents' own quizzes do to their features: ``culture-sim culture-features``."""
