"""Loaded by the server that workers are forked from: what each would load when it needs it."""
