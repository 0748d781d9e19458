"""Reading and changing activations at named sites; the names are those of TransformerLens.

A site is a hook point of the network, such as "blocks.2.hook_resid_post". Position t of an
activation is the one from which tokens[:, t] is predicted, having read tokens[:, :t].
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from world.core.errors import UserError

Change = Callable[[Tensor], Tensor]


class HookPoint(nn.Identity):
    """Where an activation can be read and changed: it passes on what it is given."""

    @property
    def hooks(self) -> Mapping[int, Callable[..., Any]]:
        """What reads or changes the activation now; always the same object."""
        return self._forward_hooks


class _Done(Exception):
    """Ends a forward pass once the last activation asked for has been seen."""


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; the mode before is put back afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def site_names(model: nn.Module) -> tuple[str, ...]:
    """The sites of a model, in the order in which they are computed."""
    return tuple(name for name, module in model.named_modules() if isinstance(module, HookPoint))


def capture(
    model: nn.Module, tokens: Int[Tensor, "B T"], sites: Iterable[str]
) -> dict[str, Float[Tensor, "B ..."]]:
    """Activations of int64 tokens by site, without gradients or dropout.

    Their shapes, with H heads, are those of TransformerLens: [B, T, d_model] in the residual
    stream and for what is added to it, [B, T, d_mlp] at "mlp.hook_post"; [B, T, H, d_head] at
    "attn.hook_q", "hook_k", "hook_v" and "hook_z"; [B, H, T, T], queries before keys, at
    "attn.hook_attn_scores" (-inf where a key is not visible) and "attn.hook_pattern";
    [B, T, H, d_model] at "attn.hook_result". The pass stops after the last site asked for, and
    sees whatever interventions are in force. Raises UserError on an unknown site.
    """
    activations: dict[str, Tensor] = {}
    wanted = set(sites)
    if not wanted:
        return activations

    def reader(site: str) -> Change:
        def read(x: Tensor) -> Tensor:
            activations[site] = x
            if len(activations) == len(wanted):
                raise _Done
            return x

        return read

    readers = {site: reader(site) for site in wanted}
    with evaluating(model), intervene(model, readers), suppress(_Done):
        model(tokens)
    return activations


@contextmanager
def intervene(model: nn.Module, changes: Mapping[str, Change]) -> Iterator[None]:
    """While in force, the activation at each site is replaced by what its function returns.

    A function gets the activation, shaped as ``capture`` says, and returns one of the same shape.
    When an agent generates with a cache, only the n < T newest positions are computed: [B, n, ...],
    and [B, H, n, t] at the scores and the pattern, of n queries and all t keys so far. Raises
    UserError on an unknown site, ValueError on a wrong shape.
    """
    known = site_names(model)
    unknown = sorted(set(changes) - set(known))
    if unknown:
        raise UserError(f"unknown site {unknown[0]!r}; this agent has: {', '.join(known)}")
    with ExitStack() as stack:
        for site, change in changes.items():
            handle = model.get_submodule(site).register_forward_hook(_hook(site, change))
            stack.callback(handle.remove)
        stack.enter_context(_uncompiled())
        yield


def _uncompiled() -> AbstractContextManager[object]:
    """Without what torch.compile made of a model before: it would pass by hooks set since."""
    # Loading the compiler takes seconds; where it is not loaded, nothing is compiled.
    compiles = "torch._dynamo" in sys.modules
    return torch.compiler.set_stance("force_eager") if compiles else nullcontext()


def _hook(site: str, change: Change) -> Callable[[nn.Module, tuple[Tensor], Tensor], Tensor]:
    def hook(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        changed = change(output)
        if changed.shape != output.shape:
            raise ValueError(
                f"the intervention at {site} must return {list(output.shape)}, "
                f"got {list(changed.shape)}"
            )
        return changed

    return hook
