"""Features of a run's agents: compared, their effects, a common dictionary."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from culture_sim.cli import main
from culture_sim.culture.store import CultureStore
from culture_sim.features.comparisons import open_compared
from culture_sim.features.folders import dictionary_configs
from culture_sim.run.run import Run
from sae.activations.quizzes import is_held_out
from sae.files import write_parquet
from tests.helpers.stored_round import AGENTS, SAE_SPLIT, culture_sim
from world import World
from world.core.files import CHECKSUM, read_json, write_json

SITES = ("blocks.0.hook_resid_post", "blocks.1.hook_resid_post")
SEEDS = 2
SAE = [
    "--sae.sites", *SITES, "--sae.widths", "32", "--sae.k", "4", "--sae.seeds", str(SEEDS),
    "--sae.baselines", "neurons", "untrained",
    "--sae.training-tokens", "4096", "--sae.epochs-per-buffer", "1", "--sae.buffer-quizzes", "24",
    "--sae.comparison-quizzes", "40", "--sae.concept-quizzes", "20",
    "--sae.permutations", "2", "--sae.resamples", "5",
]  # fmt: skip


@pytest.fixture(scope="module")
def compared(trained, tmp_path_factory):
    """The trained run with SAEs and their comparison."""
    path = tmp_path_factory.mktemp("sae") / "compared"
    shutil.copytree(trained, path)
    assert culture_sim(path, "sae", *SAE) == 0
    return path


def test_every_site_is_compared_with_all_dictionaries_of_an_agent(compared):
    weights = [*(compared / "sae").rglob("sae_weights.safetensors")]
    assert len(weights) == len(SITES) * AGENTS * (SEEDS + 1)
    summary = Run.open(compared).summary()["features"]
    assert list(summary) == [f"{site}/batch_topk-32" for site in SITES]
    for found in summary.values():
        by_agent = [(sae["agent"], sae["sae"]) for sae in found["saes"]]
        assert by_agent == [(agent, seed) for agent in range(AGENTS) for seed in range(SEEDS)]
        assert found["universality"]["ceiling"] > found["universality"]["null"]
        assert set(found["baselines"]) == {"neurons", "untrained"}


@pytest.mark.slow
def test_features_are_compared_on_held_out_culture_too(compared):
    path = compared
    run = Run.open(path)
    world = run.config.world
    held_out = CultureStore(path / "culture").kept("culture_test")
    hashes = world.canonical_hash(held_out)
    # Quizzes that an SAE may have been trained on are left out of the comparison.
    trainable = (world.split_of(held_out) == World.splits.index("sae")) & ~is_held_out(hashes)
    assert 0 < trainable.sum() < SAE_SPLIT
    unseen = len(world.answer_layouts) * int((~trainable).sum())
    place = f"{run.config.sae.sites[0]}/{dictionary_configs(run.config)[0].name}"
    found = json.loads((path / "features" / place / "summary.json").read_text())
    assert found["culture_quizzes"] == unseen
    assert found["quizzes"] == 40 + unseen
    assert run.summary()["features"][place]["culture_quizzes"] == unseen


@pytest.mark.slow
def test_effects_of_features_are_found_and_not_found_again(compared, capsys, monkeypatch):
    path = compared
    run = Run.open(path)
    where = ("--runs", str(path.parent), "--run", path.name)
    options = ("--quizzes", "16", "--families", "2", "--resamples", "5")
    assert main(["effects", *where, *options]) == 0
    folder = path / "features" / run.config.sae.sites[0] / dictionary_configs(run.config)[0].name
    found = json.loads((folder / "effects.json").read_text())
    assert found["comparison"] == open_compared(run, None, None).made_from
    assert {row["factor"] for row in found["features"]} == {0.0, 2.0}
    assert [row["features"] for row in found["features"]] == [32] * 2 * AGENTS
    effects = pd.read_parquet(folder / "effects.parquet")
    assert set(effects.agent) == set(run.agents)
    families = pd.read_parquet(folder / "family_effects.parquet")
    assert families.family.tolist() == pd.read_parquet(folder / "families.parquet").family.tolist()
    assert found["family_effects"]["families"] == len(families)
    before = {file: file.stat().st_mtime_ns for file in (folder / "effects").iterdir()}
    assert main(["effects", *where, *options]) == 0
    assert before == {file: file.stat().st_mtime_ns for file in (folder / "effects").iterdir()}
    assert json.loads((folder / "effects.json").read_text()) == found
    capsys.readouterr()
    assert main(["effects", *where, "--site", "nowhere"]) == 2
    assert "no features are compared there; known in" in capsys.readouterr().err
    hurt = next((folder / "effects").glob("agent-0-0-evaluation-*.npz"))
    hurt.write_bytes(hurt.read_bytes()[:100])
    # What is damaged is found again, and of other code nothing is taken over.
    assert main(["effects", *where, *options]) == 0
    assert read_json(folder / "effects.json", "") == {
        name: value for name, value in found.items() if name != CHECKSUM
    }
    monkeypatch.setattr("culture_sim.features.effects.METHOD", 2)
    assert main(["effects", *where, *options]) == 0
    assert len(list((folder / "effects").iterdir())) == 2 * len(before)


@pytest.mark.slow
def test_effects_that_were_interrupted_leave_no_tables_of_two_runs(compared, tmp_path, monkeypatch):
    path = shutil.copytree(compared, tmp_path / "cut")
    folder = path / "features" / SITES[0] / "batch_topk-32"
    command = ["effects", "--runs", str(tmp_path), "--run", "cut", "--quizzes", "16"]
    command += ["--families", "2", "--resamples", "5", "--seed"]
    assert main([*command, "0"]) == 0

    def files():
        return {file.name: file.stat().st_mtime_ns for file in folder.glob("*.*")}

    def cut(*_):
        raise RuntimeError("cut")

    def cut_at_the_last(path, table):
        return cut() if path.name == "family_effects.parquet" else write_parquet(path, table)

    whole = files()
    with monkeypatch.context() as patch:
        patch.setattr("culture_sim.features.effects.fingerprint_agreement", cut)
        with pytest.raises(RuntimeError, match="cut"):
            main([*command, "1"])
    assert files() == whole
    with monkeypatch.context() as patch:
        patch.setattr("culture_sim.features.folders.write_parquet", cut_at_the_last)
        with pytest.raises(RuntimeError, match="cut"):
            main([*command, "1"])
    assert files()["effects.parquet"] > whole["effects.parquet"]
    assert whole.keys() - files().keys() == {"effects.json"}
    assert main([*command, "1"]) == 0
    assert files().keys() == whole.keys()


@pytest.mark.slow
def test_a_crosscoder_stands_beside_the_comparison(compared, capsys):
    path = compared
    run = Run.open(path)
    where = ("--runs", str(path.parent), "--run", path.name)
    options = {
        "d-sae": 48,
        "k": 6,
        "training-tokens": 16000,
        "buffer-quizzes": 64,
        "epochs_per_buffer": 2,
    }
    flags = [str(part) for k, v in options.items() for part in (f"--crosscoder.{k}", v)]
    assert main(["crosscoder", *where, *flags]) == 0
    folder = path / "features" / run.config.sae.sites[0] / dictionary_configs(run.config)[0].name
    found = json.loads((folder / "crosscoder.json").read_text())
    assert found["comparison"] == open_compared(run, None, None).made_from
    assert set(found["found"]) == {"none", "copies", "permuted"}
    assert found["found"]["copies"]["unique"] == 0
    assert len(pd.read_parquet(folder / "crosscoder.parquet")) == 48
    weights = list((path / "sae").rglob("crosscoder-48/*/sae_weights.safetensors"))
    before = [path.stat().st_mtime_ns for path in weights]
    assert len(weights) == 3
    matched = pd.read_parquet(folder / "crosscoder_matches.parquet")
    for name, own in (("no_family", matched.k == 1), ("unique", matched.kind == "unique")):
        told = found["alone"][name]
        assert told["features"] == own.sum()
        assert (
            told["partners"] == (matched.r[own] >= 0.7).sum() == sum(told["by_carriers"].values())
        )
    assert found["agreement"]["0.0"]["matching"] == found["alone"]["no_family"]["features"]
    assert found["agreement_unique"]["0.0"]["matching"] == found["alone"]["unique"]["features"]
    shown = " ".join(capsys.readouterr().out.split())
    assert "have a partner in the crosscoder (r >= 0.7)" in shown
    assert "Of features without a partner it says nothing." in shown
    assert main(["crosscoder", *where, *flags]) == 0
    assert before == [path.stat().st_mtime_ns for path in weights]
    assert "written:" in capsys.readouterr().out


def test_features_must_be_compared_before_their_effects(trained, capsys):
    for command in ("effects", "crosscoder"):
        assert main([command, "--runs", str(trained.parent), "--run", trained.name]) == 2
        assert "run first: culture-sim sae" in capsys.readouterr().err


def test_what_writes_into_a_run_keeps_off_while_another_command_works(trained, capsys):
    with Run.lock(trained):
        for command in ("analyze", "effects", "crosscoder", "culture-features"):
            assert main([command, "--runs", str(trained.parent), "--run", trained.name]) == 2
            error = capsys.readouterr().err
            assert error.startswith(f"culture-sim: error: another command is at work on {trained}")
            assert error.count("\n") == 1


@pytest.mark.slow
def test_features_of_earlier_agents_are_not_taken_for_those_of_now(compared, tmp_path, capsys):
    later = tmp_path / "later"
    shutil.copytree(compared, later)
    run = Run.open(later)
    shutil.rmtree(run.agent_path(4))
    shutil.copytree(run.agent_path(3), run.agent_path(4))
    for command in ("effects", "crosscoder", "culture-features"):
        assert main([command, "--runs", str(tmp_path), "--run", "later"]) == 2
        assert "are not those whose features are compared" in capsys.readouterr().err


@pytest.mark.slow
def test_damaged_tables_and_other_saes_are_named_in_one_line(compared, tmp_path, capsys):
    """SAEs may be trained again by a command that is interrupted before it compares them."""
    path = shutil.copytree(compared, tmp_path / "hurt")
    place = f"{SITES[0]}/batch_topk-32"
    table, record = (
        path / "features" / place / "families.parquet",
        path / "sae" / place / "3" / "0" / "training.json",
    )
    table.write_bytes(table.read_bytes()[:100])
    where = ("--runs", str(tmp_path), "--run", "hurt")
    assert main(["effects", *where, "--quizzes", "8"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"culture-sim: error: {table} cannot be read")
    again = "make it again with: culture-sim sae --run hurt"
    assert error.endswith(f"(its hash is not the one in its record); {again}\n")
    tree = read_json(record, "")
    tree["made_from"]["training_tokens"] += 1
    write_json(record, tree)
    assert main(["effects", *where]) == 2
    assert "the agents or SAEs of" in capsys.readouterr().err


@pytest.mark.slow
def test_a_folder_in_the_place_of_a_table_costs_nothing_else(compared, tmp_path, capsys):
    path = shutil.copytree(compared, tmp_path / "hurt")
    folder = path / f"features/{SITES[0]}/batch_topk-32"
    for blocked, commands in (("agreement", ("effects", "crosscoder")), ("coverage", ("sae",))):
        (folder / f"{blocked}.parquet").unlink(missing_ok=True)
        (folder / f"{blocked}.parquet").mkdir()
        before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
        for command in commands:
            assert main([command, "--runs", str(tmp_path), "--run", "hurt"]) == 2
            assert f"{blocked}.parquet is there and no ordinary file" in capsys.readouterr().err
        assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before
        (folder / f"{blocked}.parquet").rmdir()


@pytest.mark.slow
def test_agents_that_solve_nothing_have_no_culture_to_look_at(compared, capsys):
    path = compared
    where = ("--runs", str(path.parent), "--run", path.name)
    assert main(["culture-features", *where, "--world-quizzes", "20"]) == 2
    assert "too few to compare features on" in capsys.readouterr().err
