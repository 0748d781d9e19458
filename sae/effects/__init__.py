"""What features do: how an agent answers when one of them is silenced, or driven by another's.

Correlation says that two features are active together; only an intervention says what either is
used for. Nothing is imported here, because sae_lens takes seconds to load.
"""
