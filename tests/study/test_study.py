"""A study: figures from figures whose answer is known, and a small one from end to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from culture_sim.cli import main
from culture_sim.culture_config import CultureConfig
from culture_sim.run import Run
from culture_sim.study.arms import ABOUT, CHANGES, CONTROL, options_of
from culture_sim.study.figure import draw
from culture_sim.study.results import compare, interval
from tests.culture_sim.stored_round import SMALL
from world.errors import UserError

FULL = "full"


def made_up(effect, seeds=3, rounds=2):
    """Accuracies of two arms; ``full`` ends above ``none`` by ``effect`` and a little noise."""
    rng, rows = np.random.default_rng(0), []
    for seed in range(seeds):
        level = rng.uniform(0.3, 0.6)  # seeds differ far more than arms do
        for arm in (CONTROL, FULL):
            for number in range(rounds + 1):
                gain = effect if arm == FULL and number == rounds else 0.0
                for agent in range(5):
                    value = level + gain + rng.normal(0, 0.001)
                    rows.append((seed, arm, number, agent, "science", value))
            rows.append((seed, arm, rounds, -1, "yield", 0.02))
    return pd.DataFrame(rows, columns=["seed", "arm", "round", "agent", "measure", "value"])


def of(compared, measure, arm):
    (row,) = (row for row in compared if (row["measure"], row["arm"]) == (measure, arm))
    return row


def test_an_interval_is_students():
    found = interval(pd.Series([1.0, 2.0, 6.0]))
    assert found["value"] == 3.0
    reach = 4.302653 * np.std([1, 2, 6], ddof=1) / 3**0.5
    assert found["high"] - 3 == pytest.approx(reach, rel=1e-5)
    assert 3 - found["low"] == pytest.approx(reach, rel=1e-5)
    assert interval(pd.Series([1.0])) == {"value": 1.0, "low": None, "high": None}


@pytest.mark.parametrize("effect", [0.0, 0.03, -0.03])
def test_arms_are_compared_within_seeds(effect):
    row = of(compare(made_up(effect), 2), "science", FULL)
    against = row["against_control"]
    assert against["low"] < effect < against["high"]
    assert against["high"] - against["low"] < 0.01  # though seeds are 0.3 apart
    assert (against["low"] > 0) == (effect > 0)
    assert (against["high"] < 0) == (effect < 0)
    assert len(row["by_seed"]) == 3
    control = of(compare(made_up(effect), 2), "science", CONTROL)
    assert control["against_control"]["value"] == 0
    assert row["after"]["high"] - row["after"]["low"] > 0.05


def test_one_seed_has_no_interval_and_what_was_not_measured_no_row():
    compared = compare(made_up(0.03, seeds=1), 2)
    assert of(compared, "science", FULL)["against_control"]["low"] is None
    assert {row["measure"] for row in compared} == {"science", "yield"}


def test_the_picture_is_the_same_for_the_same_figures(tmp_path):
    compared = compare(made_up(0.03), 2)
    for name in ("one.svg", "other.svg"):
        draw(compared, tmp_path / name)
    one = (tmp_path / "one.svg").read_bytes()
    assert one == (tmp_path / "other.svg").read_bytes()
    assert b"tasks that no agent trained on" in one
    draw(compare(made_up(0.03, seeds=1), 2), tmp_path / "single.svg")


def test_arms_differ_in_what_is_taught():
    options = {arm: options_of(arm, CultureConfig(), 0.3) for arm in CHANGES}
    assert set(ABOUT) == set(CHANGES)
    assert len(set(map(repr, options.values()))) == len(CHANGES)
    assert {each.max_share for each in options.values()} == {0.3}
    assert options["random_filter"].rule_options == {"k": 1}
    two = CultureConfig(rule="all_but_k", rule_options={"k": 2})
    assert options_of("random_filter", two, 0.3).rule_options == {"k": 2}
    with pytest.raises(UserError, match="not as 'likelihood'; leave it out of --arms"):
        options_of("random_filter", CultureConfig(rule="likelihood"), 0.3)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--seeds", "0"], "study.seeds must be at least 1, got 0"),
        (["--arms", "none", "some"], "unknown arm 'some'; known: none, random_filter"),
        (["--arms", "full"], "--arms must name 'none'"),
        (["--rounds", "0"], "a study needs at least one round"),
        (["--lesson", "33"], "--lesson (33) must be a multiple of --train.batch-size (32)"),
        (["--sed", "3"], "--sed"),
        (["--seed", "7"], "--seed is for a study to decide"),
        (["--culture.taught", "none"], "--culture.taught is for a study to decide"),
        (["--culture.restart-quota", "9"], "--culture.restart-quota is for a study to decide"),
        (["--share", "1.5"], "study.share must be in [0, 1]"),
        (["--arms", "none", "full", "full"], "--arms names an arm twice"),
        (["--agents", "4"], "four_of_five"),
    ],
)
def test_impossible_studies_are_refused(tmp_path, capsys, options, says):
    assert main(["study", "--runs", str(tmp_path), *options]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.startswith("culture-sim: error: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_study_from_end_to_end_and_again(tmp_path):
    command = [
        *(sys.executable, "-m", "culture_sim", "study", "--runs", str(tmp_path), "--name", "s"),
        *("--seeds", "1", "--arms", "none", "single", "--lesson", "256", "--rounds", "1"),
        *("--exam-proposals", "32"),
        *("--processes", "1", *SMALL, "--culture.max-proposals", "64"),
        *("--culture.block-size", "16"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def made():
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return (tmp_path / "s" / "study.json").read_text(), done.stdout

    summary, shown = made()
    assert f"written: {tmp_path / 's' / 'study.json'}, results.parquet, study.svg" in shown
    found = json.loads(summary)
    assert found["rounds"] == 1
    assert {row["arm"] for row in found["compared"]} == {"none", "single"}
    assert len(found["exam_quizzes"]) == 1
    assert (tmp_path / "s" / "study.svg").exists()
    results = pd.read_parquet(tmp_path / "s" / "results.parquet")
    assert set(results["measure"]) >= {"world", "world loss", "science loss", "yield"}
    runs = {arm: tmp_path / "s" / "seed-0" / arm for arm in ("base", "exam", "none", "single")}
    states = {arm: Run.open(path).agent_state(2) for arm, path in runs.items()}
    assert states["none"]["quizzes"] == states["single"]["quizzes"]
    assert states["none"]["quizzes"] == states["base"]["quizzes"] + 256
    # The same agents propose the same in every arm, and something else for the exam.
    rounds = {arm: runs[arm] / "culture" / "round-0001.parquet" for arm in list(runs)[1:]}
    assert rounds["none"].read_bytes() == rounds["single"].read_bytes()
    proposed = [set(pd.read_parquet(rounds[arm])["hash"]) for arm in ("exam", "none")]
    assert len(proposed[0] & proposed[1]) < 5
    other = subprocess.run(
        [*command, "--lesson", "512"], capture_output=True, text=True, env=environment, check=False
    )
    assert other.returncode == 2
    assert "holds a study with other options (lesson); give this one a --name" in other.stderr
    again, shown = made()
    assert again == summary
    assert "agents learn the world" not in shown
