"""A crosscoder over all agents: one sparse code shared by all, a decoder for each.

An independent check of which features are an agent's own: matching the features of separate
SAEs calls a feature unique when nothing correlates with it, a crosscoder when no other agent's
decoder uses it. docs/crosscoder.md explains every figure. Nothing is imported here, because
sae_lens takes seconds to load and the options alone must not.
"""
