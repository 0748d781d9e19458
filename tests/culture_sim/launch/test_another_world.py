"""The whole experiment on worlds other than the grids: every stage, through the command line."""

from __future__ import annotations

import pandas as pd
import pytest

import culture_sim
from culture_sim.cli import main
from culture_sim.culture.records import quizzes_of
from tests.helpers import commands
from world.birds import Verdict
from world.core.files import read_json, write_json

TINY = (
    *("--agents", "3", "--model.d-model", "16", "--model.d-mlp", "32", "--model.n-heads", "1"),
    *("--train.precision", "fp32", "--train.epoch-quizzes", "64", "--train.max-quizzes", "64"),
    *("--train.test-quizzes", "10", "--train.validation-quizzes", "8"),
    *("--train.recombined-quizzes", "4", "--culture.transfer-quizzes", "8"),
    *("--culture.batch-size", "16", "--culture.shard-batches", "1"),
    *("--culture.max-proposals", "32"),
    *("--sae.widths", "32", "--sae.k", "4", "--sae.training-tokens", "2048"),
    *("--sae.buffer-quizzes", "64", "--sae.comparison-quizzes", "24"),
    *("--sae.concept-quizzes", "10", "--sae.min-firings", "5"),
    *("--sae.permutations", "1", "--sae.resamples", "5"),
)
ANY_NUMBER = ("--culture.rule", "all_but_k")
"""A rule for three agents."""
BRACKETS = ("--preset", "smoke", "--world", "brackets", "--world.length", "20", *ANY_NUMBER)
STRINGS = ("--preset", "smoke-strings", *ANY_NUMBER)
NAMES = ("--preset", "smoke", "--world", "names", *ANY_NUMBER)
SCRATCH = (*BRACKETS, "--world.scratch", "count")
WORLDS = {
    "strings": (
        ("--preset", "smoke-strings", *ANY_NUMBER),
        "strings",
        1,
        ('"unit":"letter"', "f(z)"),
    ),
    "birds": (
        ("--preset", "smoke-birds"),
        "birds",
        2,
        ("voters beside its proposer", "birds that bounce"),
    ),
    "brackets": (BRACKETS, "brackets", 2, ('"unit":"bracket"', "verdict")),
    "brackets with a scratchpad": (SCRATCH, "brackets", 1, ('"unit":"bracket"', "verdict")),
    "names": (NAMES, "names", 1, ('"unit":"word"', '"prose":true')),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "name", "directions", "on_the_page"), WORLDS.values(), ids=WORLDS
)
def test_from_training_to_the_report(
    options, name, directions, on_the_page, tmp_path, capsys, unchecked
):
    processes = "2" if name == "strings" else "1"  # whose quizzes differ in length
    place = ("--runs", str(tmp_path), "--run", "small", "--processes", processes)
    ended = commands.culture_sim("culture", *options, *TINY, *place)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    run = culture_sim.open_run(tmp_path / "small")
    assert run.world.name == name
    votes = run.store.votes(1)
    assert votes.directions == len(run.world.directions) == directions
    assert len(run.votes) == len(votes)
    # Untrained agents write no sentences, and what is none is not voted on.
    assert len(votes) > 0 or name == "names"
    assert set(run.matches().agent_a) == set(range(run.config.agents))
    assert len(run.saes()) == run.config.agents
    page = (run.path / "report" / "index.html").read_text()
    assert all(words in page for words in on_the_page)
    if name == "birds":
        # Untrained agents propose no birds, and nobody is told that they do.
        assert set(run.world.verdicts(quizzes_of(run.store.table(1))[:50])) <= {
            Verdict.NO_BIRDS,
            Verdict.WRONG,
        }
        # All birds of a test are three, and no table has a column for more of them.
        assert ">3 birds</th>" in page
        assert ">more</th>" not in page
    if name == "names":
        look_at_circuits(run.path)
    if name == "strings":
        assert main(["circuits", "--runs", str(tmp_path), "--run", "small"]) == 2
        assert "the world 'strings' does not offer" in capsys.readouterr().err
        assert not (run.path / "circuits").exists()


def look_at_circuits(path):
    """Every agent is matched with every other and with itself; what was measured is kept."""
    words = ["circuits", "--runs", str(path.parent), "--run", path.name, "--before", path.name]
    words += ["--sentences", "16", "--resamples", "5", "--draws", "3"]
    assert main(words) == 0
    kept = {file: file.stat().st_mtime_ns for file in (path / "circuits" / "agents").iterdir()}
    found = read_json(path / "circuits" / "circuits.json", "")
    assert [(of["agent_a"], of["agent_b"], of["part"]) for of in found["pairs"]] == [
        (a, b, part) for a, b in ((0, 1), (0, 2), (1, 2)) for part in ("head", "mlp")
    ]
    # An agent is matched with itself in place, as far as with itself on other sentences.
    for of in found["culture"]:
        assert of["in_place"] == 1.0
        assert of["between"] == pytest.approx(of["ceiling"])
    changes = pd.read_parquet(path / "circuits" / "head_changes.parquet")
    assert (changes.change_of_effect == 0.0).all()
    assert [of["agent"] for of in found["features"]["agents"]] == [0, 1, 2]
    assert main(words) == 0
    assert kept == {file: file.stat().st_mtime_ns for file in kept}
    assert read_json(path / "circuits" / "circuits.json", "") == found
    assert main(["report", "--runs", str(path.parent), "--run", path.name]) == 0
    page = (path / "report" / "index.html").read_text()
    assert 'href="circuits.html"' in page
    assert "before they were trained on" not in page
    page = (path / "report" / "circuits.html").read_text()
    assert all(f"agent {agent}" in page for agent in range(3))
    write_json(path / "circuits" / "circuits.json", {**found, "weights": ["others"] * 3})
    assert main(["report", "--runs", str(path.parent), "--run", path.name]) == 0
    assert "before they were trained on" in (path / "report" / "index.html").read_text()
