"""A world's flips as a network reads them."""

from __future__ import annotations

import pytest
import torch

from culture_sim.circuits.prompts import flipped_prompts
from world import Stream
from world.core.errors import UserError
from world.names import NamesWorld

COUNT = 20


def test_the_answer_is_asked_for_where_the_last_word_has_been_read():
    world = NamesWorld()
    found = flipped_prompts(world, COUNT, Stream(0, "test"))
    assert set(found.changed) == set(found.about) == set(world.flips)
    assert found.telling == tuple(kind for kind in world.flips if kind != "scenery")
    row = torch.arange(COUNT)

    def said(prompts, place):
        return prompts.tokens[row, prompts.columns[place]]

    giver, base = found.changed["giver"], found.base
    assert torch.equal(said(base, "io"), found.right)
    assert torch.equal(said(base, "s1"), found.wrong)
    assert torch.equal(said(base, "s2"), found.wrong)
    assert torch.equal(said(giver, "s2"), found.right)
    assert {world.vocab[word] for word in said(base, "end").tolist()} <= {"to", "for"}
    logits = torch.zeros(COUNT, world.seq_len, world.vocab_size)
    logits[row, base.columns["end"], found.right] = 2.0
    logits[row, base.columns["end"], found.wrong] = 0.5
    assert found.metric(logits).tolist() == [1.5] * COUNT
    assert found.metric_of(row[:3])(logits[:3]).tolist() == [1.5] * 3


def test_worlds_without_such_sentences_are_refused():
    with pytest.raises(UserError, match="0 can be changed"):
        flipped_prompts(NamesWorld(tasks=("abc",)), COUNT, Stream(0, "test"))
