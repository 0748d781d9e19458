"""The whole experiment at its smallest, and what of its options is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from culture_sim.cli import main
from culture_sim.experiments.brackets import Brackets
from culture_sim.experiments.brackets.rows import SETTINGS
from culture_sim.experiments.findings import COLUMNS
from tests.helpers.commands import culture_sim


@pytest.mark.slow
def test_the_smallest_experiment_from_the_command_line(tmp_path: Path) -> None:
    words = ["experiment", "brackets", "--quick", "--runs", str(tmp_path), "--seeds", "1"]
    made = culture_sim(*words)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "experiment-brackets"
    table = pd.read_parquet(folder / "results.parquet")
    assert set(table.columns) == {*SETTINGS, *COLUMNS}
    assert {"accuracy in distribution", "accuracy equal", "agreement"} <= set(table["measure"])
    summary = json.loads((folder / "summary.json").read_text())
    assert len(summary["verdicts"]) == 12
    page = (folder / "report/index.html").read_text()
    assert 'class="quiz"' in page
    assert "Scratchpads" in page
    refused = culture_sim(*words, "--strings", "2048")
    assert refused.returncode == 2
    assert "train.epoch_quizzes" in refused.stderr


def test_agents_are_of_every_setting_and_learn_from_the_same_strings() -> None:
    agents = Brackets().agents()
    settings = {agent.setting for agent in agents}
    assert len(settings) == 4 * 2 * 2 + 2 + 1
    assert len(agents) == 10 * len(settings)
    assert len({agent.name for agent in agents}) == len(agents)
    assert len({agent.train.max_quizzes for agent in agents}) == 1
    assert len({id(agent.exam) for agent in agents}) == 1


def test_scratchpads_and_classifiers_have_identical_strings() -> None:
    one, *others = Brackets(scratch_seeds=1).scribes()
    assert {a.world.scratch for a in others} == {"count", "cancel"}
    assert all(replace(a.world, scratch="none") == one.world for a in others)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shares", "1.5"], "equal_count_share"),
        (["--shares", "0.1", "0.1"], "--shares must name values, each once"),
        (["--nesters", "6"], "--nesters"),
        (["--strings", "1000"], "multiple of 8 times --batch-size"),
        (["--scratch-length", "30"], "world.scratch 'cancel'"),
        (["--length", "7"], "world.length must be even"),
        (["--seeds", "0"], "brackets.seeds must be at least 1"),
        (["--weight-decays", "nan"], "weight_decay"),
    ],
)
def test_impossible_options_get_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["experiment", "brackets", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
