"""Reading and changing activations at named sites; the names are those of TransformerLens.

A site is a hook point of the network, such as "blocks.2.hook_resid_post". Position t of an
activation is the one from which tokens[:, t] is predicted, having read tokens[:, :t].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from torch import Tensor, nn

from agents.model import AgentModel, evaluating
from world.core.errors import UserError

Change = Callable[[Tensor], Tensor]


class _Done(Exception):
    """Ends a forward pass once the last activation asked for has been seen."""


def site_names(model: AgentModel) -> tuple[str, ...]:
    """The sites of a model, in the order in which they are computed."""
    return tuple(
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Identity) and name.rpartition(".")[2].startswith("hook_")
    )


def capture(model: AgentModel, tokens: Tensor, sites: Iterable[str]) -> dict[str, Tensor]:
    """Activations float [B, T, d] of int64 tokens [B, T] by site, without gradients or dropout.

    d is d_model, or d_mlp at "hook_post". The pass stops after the last site asked for, and
    sees whatever interventions are in force. Raises UserError on an unknown site.
    """
    found: dict[str, Tensor] = {}
    wanted = set(sites)
    if not wanted:
        return found

    def reader(site: str) -> Change:
        def read(x: Tensor) -> Tensor:
            found[site] = x
            if len(found) == len(wanted):
                raise _Done
            return x

        return read

    readers = {site: reader(site) for site in wanted}
    with evaluating(model), intervene(model, readers), suppress(_Done):
        model(tokens)
    return found


@contextmanager
def intervene(model: AgentModel, changes: Mapping[str, Change]) -> Iterator[None]:
    """While in force, the activation at each site is replaced by what its function returns.

    A function gets the activation [B, n, d] (n < T when generating with a cache) and returns
    one of the same shape. Raises UserError on an unknown site, ValueError on a wrong shape.
    """
    known = site_names(model)
    unknown = sorted(set(changes) - set(known))
    if unknown:
        raise UserError(f"unknown site {unknown[0]!r}; this agent has: {', '.join(known)}")
    with ExitStack() as stack:
        for site, change in changes.items():
            handle = model.get_submodule(site).register_forward_hook(_hook(site, change))
            stack.callback(handle.remove)
        yield


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
