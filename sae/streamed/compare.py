"""``compare``: the features of anyone's models, matched between a null and a noise ceiling."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sae.comparison.compare import compare_features
from sae.comparison.nulls import Null
from sae.comparison.nulls import nulls as registered
from sae.comparison.nulls.within_cell import WithinCell
from sae.comparison.nulls.within_prediction import WithinPrediction
from sae.config import ComparisonConfig
from sae.matching.features import Features
from sae.streamed.coders import Coder, coders_of, is_array
from sae.streamed.codes import stored_features
from sae.streamed.contexts import Texts, find_contexts
from sae.streamed.documents import PADDING, Documents, documents_of, writable
from sae.streamed.rows import StoredRows
from sae.streamed.spool import ROW, Batch, Spool, Store
from sae.streamed.tables import ModelComparison, Where, Word
from world import Stream
from world.core.errors import UserError

STRETCH = 128
"""Tokens that are taken for a document where nothing is known of documents."""
LOCAL = (WithinCell, WithinPrediction)
"""Nulls that permute within cells, and so can be drawn block by block."""
NO_WORD = "·"


def compare(
    models: Any,
    saes: Any,
    tokens: Any = None,
    *,
    site: str | None = None,
    cells: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    columns: Mapping[str, Any] | None = None,
    words: Sequence[str] | Mapping[int, str] | Word | None = None,
    nulls: Sequence[str | Null] = ("within_cell",),
    min_firings: int = 50,
    permutations: int = 3,
    resamples: int = 300,
    skip: int = 1,
    seed: int = 0,
    folder: Path | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> ModelComparison:
    """Compare models by the features of their SAEs, on the same tokens.

    Memory does not grow with the number of tokens, beyond some 30 bytes a document: codes lie on
    the disk meanwhile, 8 bytes for each that is not zero.

    models: by name or in order; each a HookedTransformer, a callable from token ids int64 [D, T]
    to activations [D, T, d], or activations [N, d] of the N tokens that are not padding. None where
    all SAEs are codes as arrays. saes: under the same names; each an SAE of sae_lens, a callable
    from activations [n, d] to codes [n, F], or codes [N, F] as an array, dense or of SciPy; or a
    list of these, of which the first is compared and the others are the noise ceiling, without
    which universality has no value. tokens: see ``documents_of``; None where nothing is known of
    them. site: the hook point, by default that of the SAE. cells: what rows have in common that the
    null permutes: of "token", "position" (by octaves), "kind" and the names of columns; by default
    the first two, and "kind" where there are kinds. kinds: of each document. columns: int [D, T] by
    name. words: what tokens are called, by default by their numbers. nulls: names or objects, of
    "within_cell" and "within_prediction" (the next token is the same, too); the first is the
    reference. min_firings: on either split, of features that are compared. permutations: draws of
    each null. resamples: of documents, for intervals. skip: tokens at the start of each document
    that are not compared. folder: where chunks are written, by default that of temporary files.
    report: told in a few words what is done.

    An SAE must encode each token by itself: of BatchTopK, the form for inference. Matches are
    chosen on one half of the documents, by their hash, and every figure is of the other. Raises
    UserError for what does not fit together.
    """
    if skip < 0:
        raise UserError(f"skip must be 0 or more, got {skip}")
    coders = coders_of(models, saes, site)
    config = _config(nulls, min_firings, permutations, resamples)
    given = _unknown(coders) if tokens is None else documents_of(tokens, kinds, columns)
    if tokens is None and cells is None:
        cells = ("position",)
    word = (lambda _: NO_WORD) if tokens is None else _word(words)
    with tempfile.TemporaryDirectory(dir=folder, prefix="culture-sim-compare-") as place:
        reader = _Reader(coders, Path(place), cells, skip, report)
        stored = reader.read(given)
        return _compared(coders, stored, config, Stream(seed, "compare"), word, report)


def _config(
    nulls: Sequence[str | Null], min_firings: int, permutations: int, resamples: int
) -> ComparisonConfig:
    named = (nulls,) if isinstance(nulls, str) else nulls
    try:
        return ComparisonConfig(
            min_firings=min_firings,
            nulls=tuple(map(_null, named)),
            baselines=(),
            permutations=permutations,
            resamples=resamples,
        )
    except UserError as error:  # which names options as those of a run are called
        raise UserError(str(error).removeprefix("sae.")) from None


def _compared(
    coders: Sequence[Coder],
    stored: tuple[Store, Texts],
    config: ComparisonConfig,
    stream: Stream,
    word: Word,
    report: Callable[[str], None],
) -> ModelComparison:
    """The comparison of codes and texts on the disk."""
    store, texts = stored
    features = {
        number: [stored_features(store, one, config.min_firings) for one in dictionaries]
        for number, dictionaries in enumerate(_dictionaries(coders))
    }
    first = {number: each[0] for number, each in features.items()}
    report("comparing features")
    found = compare_features(features, StoredRows(store), config, stream)
    report("finding the contexts that excite features")
    return ModelComparison(
        **vars(found),
        names=tuple(coder.name for coder in coders),
        where=_where(coders, first),
        config=config,
        features=first,
        examples=find_contexts(found.families, first, store, texts),
        word=word,
        saes=_figures(features),
    )


def _dictionaries(coders: Sequence[Coder]) -> list[range]:
    """Of every model, the numbers of its SAEs among all."""
    ends = np.cumsum([0, *(len(coder.saes) for coder in coders)]).tolist()
    return [range(*ends[k : k + 2]) for k in range(len(coders))]


class _Reader:
    """Reads documents once, and writes the codes of all models to the disk."""

    def __init__(
        self,
        coders: Sequence[Coder],
        folder: Path,
        cells: Sequence[str] | None,
        skip: int,
        report: Callable[[str], None],
    ) -> None:
        self._coders, self._folder, self._report = coders, folder, report
        self._cells, self._skip = cells, skip
        self._spool: Spool | None = None
        self._lengths: list[NDArray[np.int64]] = []
        self._kinds: list[NDArray[np.int64]] = []
        self._names: dict[str, int] = {}
        self._tokens = self._documents = 0

    def read(self, batches: Iterable[Documents]) -> tuple[Store, Texts]:
        """Everything on the disk, and the texts."""
        path = self._folder / "tokens"
        with path.open("wb") as file:
            for documents in batches:
                there = documents.tokens != PADDING
                documents.tokens[there].astype("<i4").tofile(file)
                self._add(documents)
                self._report(f"read {self._tokens:,} tokens")
        for coder in self._coders:
            self._check_length(coder)
        if self._spool is None:
            raise UserError("there are no tokens to compare on")
        starts = np.concatenate([[0], np.cumsum(np.concatenate(self._lengths))])
        names = tuple(map(writable, self._names))
        return self._spool.finish(), Texts(path, starts, np.concatenate(self._kinds), names)

    def _add(self, documents: Documents) -> None:
        lengths, there = documents.lengths, documents.tokens != PADDING
        kept = there & (np.arange(there.shape[1]) >= self._skip)
        codes = [
            one for coder in self._coders for one in coder.codes(documents, kept, self._tokens)
        ]
        if self._spool is None:
            self._spool = Spool(self._folder, [one.shape[1] for one in codes])
        self._spool.add_documents(documents.hashes)
        self._spool.add(Batch(self._rows(documents, kept), codes))
        numbers = np.full(len(documents), -1, dtype=np.int64)
        for row, kind in enumerate(() if documents.kinds is None else documents.kinds):
            numbers[row] = self._names.setdefault(kind, len(self._names))
        self._kinds.append(numbers)
        self._lengths.append(lengths)
        self._tokens += int(lengths.sum())
        self._documents += len(documents)

    def _rows(self, documents: Documents, kept: NDArray[np.bool_]) -> NDArray[np.void]:
        there = documents.tokens != PADDING
        place = np.full(there.shape, -1, dtype=np.int64)
        place[there] = self._tokens + np.arange(int(there.sum()))
        following = np.full(there.shape, -1, dtype=np.int64)
        following[:, :-1] = documents.tokens[:, 1:]
        document = self._documents + np.nonzero(kept)[0]
        default = ("token", "position", *(["kind"] if documents.kinds is not None else []))
        named = (self._cells,) if isinstance(self._cells, str) else self._cells
        cells = documents.cells(named or default, self._names)
        rows = np.zeros(int(kept.sum()), dtype=ROW)
        rows["row"], rows["document"] = place[kept], document
        rows["cell"], rows["target"] = cells[kept], following[kept]
        return rows

    def _check_length(self, coder: Coder) -> None:
        for values in (coder.model, *coder.saes):
            if is_array(values) and values.shape[0] != self._tokens:
                raise UserError(
                    f"model {coder.name}: codes or activations of {values.shape[0]:,} tokens, and "
                    f"there are {self._tokens:,}"
                )


def _null(given: str | Null) -> Null:
    """Raises UserError for one that is not known, or does not permute within cells."""
    if isinstance(given, str) and given not in registered:
        raise UserError(f"unknown null {given!r}; known here: within_cell, within_prediction")
    null = registered[given]() if isinstance(given, str) else given
    if not isinstance(null, LOCAL):
        raise UserError(
            f"the null {type(null).__name__} does not permute within cells; known here: "
            "within_cell, within_prediction"
        )
    return null


def _unknown(coders: Sequence[Coder]) -> Iterable[Documents]:
    """Stretches of tokens of which nothing is known, as many as there are codes."""
    arrays = [sae for coder in coders for sae in coder.saes if is_array(sae)]
    arrays += [coder.model for coder in coders if is_array(coder.model)]
    if not arrays:
        raise UserError("without tokens there must be codes, or activations, as arrays")
    for start in range(0, arrays[0].shape[0], STRETCH):
        length = min(STRETCH, arrays[0].shape[0] - start)
        # Numbered, so that no two stretches are taken for one text.
        yield Documents(start + np.arange(length)[None], None, {})


def _word(words: Any) -> Word:
    if words is None:
        return str
    if callable(words):
        return lambda token: str(words(token))
    if isinstance(words, Mapping):
        return lambda token: str(words.get(token, token))
    return lambda token: str(words[token]) if token < len(words) else str(token)


def _where(coders: Sequence[Coder], features: Mapping[int, Features]) -> Where:
    sites, kinds = [], []
    for coder, of in zip(coders, features.values(), strict=True):
        config = getattr(coder.saes[0], "cfg", None)
        metadata = getattr(config, "metadata", None)
        sites.append(coder.site or getattr(metadata, "hook_name", None) or "given codes")
        architecture = getattr(config, "architecture", None)
        kinds.append(f"{architecture() if callable(architecture) else 'codes'}-{of.size}")
    return Where(", ".join(dict.fromkeys(sites)), ", ".join(dict.fromkeys(kinds)))


def _figures(features: Mapping[int, Sequence[Features]]) -> list[dict[str, Any]]:
    """Of every SAE: features, how many are compared and never fire, and how many fire a token."""
    return [
        {
            "agent": number,
            "sae": place,
            "features": of.size,
            "compared": of.compared,
            "silent": float((of.firings == 0).mean()),
            "l0": float(of.firings.sum() / max(of.tokens, 1)),
        }
        for number, each in features.items()
        for place, of in enumerate(each)
    ]
