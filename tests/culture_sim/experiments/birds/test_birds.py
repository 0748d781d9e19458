"""The whole experiment at its smallest, and what of its options is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from culture_sim.cli import main
from culture_sim.experiments.birds import ARMS, Birds
from culture_sim.experiments.birds.claims import CLAIMS, CONTRASTS
from culture_sim.experiments.birds.results import SETTINGS, over_seeds
from culture_sim.experiments.findings import COLUMNS
from tests.helpers.commands import culture_sim

SAMPLED = 4
FEW = [
    *("--epoch-quizzes", "128", "--max-quizzes", "128", "--proposals", "64", "--exam", "12"),
    *("--patched", "4", "--probe-quizzes", "12", "--sampled", str(SAMPLED)),
]
"""Agents learn nothing here, so it does not matter on how much."""


@pytest.mark.slow
def test_the_smallest_experiment_from_the_command_line(tmp_path):
    words = ["experiment", "birds", "--quick", "--runs", str(tmp_path), *FEW]
    made = culture_sim(*words)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "experiment-birds"
    table = pd.read_parquet(folder / "results.parquet")
    assert set(table.columns) == {*SETTINGS, *COLUMNS}
    assert set(table["arm"]) == {"", *ARMS}
    measures = {"accuracy", "final accuracy", "flies", "trivial proposals", "moved", "r2"}
    assert measures <= set(table["measure"])
    flies = table[table["measure"] == "flies"].set_index(["arm", "round", "quizzes"])["support"]
    for arm in ARMS:
        # All arms propose the same in the first round; samples are taken before it, too.
        assert flies[arm, 1, "proposed"] == flies["none", 1, "proposed"]
        assert flies[arm, 0, "sampled"] == flies[arm, 1, "sampled"] == 3 * SAMPLED
    summary = json.loads((folder / "summary.json").read_text())
    assert len(summary["verdicts"]) == 2 + len(CLAIMS) * len(CONTRASTS)
    assert {each["answer"] for each in summary["found"]["claims"]} == {"open"}
    page = (folder / "report/index.html").read_text()
    assert 'class="quiz"' in page
    assert "Quizzes that full culture rejected" in page
    assert "Some of the first seed" in page
    again = culture_sim(*words)
    assert again.returncode == 0, again.stderr
    assert "of 7" not in again.stdout  # nothing is made again
    refused = culture_sim(*words, "--lesson", "128")
    assert refused.returncode == 2
    assert "treatment.lesson" in refused.stderr


def test_all_arms_differ_in_their_culture_alone():
    options = Birds(seeds=2)
    none, random, full = (unit.config for unit in options.rounds_of(1))
    assert none.culture.trains_on == "none"
    assert random.culture.rule.others
    assert full.culture.rule.others
    assert full.culture == replace(none.culture, trains_on="all")
    assert random == replace(full, culture=random.culture)
    assert none == replace(full, culture=none.culture)
    assert full.train.max_quizzes == full.train.epoch_quizzes == options.lesson
    names = {agent.name for seed in range(2) for agent in options.population(seed)}
    assert len(names) == 2 * options.agents


def test_a_seed_is_one_observation():
    values = [(0, 0, 1.0), (0, 1, 3.0), (1, 0, 4.0), (1, 1, 4.0), (2, 0, 6.0), (2, 1, 6.0)]
    table = pd.DataFrame(values, columns=["seed", "agent", "value"]).assign(arm="full", support=7)
    (told,) = over_seeds(table, ["arm"]).to_dict("records")
    assert told["value"] == 4.0
    assert told["high"] - 4.0 == pytest.approx(4.302653 * 2 / 3**0.5, rel=1e-5)
    assert told["support"] == 7
    (alone,) = over_seeds(table[table["seed"] == 0], ["arm"]).to_dict("records")
    assert alone["value"] == 2.0
    assert pd.isna(alone["low"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--birds", "1"], "needs two birds"),
        (["--birds", "7"], "crowd"),
        (["--speed", "0"], "world.speed must be 1 to 69"),
        (["--agents", "2"], "--agents must be at least 3"),
        (["--probed", "6"], "--probed must be at most --agents (5)"),
        (["--culture-share", "1.5"], "birds.culture_share must be in [0, 1]"),
        (["--rounds", "0"], "birds.rounds must be at least 1"),
        (["--lesson", "33"], "--lesson and --epoch-quizzes must be multiples of 32"),
        (["--width", "40"], "--width must be a multiple of 16, got 40"),
    ],
)
def test_impossible_options_get_one_line(words, said, capsys, tmp_path):
    assert main(["experiment", "birds", "--runs", str(tmp_path), *words]) == 2
    assert list(tmp_path.iterdir()) == []
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
