"""Published agents: the same network here, and refusal of whatever is none."""

import pytest
import torch
from torch import nn

from agents.model import build_model
from culture_sim.imports.agents import read_agent
from culture_sim.presets.faithful import faithful
from tests.helpers.published import VOCAB, Shape, logits, tensors, write_agent
from world import Stream
from world.core.errors import UserError

SIZES = {
    "as 37M": Shape(),
    "as 4M": Shape(keys=8),
    "as 352M": Shape(dim=24, keys=4, hidden=20, heads=3, blocks=3),
}


@pytest.mark.parametrize("size", SIZES)
def test_an_agent_gives_the_logits_of_the_source(size, tmp_path):
    """With keys as wide as values, and narrower ones, which are padded."""
    shape = SIZES[size]
    found = read_agent(write_agent(tmp_path, 3, shape, accuracy=0.25), VOCAB)
    assert (found.number, found.accuracy) == (3, 0.25)
    assert found.origin["quizzes"] is None
    world = faithful().world
    model = build_model(found.size.model(), world, seed=1)
    model.load_state_dict(dict(found.weights))
    drawn = world.draw(Stream(0, "logits"), 0, 3, "test")
    tokens = torch.from_numpy(drawn.tokens).long()
    with torch.no_grad():
        ours = model.eval()(tokens)
    theirs = logits(tensors(shape, seed=3), tokens)
    assert theirs.std() > 0.3
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=0)


def test_an_accuracy_that_was_reset_is_unknown(tmp_path):
    assert read_agent(write_agent(tmp_path, 0, accuracy=None), VOCAB).accuracy is None
    assert read_agent(write_agent(tmp_path, 1, accuracy=0.0), VOCAB).accuracy == 0.0


def without(name):
    return lambda state: state.pop(name)


def with_value(name, change):
    def apply(state):
        state[name] = change(state[name])

    return apply


BROKEN = {
    "a tensor is missing": (without("trunk.3.f.f.4.bias"), "lacks trunk.3.f.f.4.bias"),
    "the embedding is missing": (without("embedding.0.f.0.weight"), "lacks embedding"),
    "a tensor too many": (with_value("readout.f.bias", lambda t: t), None),
    "another shape": (with_value("readout.f.bias", lambda t: t[:-1]), r"must have shape \[15\]"),
    "another vocabulary": (
        with_value("readout.f.weight", lambda t: torch.cat([t, t])),
        "must have shape",
    ),
    "half precision": (with_value("trunk.0.f.1.w_v", lambda t: t.half()), "must be float32"),
    "half precision throughout": (
        lambda state: state.update({name: t.half() for name, t in state.items()}),
        "must be float32",
    ),
    "no tensor": (with_value("trunk.0.f.1.w_v", lambda t: t.tolist()), "must be float32"),
    "not finite": (with_value("trunk.0.f.1.w_o", lambda t: t * torch.inf), "not finite"),
    "wide keys": (
        with_value("trunk.0.f.1.w_k", lambda t: torch.zeros(2, 32, 32)),
        "as in the source's size 17K",
    ),
    "narrow keys in one place": (
        with_value("trunk.2.f.1.w_k", lambda t: t[:, :8]),
        "must have shape",
    ),
    "sparse": (with_value("readout.f.bias", lambda t: t.to_sparse()), "no plain tensor"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_agent_is_refused_by_name(case, tmp_path):
    change, says = BROKEN[case]
    state = tensors()
    change(state)
    if says is None:
        state["another"] = torch.zeros(1)
        says = "has 'another' as well"
    path = tmp_path / "gpt_000.pth"
    torch.save((state, 0.5), path)
    with pytest.raises(UserError, match=says) as caught:
        read_agent(path, VOCAB)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


class Harmful:
    """What runs when it is unpickled."""

    ran = False

    def __reduce__(self):
        return run, ()


def run():
    Harmful.ran = True


CONTENTS = {
    "code": (lambda: (tensors(), Harmful()), "could run code"),
    "a module": (lambda: nn.Linear(1, 1), "could run code"),
    "weights alone": (tensors, "must hold weights and an accuracy, got OrderedDict"),
    "three things": (lambda: (tensors(), 0.5, 1), "got tuple of 3"),
    "names that are numbers": (lambda: ({1: torch.zeros(1)}, 0.5), "must begin with tensors"),
    "an accuracy above 1": (lambda: (tensors(), 1.5), r"in \[0, 1\], got 1.5"),
    "no accuracy": (lambda: (tensors(), None), "accuracy must be a number"),
    "accuracies": (lambda: (tensors(), torch.zeros(2)), "accuracy must be a number"),
    "an accuracy that is not stored": (
        lambda: (tensors(), torch.tensor(0.5).to_sparse()),
        "got nan",
    ),
    "an accuracy that is no number": (lambda: (tensors(), torch.tensor(torch.nan)), "got nan"),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_other_contents_are_refused_and_never_run(case, tmp_path):
    make, says = CONTENTS[case]
    path = tmp_path / "gpt_000.pth"
    torch.save(make(), path)
    with pytest.raises(UserError, match=says) as caught:
        read_agent(path, VOCAB)
    assert "\n" not in str(caught.value)
    assert not Harmful.ran


def test_a_tensor_that_claims_more_than_is_stored_is_refused(tmp_path):
    state = tensors()
    state["embedding.0.f.0.weight"] = torch.zeros(1).expand(15, 1 << 40)
    path = tmp_path / "gpt_000.pth"
    torch.save((state, 0.5), path)
    with pytest.raises(UserError):
        read_agent(path, VOCAB)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x80\x02."])
def test_what_torch_did_not_write_is_refused(content, tmp_path):
    path = tmp_path / "gpt_000.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"is no file that torch\.save writes"):
        read_agent(path, VOCAB)


def test_a_large_file_is_not_read(tmp_path, monkeypatch):
    path = write_agent(tmp_path, 0)
    monkeypatch.setattr("culture_sim.imports.agents.MOST_WEIGHTS", 1000)
    with pytest.raises(UserError, match="1,000 are read at most"):
        read_agent(path, VOCAB)
