"""Shapes that annotations promise hold in every test: a wrong one is an error where it enters."""

import inspect

import pytest
import torch
from jaxtyping import Float, TypeCheckError, jaxtyped

from agents.circuits.patching import log_prob
from agents.model import shift
from tests.helpers.shapes import CHECKED_CALLS, annotated_modules, checked_at_first


@jaxtyped(typechecker=checked_at_first)
def two_of(x: Float[torch.Tensor, " row"]) -> Float[torch.Tensor, "2 row"]:
    """What is checked for so long."""
    return torch.stack((x, x))


@pytest.fixture(autouse=True)
def no_call_before():
    """Other tests in this process may have called these functions often enough."""
    for function in (shift, log_prob, two_of):
        vars(inspect.unwrap(function)).pop("__no_type_check__", None)


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


def test_a_function_is_checked_at_its_first_calls():
    for _ in range(CHECKED_CALLS - 1):
        with pytest.raises(TypeCheckError, match="two_of"):
            two_of(torch.zeros(2, 2))
    assert two_of(torch.zeros(2)).shape == (2, 2)
    assert two_of(torch.zeros(2, 2)).shape == (2, 2, 2)
