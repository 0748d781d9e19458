"""Shapes that annotations promise hold in every test: a wrong one is an error where it enters."""

import pytest
import torch
from jaxtyping import TypeCheckError

from agents.circuits.patching import log_prob
from agents.model import shift
from tests.helpers.shapes import annotated_modules


def test_modules_that_annotate_shapes_are_checked():
    assert {"agents.model", "agents.layers", "agents.circuits.patching"} <= {*annotated_modules()}
    assert "culture_sim.cli" not in annotated_modules()


@pytest.mark.parametrize(
    "tokens", [torch.zeros(12, dtype=torch.int64), torch.zeros(4, 12)], ids=["shape", "dtype"]
)
def test_an_array_of_another_kind_is_refused(tokens):
    with pytest.raises(TypeCheckError, match="tokens"):
        shift(tokens)
    assert shift(torch.zeros(4, 12, dtype=torch.int64)).shape == (4, 12)


def test_arrays_that_do_not_fit_each_other_are_refused():
    tokens, graded = torch.zeros(4, 12, dtype=torch.int64), torch.ones(4, 12, dtype=torch.bool)
    log_prob(tokens, graded)
    with pytest.raises(TypeCheckError, match="graded"):
        log_prob(tokens, graded[:, :11])
    with pytest.raises(TypeCheckError, match="graded"):
        log_prob(tokens, graded[:3])
