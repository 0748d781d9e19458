"""An agent as sae_lens's HookedSAETransformer, with SAEs in their places."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sae_lens import SAE, HookedSAETransformer

from agents.model import AgentModel


def hooked_sae_transformer(
    model: AgentModel, saes: Iterable[SAE[Any]] = ()
) -> HookedSAETransformer:
    """The same network, with each SAE attached at the hook point that its metadata names.

    As of ``AgentModel.to_transformer_lens``, its tokens are ``shift(tokens)``. SAEs stay attached
    until ``reset_saes``; what they leave out is left out, unless they use their error term.
    """
    hooked = model.to_transformer_lens(HookedSAETransformer)
    assert isinstance(hooked, HookedSAETransformer)
    for sae in saes:
        hooked.add_sae(sae)
    return hooked
