"""Each rule gives every answer, on numbers made by hand; and the true ones, on planted circuits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.circuits.statistics import Interval
from culture_sim.experiments.names import circuit
from culture_sim.experiments.names.circuit import Measured
from culture_sim.experiments.names.claims import CLAIMS, FEATURES, margin_of
from culture_sim.experiments.names.heads import (
    BOTH_NAMES,
    DIRECT,
    DUPLICATE,
    FOLLOWED,
    INDUCTION,
    INHIBITION,
    KINDS,
    MOVER,
    NEGATIVE,
    PREVIOUS,
    QUERIES,
    RAISES_IO,
    RAISES_S,
    REPEATED,
    SUPPRESSOR,
    kinds_of,
)
from tests.culture_sim.experiments.names.planted import dissected
from tests.helpers.planted_circuits import LETTERS, NAMES_LENGTH, VOCABULARY, names_network, wire

CLAIM = {claim.name: claim for claim in CLAIMS}
TRUE = {
    "1": "holds",
    "2, on average": "holds",
    "2, in each sentence": "holds",
    "3, which name IO is": "fails",
    "3, which name S is": "fails",
    "3, absolute place": "holds",
    "3, distance": "undecidable",
    "3, order of the names": "undecidable",
    "4, at S2": "holds",
    "4, by values": "holds",
    "4, from repetition": "holds",
    "5": "not applicable",
    "6": "holds",
}
"""Of the planted circuit: it inhibits two places of the sequence, and its mover wants any name that
is elsewhere."""


def answers(measured: Measured) -> dict[str, str]:
    return {claim.name: claim.judge(measured).answer for claim in CLAIMS}


# ---- planted circuits, of which the truth is known; shapes are checked in the first case alone


def test_what_is_true_of_the_planted_circuit():
    """With an MLP between the inhibition head and the mover."""
    refuse_other_truth(dissected(names_network(relay=True)))


@pytest.mark.usefixtures("unchecked")
def test_norms_change_nothing_of_it():
    refuse_other_truth(dissected(names_network(norm="LN")))


def refuse_other_truth(measured: Measured) -> None:
    """Its heads by kind, and the answers to all claims."""
    found = {kind: heads for kind, heads in measured.kinds.items() if heads}
    assert found == {MOVER: ["2.0"], INHIBITION: ["1.0"], DUPLICATE: ["0.0"]}
    assert learned_by(measured) == pytest.approx({"q": -2.0, "k": 0.0, "v": 0.0}, abs=5e-3)
    assert answers(measured) == TRUE


def learned_by(measured: Measured) -> dict[str, float]:
    """How heads that work for IO learn who gives, by what reads it."""
    ways = circuit.LEARN_BY
    return {slot: measured.effects[way][circuit.GIVER].mean for slot, way in ways.items()}


@pytest.mark.usefixtures("unchecked")
def test_an_mlp_between_is_held_if_asked():
    """Then nothing reaches the mover's queries, and of what does not exist nothing is judged."""
    found = answers(dissected(names_network(relay=True), through_mlps=False))
    assert found["1"] == "holds"
    assert found["4, at S2"] == "not applicable"


@pytest.mark.usefixtures("unchecked")
def test_a_mover_that_wants_some_names_uses_which_it_is():
    model = names_network()
    keys = model.blocks[2].attn.W_K
    keys[0, list(LETTERS)[::2], NAMES_LENGTH] = 0.0
    found = answers(dissected(model))
    assert found["2, in each sentence"] == "fails"
    assert found["3, which name S is"] == "fails"


@pytest.mark.usefixtures("unchecked")
def test_a_head_that_takes_s_away_leaves_the_difference_positive_without_movers():
    model = names_network()
    second, mover = model.blocks[1].attn, model.blocks[2].attn
    for weight in (mover.W_Q, mover.W_K, mover.W_V, mover.W_O):
        weight[1] = 0.0
    # It looks where the inhibition head does, and writes the name there with the sign turned.
    mover.W_Q[1], mover.W_K[1] = second.W_Q[0], second.W_K[0]
    mover.W_V[1], mover.W_O[1] = mover.W_V[0], -mover.W_O[0]
    measured = dissected(model)
    assert measured.kinds[SUPPRESSOR] == ["2.1"]
    assert measured.kinds[MOVER] == ["2.0"]
    assert answers(measured) == TRUE | {"6": "fails"}
    left = measured.effects[circuit.MOVERS][circuit.BOTH]
    assert left.mean == pytest.approx(0.5, abs=1e-5)
    # The mover is told, and the other reads it itself: half of the difference each, turned round.
    assert learned_by(measured) == pytest.approx({"q": -1.0, "k": 0.0, "v": -1.0}, abs=1e-4)


@pytest.mark.usefixtures("unchecked")
def test_a_head_that_moves_with_the_sign_turned_works_against_io():
    model = names_network()
    mover = model.blocks[2].attn
    for weight in (mover.W_Q, mover.W_K, mover.W_V):
        weight[1] = weight[0]
    mover.W_O[1] = -0.5 * mover.W_O[0]
    measured = dissected(model)
    assert measured.kinds[NEGATIVE] == ["2.1"]
    assert measured.parts["2.1"][DIRECT].mean == pytest.approx(2.0, abs=1e-5)
    assert answers(measured)["1"] == "fails"


@pytest.mark.usefixtures("unchecked")
def test_inhibition_by_name_is_told_from_inhibition_by_place():
    """The inhibition head sends the name at S2, and the mover avoids this name wherever it is."""
    model = names_network()
    inhibition, mover = model.blocks[1].attn, model.blocks[2].attn
    inhibition.W_V[0], inhibition.W_O[0] = 0.0, 0.0
    raw = VOCABULARY + 2 * NAMES_LENGTH
    wire(inhibition.W_V[0], [(v, v - LETTERS[0]) for v in LETTERS])
    wire(inhibition.W_O[0], [(n, raw + n) for n in range(len(LETTERS))])
    scale = float(mover.W_Q[0].max())
    mover.W_Q[0].clamp_(min=0)
    wire(mover.W_Q[0], [(raw + n, n) for n in range(len(LETTERS))], -2 * scale)
    mover.W_K[0, VOCABULARY:] = 0.0
    wire(mover.W_K[0], [(v, v - LETTERS[0]) for v in LETTERS])
    measured = dissected(model)
    expected = TRUE | {
        "3, which name S is": "holds",
        "3, absolute place": "fails",
        "3, order of the names": "fails",
        "4, from repetition": "fails",
    }
    assert answers(measured) == expected


# ---- numbers made by hand


def of(mean: float, reach: float = 0.01) -> Interval:
    return Interval(mean, mean - reach, mean + reach)


NONE, WIDE, LOST, TURNED = of(0.0), Interval(-0.08, -0.2, 0.04), of(-0.8), of(-1.9)


def measured(**effects) -> Measured:
    """As in a circuit of the published kind: movers, inhibition by order, read from both heads."""
    kinds = {kind: ["0.0"] for kind in KINDS} | {NEGATIVE: [], SUPPRESSOR: []}
    everything = ("io", "s", "moved", "gap", "distance", "prefix", "scenery")
    told = dict.fromkeys(everything, NONE) | {"order": of(-1.5), "giver": TURNED}
    base = {
        circuit.ALL_HEADS: {"giver": TURNED, "scenery": NONE},
        circuit.KEYS: {"io": NONE, "scenery": NONE},
        circuit.KEYS + circuit.SIZE: {"io": of(0.05), "scenery": NONE},
        circuit.KEYS + circuit.ATTENTION: {"io": NONE, "no name": LOST, "of s1": NONE},
        circuit.SENT: told,
        circuit.SENT + circuit.ATTENTION: told,
        circuit.TOWARD_S1: dict.fromkeys(told, of(0.1)) | {"order": of(0.9)},
        circuit.AT_S2: {"": of(0.9)},
        circuit.THROUGH["q"]: {"giver": NONE},
        circuit.THROUGH["k"]: {"giver": of(-0.1)},
        circuit.THROUGH["v"]: {"giver": LOST, "scenery": NONE},
        circuit.REPETITION: {"giver": of(-0.6), "scenery": NONE},
        circuit.COMPOSED: {"giver": of(-0.4), "scenery": NONE},
        circuit.ALL_QUERIES: {"giver": LOST},
        circuit.ALL_KEYS: {"s1": LOST},
        circuit.MOVERS: {"both": of(0.02)},
        circuit.MOVERS_ON: {"both": of(0.03)},
        circuit.OTHERS: {"both": of(1.0)},
        circuit.NO_HEAD: {"both": of(0.0)},
    }
    parts = {"0.0": {DIRECT: TURNED}}
    scores = {"0.0": {"previous": 0.0}}
    made = Measured(of(3.0), 1.0, parts, scores, kinds, base)
    return replace(made, effects={name: v | effects.get(name, {}) for name, v in base.items()})


def test_the_published_circuit():
    assert answers(measured()) == {
        **TRUE,
        "3, absolute place": "fails",
        "3, distance": "fails",
        "3, order of the names": "holds",
        "5": "holds",
    }


@pytest.mark.parametrize(
    ("claim", "changed", "answer"),
    [
        ("1", {circuit.ALL_HEADS: {"giver": of(-0.3)}}, "undecidable"),
        ("2, in each sentence", {circuit.KEYS + circuit.SIZE: {"io": of(0.4)}}, "fails"),
        ("2, in each sentence", {circuit.KEYS + circuit.SIZE: {"io": of(0.1)}}, "undecidable"),
        ("2, on average", {circuit.KEYS + circuit.SIZE: {"io": of(0.4)}}, "holds"),
        ("2, on average", {circuit.KEYS + circuit.ATTENTION: {"io": of(-0.4)}}, "fails"),
        ("2, on average", {circuit.KEYS: {"io": of(-0.3)}}, "fails"),
        ("2, on average", {circuit.KEYS: {"io": of(-0.15), "scenery": of(0.2)}}, "holds"),
        ("2, on average", {circuit.KEYS + circuit.ATTENTION: {"no name": of(-0.4)}}, "undecidable"),
        (
            "2, on average",
            {circuit.KEYS + circuit.ATTENTION: {"no name": NONE, "of s1": LOST}},
            "holds",
        ),
        ("3, which name IO is", {circuit.SENT: {"io": LOST}}, "holds"),
        ("3, which name IO is", {circuit.SENT: {"io": WIDE}}, "undecidable"),
        ("3, which name IO is", {circuit.SENT: {"giver": of(-0.4)}}, "undecidable"),
        ("3, absolute place", {circuit.SENT: {"moved": LOST}}, "holds"),
        ("3, distance", {circuit.SENT: {"gap": LOST}}, "holds"),
        ("3, distance", {circuit.SENT: {"gap": LOST, "moved": LOST}}, "undecidable"),
        ("3, order of the names", {circuit.SENT: {"gap": LOST}}, "undecidable"),
        ("3, order of the names", {circuit.SENT: {"moved": LOST}}, "undecidable"),
        ("3, order of the names", {circuit.SENT: {"order": NONE}}, "fails"),
        ("3, order of the names", {circuit.TOWARD_S1: {"order": of(0.2)}}, "undecidable"),
        ("4, at S2", {circuit.AT_S2: {"": of(0.4)}}, "fails"),
        ("4, at S2", {circuit.AT_S2: {"": of(0.5)}}, "undecidable"),
        ("4, by values", {circuit.THROUGH["v"]: {"giver": NONE}}, "fails"),
        ("4, by values", {circuit.THROUGH["k"]: {"giver": of(-1.2)}}, "fails"),
        ("4, by values", {circuit.THROUGH["k"]: {"giver": of(-0.8)}}, "undecidable"),
        ("4, from repetition", {circuit.REPETITION: {"giver": of(0.02)}}, "fails"),
        ("4, from repetition", {circuit.REPETITION: {"giver": of(0.4)}}, "fails"),
        ("4, from repetition", {circuit.THROUGH["v"]: {"giver": of(-0.4)}}, "undecidable"),
        ("5", {circuit.COMPOSED: {"giver": NONE}}, "fails"),
        ("5", {circuit.COMPOSED: {"giver": WIDE}}, "undecidable"),
        (
            "5",
            {circuit.ALL_QUERIES: {"giver": NONE}, circuit.ALL_KEYS: {"s1": NONE}},
            "undecidable",
        ),
        ("6", {circuit.MOVERS_ON: {"both": of(0.5)}}, "fails"),
        ("6", {circuit.MOVERS_ON: {"both": of(0.1)}}, "undecidable"),
        ("6", {circuit.NO_HEAD: {"both": of(0.7)}}, "undecidable"),
    ],
)
def test_answers_follow_the_numbers(claim, changed, answer):
    assert CLAIM[claim].judge(measured(**changed)).answer == answer


@pytest.mark.parametrize(
    ("effect", "answer"), [(of(0.3), "fails"), (of(0.1), "undecidable"), (of(0.05), "holds")]
)
def test_one_head_against_io_is_enough(effect, answer):
    made = measured()
    made = replace(
        made,
        parts={"0.0": {DIRECT: TURNED}, "0.1": {DIRECT: effect}},
        scores={"0.0": {}, "0.1": {}},
    )
    assert CLAIM["1"].judge(made).answer == answer


@pytest.mark.parametrize(
    ("kind", "claims"),
    [
        (MOVER, {"2", "3", "4", "6"}),
        (INHIBITION, {"3", "4"}),
        (DUPLICATE, {"5"}),
        (INDUCTION, {"5"}),
    ],
)
def test_claims_about_heads_that_are_missing_do_not_apply(kind, claims):
    made = measured()
    found = answers(replace(made, kinds={**made.kinds, kind: []}))
    assert {name.split(",")[0] for name, a in found.items() if a == "not applicable"} == claims


def test_what_does_not_vary_apart_is_not_told_apart():
    made = measured()
    effects = dict(made.effects)
    effects[circuit.SENT] = {
        kind: v for kind, v in made.effects[circuit.SENT].items()
        if kind not in ("moved", "gap", "distance")
    }  # fmt: skip
    found = answers(replace(made, effects=effects))
    wanted = [f"3, {feature}" for feature in list(FEATURES)[2:]]
    assert [found[name] for name in wanted] == ["undecidable"] * 3
    effects[circuit.SENT] = {**effects[circuit.SENT], "order": NONE}
    assert answers(replace(made, effects=effects))["3, order of the names"] == "fails"


def test_the_margin_is_what_another_place_and_object_do():
    assert margin_of({}) == 0.1
    assert margin_of({"scenery": of(-0.3)}) == pytest.approx(0.31)
    assert margin_of({"scenery": of(0.02)}) == 0.1


@pytest.mark.parametrize(
    ("numbers", "previous", "kinds"),
    [
        ({DIRECT: TURNED, RAISES_IO: of(0.9), RAISES_S: NONE}, 0.0, (MOVER,)),
        ({DIRECT: TURNED, RAISES_IO: of(0.1), RAISES_S: LOST}, 0.0, (SUPPRESSOR,)),
        ({RAISES_IO: of(0.5), RAISES_S: of(0.6)}, 0.0, (BOTH_NAMES,)),
        ({DIRECT: of(0.3)}, 0.0, (NEGATIVE,)),
        ({DIRECT: WIDE}, 0.0, ()),
        ({QUERIES: LOST, REPEATED: of(0.4)}, 0.0, (INHIBITION, DUPLICATE)),
        ({QUERIES: of(0.8), FOLLOWED: of(0.2)}, 0.6, (PREVIOUS,)),
        ({FOLLOWED: of(0.35)}, 0.4, (INDUCTION,)),
    ],
)
def test_kinds_of_heads(numbers, previous, kinds):
    rest = dict.fromkeys((DIRECT, RAISES_IO, RAISES_S), NONE)
    assert kinds_of({**rest, **numbers}, {"previous": previous}) == kinds
