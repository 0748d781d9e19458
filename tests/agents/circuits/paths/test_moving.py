"""A piece moved from other prompts makes attention and logits go where its content says."""

from __future__ import annotations

import pytest
import torch

from agents.circuits.paths import (
    LOGITS,
    Pair,
    Path,
    Receiver,
    Sender,
    head,
    moved_attention,
    moved_logits,
)
from tests.helpers.planted_circuits import letters, names_network, names_prompts

A, B, C, D = letters(6, 4, seed=3).unbind(1)
BASE = names_prompts(torch.stack([A, B, B], 1))
OTHER_PLACE = names_prompts(torch.stack([D, C, D], 1))
SAME_PLACE = names_prompts(torch.stack([C, D, D], 1))
TO_QUERY = Path.of(Sender(head(1, 0)), Receiver(head(2, 0), "q"))
TO_LOGITS = Path.of(Sender(head(1, 0)), Receiver(head(2, 0), "q"), LOGITS)


@pytest.mark.parametrize(("new", "winner"), [(OTHER_PLACE, "N2"), (SAME_PLACE, "N1")])
def test_the_inhibition_signal_moves_attention_by_place(new, winner):
    pair = Pair.of(names_network(), BASE, new)
    moved = moved_attention(pair, TO_QUERY, "END", ("N1", "N2", "S2"))
    assert moved.favours(winner).all()
    expected = torch.full((6,), 1.0 if winner == "N2" else 0.0)
    torch.testing.assert_close(moved.gain("N2"), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(moved.before.sum(1), torch.ones(6))


def test_and_the_logits_go_to_the_name_there_not_to_that_of_the_source():
    pair = Pair.of(names_network(), BASE, OTHER_PLACE)
    tokens = {"IO": A, "S": B, "IO of the source": C}
    moved = moved_logits(pair, TO_LOGITS, BASE.columns["END"], tokens)
    assert moved.favours("S").all()
    torch.testing.assert_close(moved.gain("IO"), torch.full((6,), -1.0))
    torch.testing.assert_close(moved.gain("IO of the source"), torch.zeros(6))


def test_attention_moves_at_a_head():
    pair = Pair.of(names_network(), BASE, OTHER_PLACE)
    with pytest.raises(ValueError, match="does not end at one head"):
        moved_attention(pair, TO_LOGITS, "END", ("N1",))
