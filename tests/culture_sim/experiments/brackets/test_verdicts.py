"""Every rule gives every answer that it can give, and never one on too little."""

from __future__ import annotations

import pytest

from culture_sim.experiments.brackets import verdicts as v
from culture_sim.experiments.findings import Verdict

TEN = [0.5] * 8
CASES = [
    (v.spread([0.1, 0.9, *TEN]), "confirmed"),
    (v.spread([0.45, 0.5, *TEN]), "refuted"),
    (v.spread([0.3, 0.5, *TEN]), "open"),
    (v.spread([0.1, 0.9]), "open"),
    (v.spread([]), "open"),
    (v.one_layer_counts([0.0] * 5), "confirmed"),
    (v.one_layer_counts([0.0, 0.5, 0.5, 0.5, 0.5]), "refuted"),
    (v.one_layer_counts([0.0, 0.0, 0.0, 0.0, 0.5]), "open"),
    (v.one_layer_counts([]), "open"),
    (v.decay_nests([0.9, 0.8, 0.9, 0.8, 0.9], [0.1, 0.2, 0.1, 0.2, 0.1]), "confirmed"),
    (v.decay_nests([0.1, 0.2, 0.1, 0.2, 0.1], [0.9, 0.8, 0.9, 0.8, 0.9]), "refuted"),
    (v.decay_nests([0.5, 0.2, 0.9, 0.2, 0.1], [0.1, 0.8, 0.2, 0.8, 0.1]), "open"),
    (v.decay_nests([0.9], [0.1]), "open"),
    (v.few_suffice(0.01, ["nested"] * 9 + ["mixed"]), "confirmed"),
    (v.few_suffice(0.01, ["nested"] * 4 + ["mixed"] * 6), "refuted"),
    (v.few_suffice(0.01, ["nested"] * 7 + ["mixed"] * 3), "open"),
    (v.only_first_symbol(0.1, ["first symbol"] * 5), "confirmed"),
    (v.only_first_symbol(0.1, ["nested"] * 5), "refuted"),
    (v.only_first_symbol(0.1, ["mixed"] * 5), "open"),
    (v.only_first_symbol(0.1, []), "open"),
    (v.scratchpads_nest([1.0, 0.96], [0.5, 0.9]), "confirmed"),
    (v.scratchpads_nest([0.4, 0.6], [0.5, 0.5]), "refuted"),
    (v.scratchpads_nest([1.0, 1.0], [0.96, 0.5]), "open"),
    (v.scratchpads_nest([1.0, 0.96], [0.5]), "open"),
    (v.scratchpads_nest([], []), "open"),
    (v.foretold((-0.1, -0.2, -0.05)), "confirmed"),
    (v.foretold((0.1, 0.05, 0.2)), "refuted"),
    (v.foretold((0.0, -0.1, 0.1)), "open"),
    (v.foretold(None), "open"),
    (v.heads_disagree([True] * 5, [True] * 5), "confirmed"),
    (v.heads_disagree([False] * 5, [False] * 5), "refuted"),
    (v.heads_disagree([True] * 5, [False] * 5), "open"),
    (v.heads_disagree([], [True]), "open"),
    (v.majority_decides([(1, 20), (1, 30)], [(19, 20), (29, 30)]), "confirmed"),
    (v.majority_decides([(19, 20), (29, 30)], [(19, 20), (29, 30)]), "refuted"),
    (v.majority_decides([(0, 20), (20, 30)], [(19, 20), (29, 30)]), "open"),
    (v.majority_decides([(0, 50)], [(19, 20), (29, 30)]), "open"),
    (v.majority_decides([(0, 50), (0, 0)], [(19, 20), (29, 30)]), "open"),
    (v.majority_decides([], [(19, 20), (29, 30)]), "open"),
    (v.culture_moves("most agents nest", 1, [0.1, 0.12, 0.11]), "confirmed"),
    (v.culture_moves("most agents nest", 1, [-0.1, -0.12, -0.11]), "refuted"),
    (v.culture_moves("most agents do not", -1, [-0.1, -0.12, -0.11]), "confirmed"),
    (v.culture_moves("most agents do not", -1, [0.1, 0.12, 0.11]), "refuted"),
    (v.culture_moves("most agents do not", -1, [0.1, -0.12, 0.11]), "open"),
    (v.culture_moves("most agents do not", -1, [0.1]), "open"),
    (v.dips_are_seen([0.8, 0.9], [0.3, 0.7]), "confirmed"),
    (v.dips_are_seen([0.2, 0.3], [0.3, 0.7]), "refuted"),
    (v.dips_are_seen([0.5, 0.9], [0.3, 0.7]), "open"),
    (v.dips_are_seen([], []), "open"),
]


@pytest.mark.parametrize(("verdict", "answer"), CASES)
def test_the_answer_follows_from_the_figures(verdict: Verdict, answer: str) -> None:
    assert verdict.answer == answer


def test_every_verdict_says_how_it_was_reached() -> None:
    for verdict, _ in CASES:
        assert verdict.claim.endswith(".")
        assert verdict.rule
        assert verdict.because
        assert "nan" not in verdict.because
        assert " 1 agents" not in f" {verdict.because}"


def test_an_interval_of_two_means() -> None:
    value, low, high = v.welch([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert value == 0
    assert low < 0 < high
    assert low == pytest.approx(-high)
    assert v.welch([1.0, 1.0], [0.0, 0.0]) == (1.0, 1.0, 1.0)
