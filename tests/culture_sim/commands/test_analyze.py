"""The command that says what a run's culture is: its tables, its figures, its refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from datasets import load_dataset

from culture_sim.cli import main
from culture_sim.culture.analysis.table import GROUPS, SUMMARY, TABLE
from culture_sim.culture.store import CultureStore
from tests.helpers.stored_round import HELD_OUT, TRAIN
from world.core.rules import ExplainedBy

DOCS = Path(__file__).parents[3] / "docs"
KEPT = TRAIN + HELD_OUT
MOST = 8
"""Quizzes of each group that are looked at."""


@pytest.fixture(scope="module")
def analyzed(stored, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "analyzed"
    shutil.copytree(stored, path)
    place = ["--runs", str(path.parent), "--run", path.name]
    assert main(["analyze", *place, "--most", str(MOST)]) == 0
    return path / "culture"


def test_a_row_for_every_quiz(analyzed):
    table = pd.read_parquet(analyzed / TABLE)
    counts = table["group"].value_counts()
    assert counts["kept"] == counts["world"] == counts["transfer"] == MOST
    assert 0 < counts["rejected"] < MOST
    stored = CultureStore(analyzed).table(1).to_pandas().set_index("hash")
    of_store = table[table["group"].isin(["kept", "rejected"])].set_index("hash")
    assert (stored.loc[of_store.index, "keep"] == (of_store["group"] == "kept")).all()
    for name in ("proposer", "dissenter", "method"):
        assert (stored.loc[of_store.index, name] == of_store[name]).all()
    assert table.loc[table["group"].isin(["world", "transfer"]), "proposer"].isna().all()


def test_what_is_known_of_the_quizzes_is_found(analyzed):
    """The stored quizzes are the world's own, so the rules explain all of them."""
    table = pd.read_parquet(analyzed / TABLE)
    unknown = table[table["group"] == "transfer"]
    assert ExplainedBy.TASK.value not in set(unknown["explained"])
    assert (unknown["solvers"] == 0).all()
    assert unknown["contested"].all()  # agents that fail a quiz hold another answer for likelier
    table = table[table["group"] != "transfer"]
    assert set(table["explained"]) == {ExplainedBy.TASK.value}
    assert not table["other_by_rule"].any()
    kept = table[table["group"] == "kept"]
    assert (kept["solvers"] == 4).all()
    assert (kept["wrong_tokens"] == 0.7).all()  # 7 cells in 1 of 10 votes
    world = table[table["group"] == "world"]
    assert world["novelty_world"].median() < 30  # of 144 cells
    assert world["novelty_culture"].notna().all()
    assert (kept["novelty_culture"] > 0).all()


def test_figures_have_intervals(analyzed):
    found = json.loads((analyzed / SUMMARY).read_text())
    kept = found["groups"]["kept"]
    assert kept["quizzes"] == MOST
    assert kept["explained"][ExplainedBy.TASK.value]["value"] == 1.0
    assert kept["explained"][ExplainedBy.TASK.value]["low"] < 1.0
    mean = kept["novelty_world"]
    assert mean["low"] < mean["value"] < mean["high"]
    assert set(found["kept_by"]) == {"round", "split", "method", "proposer", "dissenter"}
    by_agent = found["kept_by"]["dissenter"]
    assert set(by_agent) <= set("01234")
    assert sum(part["quizzes"] for part in by_agent.values()) == MOST
    assert sum(map(sum, found["dissent"]["matrix"])) == KEPT


def test_the_rounds_are_still_a_dataset(analyzed):
    found = load_dataset("parquet", data_files=str(analyzed / "round-*.parquet"), split="train")
    assert sum(found["keep"]) == KEPT


def test_every_column_is_documented(analyzed):
    documented = (DOCS / "culture.md").read_text()
    columns = pd.read_parquet(analyzed / TABLE).columns
    assert [name for name in columns if f"`{name}`" not in documented] == []


def test_fewer_can_be_asked_for(stored, tmp_path, capsys):
    path = tmp_path / "few"
    shutil.copytree(stored, path)
    place = ["--runs", str(tmp_path), "--run", "few"]
    assert main(["analyze", *place, "--most", "2"]) == 0
    assert "How they are explained" in capsys.readouterr().out
    counts = pd.read_parquet(path / "culture" / TABLE)["group"].value_counts()
    assert dict(counts) == dict.fromkeys(GROUPS, 2)
    assert main(["analyze", *place, "--most", "0"]) == 2
    assert "analyze.most must be at least 1, got 0" in capsys.readouterr().err
    for file in (path / "culture").glob("round-*"):
        file.unlink()
    assert main(["analyze", *place]) == 2
    assert "has no culture yet; run first: culture-sim culture-round" in capsys.readouterr().err
