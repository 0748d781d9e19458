"""Quizzes for other people's tools: Hugging Face datasets, and text for language models."""
