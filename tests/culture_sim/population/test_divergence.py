"""One agent diverges: the command ends in one line, and all that was good is there to go on from.

In the first training, in a round's and in that of SAEs, with one process and with several.
"""

import shutil

import pytest
import torch

from agents.checkpoint import MODEL, read_model, read_optimizer, save_checkpoint
from culture_sim.run.alarms import DIVERGENCE, training_alarms
from culture_sim.run.run import Run
from tests.helpers import commands
from tests.helpers.stored_round import AGENTS, EPOCH, SMALL
from tests.helpers.strict_json import assert_valid

pytestmark = pytest.mark.slow
BUDGET = ("--train.max-quizzes", str(4 * EPOCH))
RATES = ("--train.learning-rate", "--train.adam-learning-rate")
WAYS = {
    "muon": ("1e38", "0.003"),
    "adam": ("0.008", "1e38"),
    "without bounds": ("0.008", "1e3"),
}
"""Rates that are too high, with a rate that is not."""


def rates(*values):
    return [word for pair in zip(RATES, values, strict=True) for word in pair]


def command(path, name, *options, processes=1):
    place = ("--runs", str(path.parent), "--run", path.name, "--processes", str(processes))
    return commands.culture_sim(name, *place, *options)


def refused(ended):
    """The one line of a command that ended in order, with an error."""
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("culture-sim: error: agent ")
    return line


def weights(path):
    return {a: (path / "agents" / str(a) / MODEL).read_bytes() for a in range(AGENTS)}


def states(path):
    run = Run.open(path)
    return [run.agent_state(agent) for agent in run.agents]


@pytest.fixture
def path(stored, tmp_path):
    return shutil.copytree(stored, tmp_path / "run")


@pytest.fixture
def without_culture(path):
    shutil.rmtree(path / "culture")
    return path


def test_training_goes_on_from_the_last_checkpoint(without_culture):
    path, before, seen = without_culture, weights(without_culture), 0
    for (way, values), processes in zip(WAYS.items(), (1, 2, 1), strict=True):
        further = ("--train.target", "1.0", *BUDGET, *rates(*values))
        line = refused(command(path, "train-agents", *further, processes=processes))
        assert "diverged: after " in line
        assert f"its checkpoint of {EPOCH} quizzes stands" in line
        high = int(way != "muon")
        assert f"a lower {RATES[high]} (now {float(values[high]):g})" in line
        assert RATES[1 - high] not in line
        assert weights(path) == before
        assert_valid(path)
        alarms = training_alarms(Run.open(path))
        assert len(alarms) > seen
        seen = len(alarms)
        assert all(alarm["kind"] == DIVERGENCE for alarm in alarms)
        assert all(EPOCH <= alarm["quizzes"] <= 2 * EPOCH for alarm in alarms)
        assert Run.open(path).summary()["alarms"] == alarms
    lower = ("--train.max-quizzes", str(2 * EPOCH), *rates("0.003", "0.003"))
    again = command(path, "train-agents", *lower)
    assert again.returncode == 1, again.stderr
    assert [state.quizzes for state in states(path)] == [2 * EPOCH] * AGENTS


def test_an_agent_that_never_got_a_checkpoint_begins_anew(tmp_path):
    path = tmp_path / "run"
    line = refused(command(path, "train-agents", *SMALL, "--train.learning-rate", "1e38"))
    assert "with a lower --train.learning-rate (now 1e+38) goes on" in line
    assert not any(path.glob("agents/*/state.json"))
    assert_valid(path)
    again = command(path, "train-agents", "--train.learning-rate", "0.008")
    assert again.returncode == 0, again.stderr


def test_one_agent_ends_the_whole_command_and_the_others_keep_theirs(without_culture):
    path, run = without_culture, Run.open(without_culture)
    bad = 3
    place = run.agent_path(bad)
    model, optimizer, state = read_model(place), read_optimizer(place), run.agent_state(bad)
    optimizer["weights/unembed.weight"][0] = torch.nan
    save_checkpoint(place, model, optimizer, state.to_json())
    before = states(path)
    line = refused(command(path, "train-agents", "--train.target", "1.0", *BUDGET, processes=2))
    assert line.startswith(f"culture-sim: error: agent {bad} diverged: after {EPOCH} quizzes")
    assert_valid(path)
    after = states(path)
    assert after[bad] == before[bad]
    for agent in run.agents:
        run.load_agent(agent)
        assert after[agent].quizzes >= EPOCH


def test_a_round_goes_on_from_the_checkpoints_before_it(path):
    before = weights(path)
    line = refused(command(path, "culture-round", "--train.learning-rate", "1e38"))
    assert "diverged in round 1" in line
    assert weights(path) == before
    assert_valid(path)
    again = command(path, "culture-round", "--train.learning-rate", "0.008")
    assert again.returncode == 0, again.stderr
    made = [state.made for state in states(path)]
    assert all([entry["stage"] for entry in entries] == ["train", "round-1"] for entries in made)
    rates = {e["options"]["train"]["learning_rate"] for entries in made for e in entries}
    assert rates == {0.008}


def test_saes_end_in_one_line_and_are_trained_at_a_lower_rate(path):
    options = (
        *("--sae.sites", "blocks.0.hook_resid_post", "--sae.widths", "32", "--sae.k", "4"),
        *("--sae.seeds", "1", "--sae.baselines", "--sae.training-tokens", "16000"),
        *("--sae.buffer-quizzes", "64", "--sae.comparison-quizzes", "40", "--sae.resamples", "5"),
        *("--sae.concept-quizzes", "10"),
    )
    ended = command(path, "sae", *options, "--sae.learning-rate", "1e38")
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "the SAE of agent run/0 at blocks.0.hook_resid_post diverged" in line
    assert "lower --sae.learning-rate (now 1e+38)" in line
    assert not any(path.glob("sae/*/*/*/*/training.json"))
    assert_valid(path)
    again = command(path, "sae", "--sae.learning-rate", "0.005")
    assert again.returncode == 0, again.stderr


def test_an_agent_that_an_earlier_release_let_diverge_is_named(path):
    run = Run.open(path)
    place, state = run.agent_path(2), run.agent_state(2)
    model, optimizer = read_model(place), read_optimizer(place)
    model["unembed.weight"][:] = torch.nan
    save_checkpoint(place, model, optimizer, state.to_json())
    site = ("--sae.sites", "blocks.1.hook_resid_post")
    for name, options in (("sae", site), ("culture-round", ())):
        line = refused(command(path, name, *options))
        assert "agent 2 of" in line
        assert "diverged while it was trained" in line
