"""Features of agents (sparse autoencoders) and their comparison by activation correlation.

Receives agents and quizzes, and returns files; it knows neither runs nor culture. Nothing is
imported here, because sae_lens takes seconds to load and the options alone must not.
"""
