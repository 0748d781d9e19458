"""Everything on the smoke preset through the command line, then again, then with damaged files."""

import json
import shutil
from pathlib import Path

import pytest

from culture_sim.culture.store import CultureStore
from culture_sim.run.run import Run
from tests.helpers.browser import check_page
from tests.helpers.commands import culture_sim

pytestmark = pytest.mark.slow
PLACE = "blocks.1.hook_resid_post/batch_topk-64"
"""Where the smoke preset's features are compared."""
ALONE = ("--processes", "1")
DOCS = Path(__file__).parents[3] / "docs"


def test_every_stage_leaves_what_the_next_one_needs(runs):
    run = Run.open(runs / "smoke")
    summary = run.summary()
    assert {"training", "culture", "features", "seconds"} <= summary.keys()
    assert [agent["round"] for agent in summary["training"]] == [0] * 5
    assert summary["culture"]["rounds"][0]["proposed"] == 160
    assert len(summary["features"][PLACE]["pairs"]) == 10
    assert (run.path / "report" / "index.html").stat().st_size > 10_000
    assert len(CultureStore(run.path / "culture").votes(1)) > 0
    assert any((run.path / "tensorboard").iterdir())


def test_every_headline_figure_is_documented(runs):
    summary = Run.open(runs / "smoke").summary()
    documented = (DOCS / "run.md").read_text()
    agents = [*summary["training"], *summary["culture"]["agents"]]
    examinations = [agent["test"] for agent in agents]
    for tree in (summary, *agents, *examinations):
        assert [key for key in tree if f"`{key}`" not in documented] == []
    documented = (DOCS / "culture.md").read_text()
    assert [k for k in summary["culture"]["rounds"][0] if f"`{k}`" not in documented] == []
    documented = (DOCS / "features.md").read_text()
    for comparison in summary["features"].values():
        for tree in (comparison, *comparison["pairs"], *comparison["saes"]):
            assert [key for key in tree if f"`{key}`" not in documented] == []


def test_no_quiz_is_in_training_and_in_a_test(runs):
    run = Run.open(runs / "smoke")
    store = CultureStore(run.path / "culture")
    world = run.config.world
    kept = store.kept("culture_train")
    if kept is not None and len(kept):
        assert (world.split_of(kept) == 0).all()


@pytest.mark.browser
def test_the_report_opens_and_fits(browser, runs):
    check_page(browser, runs / "smoke" / "report" / "index.html")
    assert len(browser.find_elements("css selector", ".chart .line:not(.dotted)")) == 5
    assert len(browser.find_elements("css selector", ".chart .dotted")) == 5
    assert len(browser.find_elements("css selector", "#features .matrix td")) == 26
    assert browser.find_elements("css selector", "svg.quiz")


def test_a_second_command_does_nothing_again(runs):
    before = (runs / "smoke" / "culture" / "round-0001.parquet").stat().st_mtime_ns
    states = [Run.open(runs / "smoke").agent_state(agent) for agent in range(5)]
    ended = culture_sim("culture", "--runs", str(runs), "--preset", "smoke", *ALONE)
    assert ended.returncode == 0, ended.stderr
    assert (runs / "smoke" / "culture" / "round-0001.parquet").stat().st_mtime_ns == before
    assert [Run.open(runs / "smoke").agent_state(agent) for agent in range(5)] == states


def test_features_of_other_agents_are_made_again(runs, tmp_path):
    """Agent 4's weights become agent 3's: its SAEs and the comparison are out of date."""
    shutil.copytree(runs / "smoke", tmp_path / "changed")
    run = Run.open(tmp_path / "changed")
    before = run.summary()["features"]
    shutil.rmtree(run.agent_path(4))
    shutil.copytree(run.agent_path(3), run.agent_path(4))
    assert culture_sim("sae", "--runs", str(tmp_path), "--run", "changed", *ALONE).returncode == 0
    after = run.summary()["features"][PLACE]
    earlier = before[PLACE]
    assert after["saes"][:8] == earlier["saes"][:8]
    assert after["made_from"] != earlier["made_from"]
    assert after["matrices"] != earlier["matrices"]


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("culture/round-0001.parquet", "sae"),
        ("agents/3/model.safetensors", "sae"),
        ("config.json", "sae"),
    ],
)
def test_a_truncated_file_is_named_in_one_line(runs, tmp_path, file, command):
    shutil.copytree(runs / "smoke", tmp_path / "hurt")
    shutil.rmtree(tmp_path / "hurt" / "features")
    path = tmp_path / "hurt" / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    ended = culture_sim(command, "--runs", str(tmp_path), "--run", "hurt", *ALONE)
    lines = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert len(lines) == 1
    assert file in lines[0]


def test_other_agents_need_another_run(runs):
    ended = culture_sim("train-agents", "--runs", str(runs), "--run", "smoke", "--seed", "1")
    assert ended.returncode == 2
    assert "were trained with another 'seed'" in ended.stderr
    assert json.loads((runs / "smoke" / "config.json").read_text())["config"]["seed"] == 0
