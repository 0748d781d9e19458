"""Features as SAEDashboard writes them for Neuronpedia: JSON of logits, histograms, activations.

The format is that of ``NeuronpediaDashboardBatch`` in the repository jbloomAus/SAEDashboard, which
Neuronpedia's tools convert and import; docs/export.md says what of it is left empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sae.activations.harvest import TokenRows
from world import QuizBatch, World

START = "<start>"
"""What the token is called that stands before every sequence."""
LOGITS = 10
"""Token values that a feature promotes most, and as many that it suppresses most."""
BARS = 40
"""Of a histogram."""
INTERVALS = 5
"""Of equal width, from 0 to the highest activation; of each, some quizzes are shown."""
ALIGNED = 3
"""Dimensions of the activations that a feature's direction has most of."""
DIGITS = 4
"""Decimals of what is written; activations and logits are of the order of 1."""
TOP = {"bin_min": -1.0, "bin_contains": -1.0}
"""What the format says in place of an interval, of the quizzes of highest activation."""
Tree = dict[str, Any]


@dataclass(frozen=True)
class AgentFeatures:
    """The features of one SAE on N tokens of Q quizzes.

    model_id, sae_set, dataset: what Neuronpedia is to call agent, SAEs and quizzes. layer: of the
    site. codes: float32 [N, F]. rows: of these N tokens. logits: float32 [F, V] of
    ``sae.comparison.logits``, None where no direction can be read out. decoder: float32 [F, d].
    """

    model_id: str
    layer: int
    sae_set: str
    dataset: str
    world: World
    batch: QuizBatch
    rows: TokenRows
    codes: sparse.csr_array
    logits: NDArray[np.float32] | None
    decoder: NDArray[np.float32]

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        """V names of token values; a world may make them anew whenever it is asked."""
        return self.world.vocab

    @cached_property
    def firing(self) -> list[int]:
        """The features that fire on any of the tokens."""
        return np.flatnonzero(
            np.bincount(self.codes.indices, minlength=self.codes.shape[1])
        ).tolist()

    def skipped(self) -> Tree:
        """What skipped_indexes.json holds: the features of which there is nothing to show."""
        missing = sorted({*range(self.codes.shape[1])} - {*self.firing})
        named = {"model_id": self.model_id, "layer": str(self.layer), "sae_set": self.sae_set}
        return {**named, "log_sparsity": None, "skipped_indexes": missing}

    def batches(self, size: int, top: int, of_interval: int) -> Iterator[Tree]:
        """What each batch-N.json holds, of ``size`` features at the most.

        top: quizzes of highest activation. of_interval: quizzes of each of the INTERVALS.
        """
        columns, firing = self.codes.tocsc(), self.firing
        for start in range(0, len(firing), size):
            yield {
                "model_id": self.model_id,
                "layer": self.layer,
                "sae_set": self.sae_set,
                "sae_id_suffix": None,
                "features": [
                    self._feature(index, *_column(columns, index), top, of_interval)
                    for index in firing[start : start + size]
                ],
            }

    def _feature(
        self,
        index: int,
        row: NDArray[np.int64],
        value: NDArray[np.float32],
        top: int,
        of_interval: int,
    ) -> Tree:
        """One feature, which fires on these rows and so strongly."""
        heights, centres = _histogram(value)
        return {
            "feature_index": index,
            **self._alignment(self.decoder[index]),
            **{name: [] for name in EMPTY},
            **self._logits(index),
            "frac_nonzero": len(row) / len(self.rows),
            "freq_hist_data_bar_values": centres,
            "freq_hist_data_bar_heights": heights,
            "n_prompts_total": len(self.batch),
            "n_tokens_in_prompt": self.batch.tokens.shape[1],
            "dataset": self.dataset,
            "activations": [*self._shown(row, value, top, of_interval)],
        }

    def _alignment(self, direction: NDArray[np.float32]) -> Tree:
        most = np.argsort(-direction, kind="stable")[:ALIGNED]
        share = np.abs(direction[most]) / np.abs(direction).sum()
        return {
            "neuron_alignment_indices": most.tolist(),
            "neuron_alignment_values": _rounded(direction[most]),
            "neuron_alignment_l1": _rounded(share),
        }

    def _logits(self, index: int) -> Tree:
        if self.logits is None:
            return {name: [] for name in LOGIT_KEYS}
        logits, vocab = self.logits[index], self.vocab
        order = np.argsort(logits, kind="stable")[: min(LOGITS, len(vocab) // 2)]
        last = np.argsort(-logits, kind="stable")[: len(order)]
        heights, centres = _histogram(logits)
        found = (
            [vocab[value] for value in order],
            _rounded(logits[order]),
            [vocab[value] for value in last],
            _rounded(logits[last]),
            heights,
            centres,
        )
        return dict(zip(LOGIT_KEYS, found, strict=True))

    def _shown(
        self, row: NDArray[np.int64], value: NDArray[np.float32], top: int, of_interval: int
    ) -> Iterator[Tree]:
        """The quizzes of highest activation, then some of each interval, highest first."""
        highest = float(value.max())
        order = np.argsort(-value, kind="stable")
        for place in self._of_different_quizzes(row, order, top):
            yield self._activation(row, value, place, {**TOP, "bin_max": highest})
        bounds = np.linspace(0, highest, INTERVALS + 1)
        bounds[-1] = np.inf  # of rounding
        for low, high in reversed([*pairwise(bounds.tolist())]):
            within = order[(value[order] > low) & (value[order] <= high)]
            share = {"bin_min": low, "bin_max": min(high, highest)}
            share["bin_contains"] = len(within) / len(self.rows)
            spread = within[:: max(1, len(within) // max(1, of_interval))]
            for place in self._of_different_quizzes(row, spread, of_interval):
                yield self._activation(row, value, place, share)

    def _of_different_quizzes(
        self, row: NDArray[np.int64], order: NDArray[np.int64], count: int
    ) -> list[int]:
        """The first places in an order, one of each quiz, however it is written."""
        chosen: dict[int, int] = {}
        for place in order.tolist():
            if len(chosen) == count:
                break
            chosen.setdefault(int(self.rows.source[self.rows.quiz[row[place]]]), place)
        return list(chosen.values())

    def _activation(
        self, row: NDArray[np.int64], value: NDArray[np.float32], place: int, share: Tree
    ) -> Tree:
        """A whole quiz as the network reads it, and the feature's activation at each token."""
        quiz = self.rows.quiz[row[place]]
        here = self.rows.quiz[row] == quiz
        values = np.zeros(self.batch.tokens.shape[1])
        values[self.rows.position[row[here]]] = value[here]
        read = self.batch.tokens[quiz, :-1].tolist()
        return {
            **{name: round(number, DIGITS) for name, number in share.items()},
            "tokens": [START, *(self.vocab[token] for token in read)],
            "values": _rounded(values),
            "qualifying_token_index": int(self.rows.position[row[place]]),
        }


EMPTY = (
    *(f"correlated_neurons_{of}" for of in ("indices", "pearson", "l1")),
    *(f"correlated_features_{of}" for of in ("indices", "pearson", "l1")),
    *("decoder_weights_dist", "vector"),
)
"""What the format has room for and is not measured here."""
LOGIT_KEYS = (
    *("neg_str", "neg_values", "pos_str", "pos_values"),
    *("logits_hist_data_bar_heights", "logits_hist_data_bar_values"),
)


def _column(columns: sparse.csc_array, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows on which a feature fires, and how strongly."""
    inside = slice(*columns.indptr[index : index + 2])
    return columns.indices[inside].astype(np.int64), columns.data[inside]


def _histogram(values: NDArray[np.floating]) -> tuple[list[int], list[float]]:
    """How many values are in each of BARS bins of equal width, and the middles of these."""
    heights, edges = np.histogram(values, BARS)
    return heights.tolist(), _rounded((edges[1:] + edges[:-1]) / 2)


def _rounded(values: NDArray[np.floating]) -> list[float]:
    return [round(value, DIGITS) for value in values.astype(float).tolist()]
