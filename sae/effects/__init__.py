"""What features do: how an agent answers when one is silenced, or another's put in its place.

Correlation says that two features are active together; only an intervention says what either is
used for. Nothing is imported here, because sae_lens takes seconds to load.
"""
