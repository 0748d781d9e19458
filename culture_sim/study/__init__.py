"""Whether culture does anything: arms that differ in one thing, from the same agents, compared."""
