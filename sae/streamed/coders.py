"""Models and SAEs of any kind as one thing: what gives sparse codes for a batch of documents.

A model is a HookedTransformer, a callable that gives activations, or activations as an array; an
SAE is one of sae_lens, a callable that gives codes of activations, or codes as an array.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from sae.activations.kernels import compress
from sae.streamed.documents import PADDING, Documents, writable
from world.core.errors import UserError

MOST = 1 << 22
"""Numbers of a dense code that are encoded at a time."""
OF_OTHERS = ("batchtopk", "matryoshka_batchtopk", "temporal")
"""Architectures of sae_lens that do not encode each token by itself."""


@dataclass(frozen=True)
class Coder:
    """A model with its SAEs. saes: the compared one first; the others are its noise ceiling.

    site: where activations are taken, by TransformerLens's name; None where the SAE says it, or
    where it is not a model that is asked.
    """

    name: str
    model: Any
    saes: Sequence[Any]
    site: str | None = None

    def codes(
        self, documents: Documents, kept: NDArray[np.bool_], start: int
    ) -> list[sparse.csr_array]:
        """Codes float32 [n, F] of the kept tokens, of each SAE.

        kept: bool [D, T], none of them padding. start: number of the documents' first token among
        all tokens that are not padding. Raises UserError for arrays of other tokens and for codes
        that are not finite.
        """
        there = documents.tokens != PADDING
        rows = start + np.flatnonzero(kept[there])
        found: list[sparse.csr_array] = []
        activations: dict[str | None, Tensor] = {}
        for sae in self.saes:
            if is_array(sae):
                found.append(_rows_of(sae, rows, self.name))
                continue
            site = self.site or _site_of(sae)
            if site not in activations:
                activations[site] = self._activations(documents, kept, rows, site)
            found.append(_encoded(sae, activations[site], self.name))
        for codes in found:
            if not np.isfinite(codes.data).all():
                raise UserError(
                    f"model {self.name}: its codes hold values that are not finite in float32"
                )
        return found

    @torch.no_grad()
    def _activations(
        self,
        documents: Documents,
        kept: NDArray[np.bool_],
        rows: NDArray[np.int64],
        site: str | None,
    ) -> Tensor:
        """float32 [n, d] of the kept tokens."""
        if is_array(self.model):
            return torch.from_numpy(np.asarray(self.model[rows], dtype=np.float32))
        if self.model is None:
            raise UserError(
                f"model {self.name}: an SAE needs activations; give the model, or codes as an array"
            )
        # What stands in the place of padding comes after all that is read.
        tokens = torch.from_numpy(np.maximum(documents.tokens, 0))
        values = _run(self.model, tokens, site, self.name)
        if values.shape[:2] != tokens.shape:
            raise UserError(
                f"model {self.name}: activations must be [documents, tokens, width], here "
                f"{list(tokens.shape)} and a width, got {list(values.shape)}"
            )
        mask = torch.from_numpy(kept).to(values.device)
        return values[mask].flatten(1).float()


def coders_of(models: Any, saes: Any, site: str | None) -> list[Coder]:
    """Models with their SAEs, in order. models, saes: by name, or in the same order.

    Raises UserError where there are fewer than two, other names of one than of the other, a model
    without SAEs, or what can be neither.
    """
    listed = _named(saes, "saes")
    known = dict.fromkeys(listed) if models is None else _named(models, "models")
    if known.keys() != listed.keys():
        raise UserError(
            f"models and SAEs must be of the same names, got {', '.join(known)} and "
            f"{', '.join(listed)}"
        )
    if len(listed) < 2:
        raise UserError(f"a comparison needs at least two models, got {len(listed)}")
    coders = []
    for name, each in listed.items():
        several = each if isinstance(each, list | tuple) else [each]
        if not several:
            raise UserError(f"model {name} has no SAE")
        coders.append(
            Coder(
                name,
                readable(known[name], f"model {name}"),
                [_sae(one, name) for one in several],
                site,
            )
        )
    return coders


def _named(given: Any, what: str) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return {writable(name): value for name, value in given.items()}
    one = is_array(given) or hasattr(given, "encode")  # an SAE of sae_lens can be iterated, too
    if isinstance(given, Iterable) and not one:
        return {str(number): value for number, value in enumerate(given)}
    raise UserError(f"{what} must be given by name or in a list, got {type(given).__name__}")


def _sae(value: Any, name: str) -> Any:
    """An SAE that can be asked for codes of a batch."""
    if is_array(value):
        return readable(value, f"model {name}")
    if isinstance(value, str) or not callable(getattr(value, "encode", value)):
        raise UserError(
            f"model {name}: an SAE must be one of sae_lens, a callable, or codes as an array, got "
            f"{type(value).__name__}"
        )
    architecture = getattr(getattr(value, "cfg", None), "architecture", None)
    if callable(architecture) and architecture() in OF_OTHERS:
        raise UserError(
            f"model {name}: what its SAE ({architecture()}) makes of a token depends on other "
            "tokens; of BatchTopK load what save_inference_model writes, of others give codes"
        )
    return value


def readable(value: Any, what: str) -> Any:
    """A model as it is; codes or activations in a form of which rows can be read.

    what: is read, for messages. Raises UserError for an array of other than two dimensions, without
    columns, or of no real numbers.
    """
    if not is_array(value) or isinstance(value, Rows):
        return value
    if len(value.shape) != 2 or not value.shape[1]:
        raise UserError(
            f"{what}: codes must be [tokens, features] and activations [tokens, width], got "
            f"{list(value.shape)}"
        )
    if isinstance(value, Tensor):
        if value.layout != torch.strided:
            raise UserError(f"{what}: sparse codes must be of SciPy, got {value.layout}")
        real = not value.is_complex()
    else:
        real = value.dtype.kind in "fiub"
    if not real:
        raise UserError(f"{what}: codes and activations must be numbers, got {value.dtype}")
    return value.tocsr() if sparse.issparse(value) else value


def is_array(value: Any) -> bool:
    """Whether it is codes or activations as they are, [tokens, ...]."""
    return isinstance(value, np.ndarray | Tensor | Rows) or sparse.issparse(value)


class Rows(ABC):
    """Codes [N, F] that are read some rows at a time, as from a file. shape: (N, F)."""

    shape: tuple[int, int]

    @abstractmethod
    def __getitem__(self, rows: NDArray[np.int64]) -> sparse.csr_array:
        """Codes float32 [n, F] of some rows, int64, ascending."""


def width_of(sae: Any, name: str, d_in: Callable[[], Tensor]) -> int:
    """F. d_in: gives some activations, for an SAE that does not say how many features it has."""
    if is_array(sae):
        return int(sae.shape[-1])
    config = getattr(sae, "cfg", None)
    if config is not None and hasattr(config, "d_sae"):
        return int(config.d_sae)
    return _encoded(sae, d_in(), name).shape[1]


def _rows_of(values: Any, rows: NDArray[np.int64], name: str) -> sparse.csr_array:
    if len(rows) and rows[-1] >= values.shape[0]:
        raise UserError(
            f"model {name}: codes or activations of {values.shape[0]:,} tokens, and there are more"
        )
    if isinstance(values, Tensor):
        return compressed(values[torch.from_numpy(rows)])
    return compressed(values[rows])


def compressed(values: Any) -> sparse.csr_array:
    """float32 [n, F] of a dense array or tensor, or of SciPy's."""
    if sparse.issparse(values):
        return sparse.csr_array(values, dtype=np.float32)
    dense = values.detach().float().cpu().numpy() if isinstance(values, Tensor) else values
    return compress(np.ascontiguousarray(dense, dtype=np.float32))


@torch.no_grad()
def _encoded(sae: Any, activations: Tensor, name: str) -> sparse.csr_array:
    """Codes float32 [n, F] of activations [n, d]."""
    encode, config = getattr(sae, "encode", sae), getattr(sae, "cfg", None)
    d_in = getattr(config, "d_in", None)
    if d_in not in (None, activations.shape[1]):
        raise UserError(
            f"model {name}: its SAE is of activations of width {d_in}, and these have "
            f"{activations.shape[1]}"
        )
    where = next(iter(sae.parameters()), None) if isinstance(sae, nn.Module) else None
    given = activations if where is None else activations.to(where.device, where.dtype)
    width = getattr(config, "d_sae", None) or activations.shape[1]
    parts = [_given(encode(part), len(part), name) for part in given.split(max(1, MOST // width))]
    return sparse.vstack(parts, format="csr")


def _given(codes: Any, rows: int, name: str) -> sparse.csr_array:
    """What a callable gave for some activations, as codes float32 [rows, F]."""
    if not is_array(codes) or isinstance(codes, Rows):
        raise UserError(f"model {name}: its SAE gave no array, but a {type(codes).__name__}")
    if len(codes.shape) != 2 or codes.shape[0] != rows:
        raise UserError(
            f"model {name}: its SAE must give codes [{rows}, features], got {list(codes.shape)}"
        )
    return compressed(codes)


def _site_of(sae: Any) -> str | None:
    """The hook point that an SAE of sae_lens says it was trained at."""
    metadata = getattr(getattr(sae, "cfg", None), "metadata", None)
    return getattr(metadata, "hook_name", None)


def _run(model: Any, tokens: Tensor, site: str | None, name: str) -> Tensor:
    """Activations [D, T, ...] of token ids [D, T]."""
    if not hasattr(model, "run_with_cache"):
        if not callable(model):
            raise UserError(
                f"model {name}: must be a HookedTransformer, a callable that gives activations, or "
                f"activations as an array, got {type(model).__name__}"
            )
        values = model(tokens)
        if not isinstance(values, Tensor | np.ndarray):
            raise UserError(f"model {name}: it gave no array, but a {type(values).__name__}")
        return torch.as_tensor(values)
    if site is None:
        raise UserError(f"model {name}: its SAE names no hook point; give site=")
    _refuse_tokens(getattr(model, "cfg", None), tokens, name)
    where = next(iter(model.parameters())).device
    _, cache = model.run_with_cache(tokens.to(where), names_filter=[site], return_type=None)
    if site not in cache:
        raise UserError(f"model {name}: it has no hook point {site!r}")
    return cache[site]


def _refuse_tokens(config: Any, tokens: Tensor, name: str) -> None:
    """Raise UserError for tokens that a HookedTransformer of this configuration cannot read."""
    context, values = getattr(config, "n_ctx", None), getattr(config, "d_vocab", None)
    if context and tokens.shape[1] > context:
        raise UserError(
            f"model {name}: it reads {context:,} tokens, and documents have up to "
            f"{tokens.shape[1]:,}"
        )
    if values and tokens.numel() and int(tokens.max()) >= values > 0:
        raise UserError(
            f"model {name}: it knows tokens 0 to {values - 1}, and there is {int(tokens.max())}"
        )


def activations_at(model: nn.Module, module: str) -> Callable[[Tensor], Tensor]:
    """A callable that gives what one module of any network puts out, on token ids [D, T].

    module: its name within the network, as ``named_modules`` has it, such as "blocks.1". Of an
    output that is a tuple, its first. Raises UserError for a name that the network does not have.
    """
    modules = dict(model.named_modules())
    if module not in modules:
        some = ", ".join(name for name in modules if name)
        raise UserError(f"the network has no module {module!r}; it has {some}")

    def give(tokens: Tensor) -> Tensor:
        found: list[Any] = []
        hook = modules[module].register_forward_hook(lambda *given: found.append(given[2]))
        try:
            where = next(iter(model.parameters())).device
            model(tokens.to(where))
        finally:
            hook.remove()
        output = found[0]
        return output[0] if isinstance(output, tuple) else output

    return give
