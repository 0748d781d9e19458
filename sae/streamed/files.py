"""Codes and tokens as safetensors: one file a model, read some rows at a time.

docs/compare.md has the layout. A file is opened anew for every batch, so that none of it stays in
memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy import sparse

from sae.matching.correlation import arrays
from sae.streamed.coders import Rows, compressed, is_array, readable
from sae.streamed.documents import PADDING, Documents, all_documents, whole
from world.core.errors import UserError, first_line
from world.core.files import json_text, replacing

FLOATS = ("F16", "BF16", "F32", "F64")
INTEGERS = ("I64", "I32", "I16", "I8", "U8", "U16", "U32", "U64")
PARTS = ("start", "feature", "value", "features")
"""Of sparse codes: where rows begin, the features that fire, how strongly, how many there are."""
CEILING = re.compile(r"^ceiling(_\d+)?$")
STRETCH = 128
"""Tokens that are taken for a document where the file does not say."""
READ = 1 << 16
"""Tokens that are read at a time."""
KINDS = "kinds"
"""The tensor of the kind of every document, and the entry of the metadata with names of kinds."""
COLUMN = "column."


@dataclass(frozen=True)
class TensorFile:
    """A safetensors file. Raises UserError for one that is damaged or is none."""

    path: Path

    @cached_property
    def tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and shape by name."""
        with self._opened() as file:
            return {
                name: (part.get_dtype(), tuple(part.get_shape()))
                for name in file.keys()  # noqa: SIM118
                for part in [file.get_slice(name)]
            }

    @property
    def metadata(self) -> dict[str, str]:
        """What is said of the file."""
        with self._opened() as file:
            return file.metadata() or {}

    def read(self, name: str, low: int, high: int) -> torch.Tensor:
        """Entries low .. high of a tensor, along its first dimension."""
        with self._opened() as file:
            return file.get_slice(name)[low:high]

    def whole_numbers(self, name: str, low: int, high: int) -> NDArray[np.int64]:
        """The same of whole numbers."""
        return whole(self.read(name, low, high), f"{self.path}: {name}")

    def length(self, name: str, dimensions: int, kinds: tuple[str, ...]) -> tuple[int, ...]:
        """The shape of a tensor that must be of one of these types, of so many dimensions."""
        if name not in self.tensors:
            raise UserError(f"{self.path} has no tensor {name!r}; it has {', '.join(self.tensors)}")
        kind, shape = self.tensors[name]
        if kind not in kinds or len(shape) != dimensions:
            what = "numbers with a fraction" if kinds is FLOATS else "whole numbers"
            raise UserError(
                f"{self.path}: {name} must be {what} of {dimensions} dimensions, got {kind} "
                f"{list(shape)}"
            )
        return shape

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        if self.path.is_dir():
            raise UserError(f"{self.path} is a folder; name a safetensors file in it")
        try:
            with safe_open(self.path, framework="pt") as file:
                yield file
        except FileNotFoundError:
            raise UserError(f"{self.path} is not there") from None
        except PermissionError:
            raise UserError(f"{self.path} cannot be read: permission denied") from None
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"{self.path} is damaged, or no safetensors file ({first_line(error)})"
            ) from None


class FileCodes(Rows):
    """Codes [N, F] in a file, dense or sparse, under a name."""

    def __init__(self, file: TensorFile, name: str) -> None:
        self._file, self._name, self._sparse = file, name, name not in file.tensors
        if not self._sparse:
            rows, features = file.length(name, 2, FLOATS)
            self.shape = rows, self._some(features)
            return
        start, feature, value, features_of = (f"{name}.{part}" for part in PARTS)
        entries = file.length(feature, 1, INTEGERS)
        if file.length(value, 1, FLOATS) != entries:
            raise UserError(f"{file.path}: {feature} and {value} must be of one length")
        (ends,) = file.length(start, 1, INTEGERS)
        if file.length(features_of, 1, INTEGERS) != (1,) or not ends:
            raise UserError(f"{file.path}: {features_of} must hold one number, {start} some")
        first, last = (int(file.whole_numbers(start, k, k + 1)[0]) for k in (0, ends - 1))
        if (first, last) != (0, entries[0]):
            raise UserError(f"{file.path}: {start} must go from 0 to {entries[0]}, the entries")
        self.shape = ends - 1, self._some(int(file.whole_numbers(features_of, 0, 1)[0]))

    def _some(self, features: int) -> int:
        if features < 1:
            raise UserError(
                f"{self._file.path}: {self._name} must have some features, got {features}"
            )
        return features

    def __getitem__(self, rows: NDArray[np.int64]) -> sparse.csr_array:
        if not len(rows):
            return sparse.csr_array((0, self.shape[1]), dtype=np.float32)
        low, high = int(rows[0]), int(rows[-1]) + 1
        if not self._sparse:
            dense = self._file.read(self._name, low, high)[torch.from_numpy(rows - low)]
            return compressed(dense)
        start, feature, value, _ = (f"{self._name}.{part}" for part in PARTS)
        ends = self._file.whole_numbers(start, low, high + 1)
        if (np.diff(ends) < 0).any() or ends[0] < 0 or ends[-1] > self._file.tensors[value][1][0]:
            raise UserError(f"{self._file.path}: {start} must rise, and stay among the entries")
        features = self._file.whole_numbers(feature, int(ends[0]), int(ends[-1]))
        if len(features) and not 0 <= features.min() <= features.max() < self.shape[1]:
            raise UserError(f"{self._file.path}: {feature} must be in 0 .. {self.shape[1] - 1}")
        values = self._file.read(value, int(ends[0]), int(ends[-1])).float().numpy()
        held = values, features.astype(np.int32), (ends - ends[0]).astype(np.int32)
        return sparse.csr_array(held, shape=(high - low, self.shape[1]))[rows - low]


def codes_of(file: TensorFile) -> list[FileCodes]:
    """The codes of a model's SAEs in a file: those that are compared, then its noise ceiling.

    Raises UserError where they are missing, of other types or shapes, or not of the same tokens.
    """
    names = {name.removesuffix(f".{part}") for name in file.tensors for part in PARTS}
    found = [FileCodes(file, "codes" if _has(file, "codes") else _missing(file))]
    found += [FileCodes(file, name) for name in sorted(names) if CEILING.match(name)]
    for codes in found[1:]:
        if codes.shape[0] != found[0].shape[0]:
            raise UserError(
                f"{file.path}: its codes must be of the same tokens, got {found[0].shape[0]:,} and "
                f"{codes.shape[0]:,}"
            )
    return found


def _has(file: TensorFile, name: str) -> bool:
    return name in file.tensors or f"{name}.start" in file.tensors


def _missing(file: TensorFile) -> str:
    raise UserError(
        f"{file.path} has no codes: it must hold 'codes' [tokens, features], or codes.start, "
        f"codes.feature, codes.value and codes.features; it has {', '.join(file.tensors) or 'none'}"
    )


@dataclass(frozen=True)
class FileTokens:
    """Tokens in a file, with what is known of them, document by document."""

    file: TensorFile

    def __post_init__(self) -> None:
        """Raises UserError for what does not fit together."""
        count = self.file.length("tokens", 1, INTEGERS)
        for name in self._rows:
            if self.file.length(name, 1, INTEGERS) != count:
                raise UserError(f"{self.file.path}: {name} must have as many entries as tokens")
        if KINDS in self.file.tensors:
            self.file.length(KINDS, 1, INTEGERS)

    def refuse_other(self, other: FileTokens) -> None:
        """Raise UserError unless another file has the same tokens in the same documents, as far as
        it says: codes of two models are of one text."""
        for name in ("tokens", "documents"):
            known = name in self.file.tensors and name in other.file.tensors
            if known and (len(self) != len(other) or not self._has_same(other, name)):
                raise UserError(
                    f"{self.file.path} and {other.file.path} differ in {name}; all codes must "
                    "be of one text"
                )

    def _has_same(self, other: FileTokens, name: str) -> bool:
        for low in range(0, len(self), READ):
            part = name, low, min(low + READ, len(self))
            if (self.file.whole_numbers(*part) != other.file.whole_numbers(*part)).any():
                return False
        return True

    def __len__(self) -> int:
        return self.file.tensors["tokens"][1][0]

    def __iter__(self) -> Iterator[Documents]:
        """Batches of whole documents. Raises UserError where documents are not in order."""
        held: dict[str, NDArray[np.int64]] = {}
        done = 0
        for low in range(0, len(self), READ):
            more = self._read(low, min(low + READ, len(self)))
            held = {k: np.concatenate([held[k], v]) for k, v in more.items()} if held else more
            last = low + READ >= len(self)
            document = held["documents"]
            if (np.diff(document) < 0).any():
                raise UserError(f"{self.file.path}: documents must be in order, 0, 0, 1, 1 ...")
            # The last document may go on.
            end = len(document) if last else int(np.searchsorted(document, document[-1]))
            if end:
                batch = self._documents({name: part[:end] for name, part in held.items()}, done)
                done += len(batch)
                held = {name: part[end:] for name, part in held.items()}
                yield batch
        if KINDS in self.file.tensors and self.file.tensors[KINDS][1][0] != done:
            raise self._other_kinds()

    @property
    def _rows(self) -> list[str]:
        """Tensors that have an entry for each token."""
        names = [name for name in self.file.tensors if name.startswith(COLUMN)]
        return ["tokens", *(["documents"] if "documents" in self.file.tensors else []), *names]

    def _read(self, low: int, high: int) -> dict[str, NDArray[np.int64]]:
        found = {name: self.file.whole_numbers(name, low, high) for name in self._rows}
        if "documents" not in found:
            found["documents"] = np.arange(low, high) // STRETCH
        return found

    def _documents(self, flat: Mapping[str, NDArray[np.int64]], done: int) -> Documents:
        _, start, length = np.unique(flat["documents"], return_index=True, return_counts=True)
        row = np.repeat(np.arange(len(start)), length)
        place = row, np.arange(len(row)) - np.repeat(start, length)
        shape = len(start), int(length.max())

        def padded(values: NDArray[np.int64], empty: int) -> NDArray[np.int64]:
            array = np.full(shape, empty, dtype=np.int64)
            array[place] = values
            return array

        columns = {
            name.removeprefix(COLUMN): padded(values, 0)
            for name, values in flat.items()
            if name.startswith(COLUMN)
        }
        return Documents(padded(flat["tokens"], PADDING), self._kinds(done, len(start)), columns)

    def _kinds(self, first: int, count: int) -> list[str] | None:
        if KINDS not in self.file.tensors:
            return None
        numbers = self.file.whole_numbers(KINDS, first, first + count)
        if len(numbers) < count:
            raise self._other_kinds()
        names = self._names
        if len(numbers) and names and not 0 <= numbers.min() <= numbers.max() < len(names):
            raise UserError(f"{self.file.path}: {KINDS} must be in 0 .. {len(names) - 1}")
        return [names[number] if names else str(number) for number in numbers.tolist()]

    def _other_kinds(self) -> UserError:
        return UserError(f"{self.file.path}: {KINDS} must have an entry for each document")

    @cached_property
    def _names(self) -> list[str]:
        try:
            names = json.loads(self.file.metadata.get(KINDS, "[]"))
        except (ValueError, RecursionError):
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UserError(f"{self.file.path}: the metadata's {KINDS!r} must be a list of names")
        return names


def save_codes(
    path: Path,
    codes: Any,
    *,
    ceiling: Any = None,
    tokens: Any = None,
    kinds: list[str] | None = None,
) -> None:
    """Write the codes of a model as a file that ``culture-sim compare`` reads, sparse.

    codes, ceiling: [N, F], an array, a tensor or of SciPy; of the SAE that is compared and of
    another of the same model. tokens: int [D, T] (-1: padding) or D sequences, N that are not
    padding; None where another file has them. kinds: of each document. All of it must fit into
    memory at once. Raises UserError for what does not fit together, and for values that are not
    finite.
    """
    tensors: dict[str, NDArray[Any]] = {}
    metadata: dict[str, str] = {}
    if tokens is not None:
        documents = all_documents(tokens, kinds)
        there = documents.tokens != PADDING
        tensors["tokens"] = documents.tokens[there]
        tensors["documents"] = np.nonzero(there)[0].astype(np.int64)
    elif kinds is not None:
        raise UserError("kinds are of documents, so give tokens with them")
    if kinds is not None:
        names = list(dict.fromkeys(kinds))
        tensors[KINDS] = np.array([names.index(kind) for kind in kinds], dtype=np.int64)
        metadata[KINDS] = json_text(names)
    count = None if tokens is None else len(tensors["tokens"])
    for name, values in (("codes", codes), ("ceiling", ceiling)):
        if values is not None:
            written = _finite(values, name, count)
            count = written.shape[0]
            tensors |= _parts(name, written)
    with replacing(Path(path)) as aside:
        save_file(tensors, aside, metadata)


def _parts(name: str, codes: sparse.csr_array) -> dict[str, NDArray[Any]]:
    start, feature, value = arrays(codes)
    return {
        f"{name}.start": start.astype(np.int64),
        f"{name}.feature": feature.astype(np.int32),
        f"{name}.value": value,
        f"{name}.features": np.array([codes.shape[1]], dtype=np.int64),
    }


def _finite(values: Any, name: str, rows: int | None) -> sparse.csr_array:
    """Codes [N, F] of so many tokens; raises UserError for others."""
    read = readable(values, name)
    if not is_array(read):
        raise UserError(f"{name} must be an array [tokens, features], got {type(read).__name__}")
    if rows not in (None, read.shape[0]):
        raise UserError(f"{name} must be of the same {rows:,} tokens, got {read.shape[0]:,}")
    found = compressed(read)
    if not np.isfinite(found.data).all():
        raise UserError(f"{name}: there are values that are not finite in float32")
    return found
