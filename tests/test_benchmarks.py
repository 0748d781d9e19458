"""Benchmarks run, and their tables say what was measured."""

import itertools
import json
import signal
import subprocess
import sys
import time

import pytest
import torch

from agents.model import build_model
from benchmarks import time_to_target, training
from benchmarks.ablations import summary
from benchmarks.learning import learn
from benchmarks.measure import Row
from benchmarks.recipes import recipes
from benchmarks.tables import cells, markdown
from culture_sim.presets import presets
from tests.helpers.forked import run_script
from tests.helpers.pages import ROOT

QUICKEST = ("world_generation", "training", "generation", "voting", "correlation")
"""Those that need neither sae_lens nor an agent that learns."""


def test_a_ratio_above_one_is_better():
    faster = Row("part", "case", 30.0, "quizzes/s", "slow way", 10.0, 60.0, "bytes")
    sooner = Row("part", "case", 10.0, "s", "slow way", 30.0, better="less")
    assert faster.ratio == sooner.ratio == 3.0
    assert faster.of_floor == 0.5
    assert sooner.of_floor is None


def test_a_table_has_every_figure():
    row = Row("part", "case", 3000.0, "quizzes/s", "slow way", 1.25, 60_000.0, "8 bytes")
    assert cells(row.as_dict()) == [
        "part: case", "3,000 quizzes/s", "2400.0x", "slow way", "1.25", "5.0%",
        "60,000 quizzes/s: 8 bytes",
    ]  # fmt: skip
    lines = markdown([row.as_dict()]).splitlines()
    assert len({line.count("|") for line in lines}) == 1


def test_runs_that_did_not_arrive_are_counted_and_not_averaged():
    ends = [
        {"reached": True, "quizzes": 52_000, "processor_seconds": 250.0, "accuracy": 0.95},
        {"reached": True, "quizzes": 48_000, "processor_seconds": 230.0, "accuracy": 0.96},
        {"reached": False, "quizzes": 90_000, "processor_seconds": 600.0, "accuracy": 0.5},
    ]
    assert summary("default", ends) == [
        "default", "2 of 3", "50,000 (48,000 to 52,000)", "240 (230 to 250)",
        "95.0% (50.0% to 96.0%)",
    ]  # fmt: skip
    assert summary("default", ends[2:])[1:4] == ["0 of 1", "-", "-"]


@pytest.mark.parametrize("name", recipes)
def test_a_recipe_can_be_built(name):
    size = presets["smoke"]().model
    model, train = recipes[name](size)
    assert model.d_model == size.d_model
    assert train.epoch_quizzes == presets["compact"]().train.epoch_quizzes
    assert name == "default" or (model, train) != recipes["default"](size)
    built = build_model(model, presets["smoke"]().world, seed=0)
    assert built.position_table().shape == (built.seq_len, size.d_model)


def test_a_network_without_hook_points_computes_the_same():
    config = presets["smoke"]()
    model = build_model(config.model, config.world, seed=0).eval()
    tokens = torch.zeros(2, model.seq_len, dtype=torch.long)
    with torch.no_grad():
        expected = model(tokens)
        training._without_hook_points(model)
        assert model.site_names() == ()
        assert torch.equal(model(tokens), expected)


@pytest.mark.slow
def test_a_recipe_that_fails_ends_the_other(monkeypatch):
    started = []

    class Recorded(subprocess.Popen):
        def __init__(self, *given, **options):
            super().__init__(*given, **options)
            started.append(self)

    def command(name, *_):
        ends = "raise SystemExit(3)" if name == "source" else "import time; time.sleep(60)"
        return [sys.executable, "-c", ends]

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    monkeypatch.setattr(time_to_target, "_command", command)
    monkeypatch.setattr(time_to_target, "device", lambda: torch.device("cpu"))  # side by side
    began = time.monotonic()
    with pytest.raises(RuntimeError, match=r"a recipe failed: exit codes {'source': 3}"):
        list(time_to_target.rows(quick=True))
    assert time.monotonic() - began < 30
    assert [process.returncode for process in started] == [-signal.SIGKILL, 3]


@pytest.mark.slow
def test_a_recipe_goes_on_where_it_was(tmp_path):
    config, budget = presets["smoke"](), 75

    def lines(folder, count=None):
        found = learn("default", 0, config, budget, itertools.count().__next__, tmp_path / folder)
        return list(itertools.islice(found, count))

    whole, begun = lines("whole"), lines("cut", 1)
    assert len(whole) > 2
    together = begun + lines("cut")
    for key in ("quizzes", "accuracy", "loss", "reached"):
        assert [line[key] for line in together] == [line[key] for line in whole]
    times = [line["processor_seconds"] for line in together]
    assert times == sorted(times)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICKEST)
def test_a_benchmark_gives_its_rows(name, tmp_path):
    out = tmp_path / "rows.json"
    ended = run_script("benchmarks", [name, "--inside", "--quick", "--out", out], ROOT)
    assert ended.returncode == 0, ended.stderr
    assert_measured(json.loads(out.read_text()))


@pytest.mark.slow
def test_a_benchmark_has_a_fresh_process_and_its_rows_are_told(tmp_path):
    out = tmp_path / "bench.json"
    ended = run_script("benchmarks", ["correlation", "--quick", "--out", out], ROOT)
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(out.read_text())["rows"]
    assert_measured(rows)
    assert {row["benchmark"] for row in rows} == {"correlation"}
    assert f"{len(rows)} rows in" in ended.stdout


def assert_measured(rows):
    assert rows
    for row in rows:
        assert row["value"] > 0
        assert row["ratio"] > 0
        assert row["floor"] is None or row["floor"] > 0
        assert row["baseline"]
