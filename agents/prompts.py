"""Many answers to the same prompts: a prompt is read once, and an answer whole, not token by token.

An answer is written by guessing it: what the agent would put at every place of a guess, given what
stands before, is the next guess. Up to the first difference the guess was right, so each reading
settles at least one token more, and a good first guess costs one (Jacobi decoding: A. Santilli et
al., 2023). That gives what writing token by token gives, up to the rounding of the products.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from agents.hooks import evaluating
from agents.layers import Cache
from agents.model import AgentModel, shift


class Prompts:
    """B quizzes with F answer tokens at the end, as one agent reads them; V token values.

    Rows of answers belong to the quizzes whose numbers are given beside them. An autocast that
    the caller has entered holds.
    """

    def __init__(self, model: AgentModel, tokens: Tensor, start: int) -> None:
        """Read int64 tokens [B, T] up to the answer, which begins at ``start``."""
        inputs = shift(tokens.to(model.unembed.weight.device))
        self._model = model
        self._before = inputs[:, start]
        with evaluating(model):
            self._cache = model.new_cache(len(tokens))
            model.extend(inputs[:, :start], self._cache)

    def log_prob(
        self, quiz: Tensor, answers: Tensor, counted: Tensor, batch_size: int = 256
    ) -> Tensor:
        """float32 [R]: log-probability in nats, over all V values, of answers int64 [R, F] to the
        quizzes int64 [R]. counted: bool [R, F], tokens of the answer that are no padding."""
        sums = [
            logits.log_softmax(-1)
            .gather(-1, answers[rows].to(logits.device)[..., None])[..., 0]
            .where(counted[rows].to(logits.device), torch.tensor(0.0))
            .sum(1)
            for rows, logits in self._read(quiz, answers, batch_size)
        ]
        return torch.cat(sums).cpu() if sums else torch.zeros(0)

    def write(self, quiz: Tensor, guess: Tensor, offsets: Tensor, batch_size: int = 256) -> Tensor:
        """int64 [R, F]: the argmax of logits + offsets [R, F, V], token after token.

        guess: int64 [R, F], what may come out; it decides how long it takes, not the outcome.
        """
        written = guess.clone()
        settled = torch.zeros(len(quiz), dtype=torch.int64)
        left = torch.arange(len(quiz))
        while len(left):
            chosen = self._choose(quiz[left], written[left], offsets[left], batch_size)
            place = torch.arange(guess.shape[1])
            # What was settled stays, though products of other shapes round otherwise.
            wrong = (chosen != written[left]) & (place >= settled[left, None])
            written[left] = torch.where(place >= settled[left, None], chosen, written[left])
            settled[left] = wrong.int().argmax(-1) + 1
            left = left[wrong.any(-1)]
        return written

    def _choose(self, quiz: Tensor, written: Tensor, offsets: Tensor, batch_size: int) -> Tensor:
        """int64 [R, F]: the next guess; equal rows are read once."""
        rows = torch.cat([quiz[:, None], written], dim=1)
        different, same = rows.unique(dim=0, return_inverse=True)
        read = self._read(different[:, 0], different[:, 1:], batch_size)
        logits = torch.cat([found.cpu() for _, found in read])
        return (logits[same] + offsets).argmax(-1)

    def _read(
        self, quiz: Tensor, answers: Tensor, batch_size: int
    ) -> Iterator[tuple[slice, Tensor]]:
        """Rows, and their logits float32 [r, F, V] for each token given those before it."""
        for start in range(0, len(quiz), batch_size):
            rows = slice(start, start + batch_size)
            own = quiz[rows].to(self._before.device)
            before = answers[rows, :-1].to(own.device)
            with evaluating(self._model):
                cache = self._cache_of(own)
                inputs = torch.cat([self._before[own, None], before], dim=1)
                yield rows, self._model.extend(inputs, cache).float()

    def _cache_of(self, quiz: Tensor) -> Cache:
        """A copy of what was read of some quizzes, which may be read on."""
        kept = self._cache
        keys, values = ([layer[quiz] for layer in each] for each in (kept.keys, kept.values))
        return Cache(keys, values, kept.length)
