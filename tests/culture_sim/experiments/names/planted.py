"""The planted circuit of names, with sentences to take it apart by: what is true of it is known."""

from __future__ import annotations

import numpy as np
import torch

from agents.circuits.heads import head_scores
from agents.circuits.paths import Network, Prompts
from culture_sim.experiments.names.cases import AFTER_IO, AFTER_S1, END, IO, S1, S2, Cases
from culture_sim.experiments.names.circuit import Dissection, Measured
from culture_sim.experiments.names.effects import Sentences
from tests.helpers.planted_circuits import END as LAST_WORD
from tests.helpers.planted_circuits import FILLER, LETTERS, NAMES_LENGTH, START, letters

COUNT = 16


def prompts(first, second, giver, shift=0) -> Prompts:
    """Start, fillers, two names, a filler, who gives, fillers, the last word."""
    tokens = torch.full((len(first), NAMES_LENGTH), FILLER)
    tokens[:, 0], tokens[:, -1] = START, LAST_WORD
    at = 1 + shift
    tokens[:, at], tokens[:, at + 1], tokens[:, at + 3] = first, second, giver
    return Prompts(tokens)


def named(words: Prompts, io_first, shift=0) -> Prompts:
    """With columns; io_first: bool [B], whether the first name is IO."""
    first = torch.full((len(words),), 1 + shift)
    io = torch.where(io_first, first, first + 1)
    s1 = torch.where(io_first, first + 1, first)
    end = torch.full_like(first, NAMES_LENGTH - 1)
    places = (io, s1, io + 1, s1 + 1, first + 3, end)
    return Prompts(
        words.tokens, dict(zip((IO, S1, AFTER_IO, AFTER_S1, S2, END), places, strict=True))
    )


def planted_cases(count: int = COUNT) -> Cases:
    """Half of them A B B, half B A B."""
    a, b, c, d = letters(count, 4, seed=5).unbind(1)
    io_first = torch.arange(count) % 2 == 0

    def case(io, s, giver, io_first=io_first, shift=0):
        first, second = torch.where(io_first, io, s), torch.where(io_first, s, io)
        return named(prompts(first, second, giver, shift), io_first, shift)

    base = case(a, b, b)
    words = base.tokens.clone()
    words[torch.arange(count), base.columns[IO]] = FILLER
    changed = {
        "io": case(c, b, b),
        "s": case(a, d, d),
        "both": case(c, d, d),
        "order": case(a, b, b, ~io_first),
        "giver": case(a, b, a),
        "s1": case(a, c, b),
        "moved": case(a, b, b, shift=1),
        "scenery": base,
    }
    return Cases(base, a, b, torch.tensor(LETTERS), changed, Prompts(words, base.columns))


def dissected(model, through_mlps=True) -> Measured:
    """What is measured of a planted network."""
    network, rng = Network(model), np.random.default_rng(0)
    sentences = Sentences(network, planted_cases(), rng, through_mlps)
    return Dissection(sentences, head_scores(network, list(LETTERS), 3, rng)).measured()
