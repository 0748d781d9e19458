"""Quizzes, agents, SAEs and features of a run for the tools of others: as folders, on the Hub."""
