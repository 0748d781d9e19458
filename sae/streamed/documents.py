"""Documents of tokens, batch by batch, and what is known of every token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from world.core.errors import UserError
from world.core.hashing import hash_rows, mix

PADDING = -1
"""In place of a token, behind the last of a document."""
MOST = 2**31 - 1
"""The highest token id."""
BATCH = 1 << 13
"""Tokens of a batch, about."""
CELLS = ("token", "position", "kind")
"""What is known of every token, beside columns of one's own."""


@dataclass(frozen=True)
class Documents:
    """D documents of at most T tokens.

    tokens: int64 [D, T], -1 for padding, behind the last token only. kinds: what kind of document
    each is, D names, None where it is not known. columns: int [D, T] by name, whatever else is
    known of every token.
    """

    tokens: NDArray[np.int64]
    kinds: Sequence[str] | None = None
    columns: Mapping[str, NDArray[np.integer]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tokens = self.tokens
        if tokens.ndim != 2:
            raise UserError(f"tokens must be [documents, tokens], got {tokens.ndim} dimensions")
        there = tokens != PADDING
        if (there[:, 1:] & ~there[:, :-1]).any() or (tokens < PADDING).any():
            raise UserError("tokens must be 0 or more, with -1 for padding behind the last alone")
        if tokens.size and tokens.max() > MOST:
            raise UserError(f"tokens must be {MOST:,} at the most, got {tokens.max():,}")
        if self.kinds is not None and len(self.kinds) != len(tokens):
            raise UserError(f"there are {len(self.kinds)} kinds for {len(tokens)} documents")
        for name, column in self.columns.items():
            if name in ("", *CELLS):
                raise UserError(
                    f"a column cannot be called {name!r}; known already: {', '.join(CELLS)}"
                )
            if column.shape != tokens.shape:
                raise UserError(
                    f"the column {name!r} must have the tokens' shape {tokens.shape}, got "
                    f"{column.shape}"
                )

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """int64 [D]: tokens of each."""
        return (self.tokens != PADDING).sum(axis=1)

    @property
    def hashes(self) -> NDArray[np.uint64]:
        """uint64 [D]: equal for documents of the same tokens, however long their padding is."""
        shifted = (self.tokens + 1).astype(np.uint64)
        # Padding is 0 then, and must change nothing.
        total = np.zeros(len(self), dtype=np.uint64)
        for column in shifted.T:
            further = mix(total * np.uint64(0xC2B2AE3D27D4EB4F) + column)
            total = np.where(column > 0, further, total)
        return total

    def cells(self, names: Sequence[str], kinds: dict[str, int]) -> NDArray[np.uint64]:
        """uint64 [D, T]: a hash of the cell of every token. kinds: numbers of kinds, added to."""
        parts = [self._part(name, kinds) for name in names]
        stacked = np.stack([part.astype(np.int64).ravel() for part in parts], axis=1)
        return hash_rows(stacked.view(np.uint64)).reshape(self.tokens.shape)

    def _part(self, name: str, kinds: dict[str, int]) -> NDArray[np.integer]:
        if name == "token":
            return self.tokens
        if name == "position":
            return np.broadcast_to(octave(np.arange(self.tokens.shape[1])), self.tokens.shape)
        if name == "kind" and self.kinds is not None:
            numbers = np.array([kinds.setdefault(kind, len(kinds)) for kind in self.kinds])
            return np.broadcast_to(numbers[:, None], self.tokens.shape)
        if name in self.columns:
            return self.columns[name]
        known = ", ".join([*CELLS[: 2 + (self.kinds is not None)], *self.columns])
        raise UserError(f"cells: nothing is known of {name!r} for every token; known: {known}")


def writable(text: Any) -> str:
    """A name as it can be written: "?" for half a character, as in a file's name or in JSON."""
    return str(text).encode(errors="replace").decode()


def octave(position: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64: 0 for the first place, 1 for the second, 2 for the next two, 3 for the next four ...

    How a network sees a place varies with its logarithm; with every place a cell of its own, nearly
    all tokens would be alone in theirs.
    """
    return np.ceil(np.log2(position + 1)).astype(np.int64)


def documents_of(
    tokens: Any,
    kinds: Sequence[str] | None = None,
    columns: Mapping[str, Any] | None = None,
) -> Iterator[Documents]:
    """Documents batch by batch, of an array [D, T] of token ids (-1: padding), of D sequences of
    different lengths, or of an iterable of ``Documents`` or of arrays [d, T], which is gone through
    once. kinds, columns: of an array or sequences.

    Raises UserError for what is none of these.
    """
    if _at_once(tokens):
        yield from _cut(all_documents(tokens, kinds, columns))
    elif isinstance(tokens, Iterable) and not isinstance(tokens, str | bytes | Mapping):
        if kinds is not None or columns:
            raise UserError("give kinds and columns with each batch, as sae.Documents")
        for batch in tokens:
            yield from _cut(all_documents(batch))
    else:
        raise UserError(
            f"tokens must be an array, sequences or batches, got {type(tokens).__name__}"
        )


def all_documents(
    tokens: Any, kinds: Sequence[str] | None = None, columns: Mapping[str, Any] | None = None
) -> Documents:
    """Documents of an array [D, T] of token ids, of D sequences, or as they are; UserError for what
    is none of these."""
    if isinstance(tokens, Documents):
        return tokens
    if not _at_once(tokens):
        raise UserError(
            f"documents must be an array [documents, tokens], sequences of token ids, or "
            f"sae.Documents, got {type(tokens).__name__}"
        )
    if isinstance(tokens, Sequence):
        return _padded(tokens, kinds, columns or {})
    found = {
        name: whole(column, f"the column {name!r}") for name, column in (columns or {}).items()
    }
    return Documents(whole(tokens, "tokens"), kinds, found)


def _at_once(tokens: Any) -> bool:
    """Whether it is documents, and no batches of these."""
    if isinstance(tokens, Sequence):
        return bool(tokens) and all(map(_is_document, tokens))
    return isinstance(tokens, Documents | np.ndarray | torch.Tensor)


def _is_document(value: Any) -> bool:
    """Whether it is the tokens of one document, and no batch of several."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return value.ndim == 1
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return False
    return not value or not isinstance(value[0], Sequence | np.ndarray | torch.Tensor)


def _padded(
    tokens: Sequence[Sequence[int]], kinds: Sequence[str] | None, columns: Mapping[str, Any]
) -> Documents:
    if columns:
        raise UserError("columns of one's own need tokens as an array [documents, tokens]")
    padded = np.full((len(tokens), max(map(len, tokens))), PADDING, dtype=np.int64)
    for row, document in zip(padded, tokens, strict=True):
        if len(document):
            row[: len(document)] = whole(document, "tokens")
    return Documents(padded, kinds)


def whole(values: Any, what: str) -> NDArray[np.int64]:
    """int64, of an array or tensor; raises UserError for one of other numbers."""
    array = (
        values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    )
    if array.dtype.kind not in "iu":
        raise UserError(f"{what} must be whole numbers, got {array.dtype}")
    return array.astype(np.int64)


def _cut(documents: Documents) -> Iterator[Documents]:
    some = max(1, BATCH // max(documents.tokens.shape[1], 1))
    for start in range(0, len(documents), some):
        part = slice(start, start + some)
        yield Documents(
            documents.tokens[part],
            None if documents.kinds is None else documents.kinds[part],
            {name: column[part] for name, column in documents.columns.items()},
        )
