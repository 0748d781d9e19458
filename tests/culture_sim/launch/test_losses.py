"""What is lost from a run between two commands: made again as it was, or named in one line."""

import json
import shutil

import pytest

from culture_sim.run.lookup import LookupScores, lookup_is_scored, read_lookup, write_lookup
from culture_sim.run.run import Run
from tests.helpers.commands import culture_sim

ALONE = ("--processes", "1")
SAE = "sae --sae.sites blocks.1.hook_resid_post"


@pytest.fixture
def path(trained, tmp_path):
    """A run to spoil, whose agents have learned from round 1."""
    return shutil.copytree(trained, tmp_path / "run")


def ended(path, command, *options):
    return culture_sim(*command.split(), "--runs", str(path.parent), "--run", path.name, *options)


def test_what_is_told_of_training_is_made_again(path):
    """As after a kill between the agents and the lookup; the agents have gone on since."""
    lookup = (path / "lookup.json").read_bytes()
    summary = json.loads((path / "summary.json").read_text())
    (path / "lookup.json").unlink()
    (path / "summary.json").unlink()
    states = [Run.open(path).agent_state(agent) for agent in Run.open(path).agents]
    assert ended(path, "train-agents", *ALONE).returncode == 0
    assert (path / "lookup.json").read_bytes() == lookup
    again = Run.open(path).summary()["training"]
    assert [agent["seconds"] for agent in again] == [None] * len(states)
    for now, before in zip(again, summary["training"], strict=True):
        assert now == {**before, "seconds": None}
    assert [Run.open(path).agent_state(agent) for agent in Run.open(path).agents] == states


@pytest.mark.parametrize("left", ["{", "", '{"checksum": "0"}'])
def test_damaged_figures_are_made_again(path, left):
    """But for the seconds that stages took, which nothing else knows."""
    lookup, summary = path / "lookup.json", path / "summary.json"
    whole = {file: file.read_bytes() for file in (lookup, summary)}
    for file in whole:
        file.write_text(left)
    done = ended(path, "train-agents", *ALONE)
    assert done.returncode == 0, done.stderr
    assert lookup.read_bytes() == whole[lookup]
    said = f"{summary} was damaged; it is made again, without the time that stages took"
    assert said in done.stdout
    before, again = json.loads(whole[summary]), Run.open(path).summary()
    assert again["culture"] == before["culture"]
    for now, then in zip(again["training"], before["training"], strict=True):
        assert now == {**then, "seconds": None}


def test_a_damaged_lookup_names_the_command_that_makes_it_again(path):
    (path / "lookup.json").write_text("{")
    refused = ended(path, "report")
    assert refused.returncode == 2
    again = f"make it again with: culture-sim train-agents --run {path.name}"
    assert "lookup.json is damaged" in refused.stderr
    assert again in refused.stderr


def test_a_round_that_agents_learned_from_is_not_held_again(path):
    round_ = path / "culture" / "round-0001.parquet"
    round_.unlink()
    for command in ("culture-round", SAE, "report"):
        refused = ended(path, command)
        assert refused.returncode == 2
        assert f"{round_} is missing, and agents have learned from it" in refused.stderr
        assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["replay", "quizzes", "analyze", "export dataset --out x"])
def test_commands_that_read_culture_name_a_round_that_is_lost(path, command):
    round_ = path / "culture" / "round-0001.parquet"
    round_.unlink()
    refused = ended(path, command)
    assert refused.returncode == 2
    assert f"{round_} is missing beside its figures" in refused.stderr


def test_what_a_kill_left_of_an_earlier_checkpoint_is_removed(path):
    """As after a kill in the moment between two checkpoints; the agent is done, and stays so."""
    for name in (".0.old", ".1.tmp"):
        shutil.copytree(path / "agents" / "0", path / "agents" / name)
    shutil.move(path / "agents" / "1", path / "agents" / ".1.old")
    assert ended(path, "report").returncode == 0
    left = sorted(each.name for each in (path / "agents").iterdir() if each.is_dir())
    assert left == ["0", "1", "2", "3", "4"]


def test_a_world_without_pairs_is_known_to_have_no_lookup(path):
    run = Run.open(path)
    assert isinstance(read_lookup(run), LookupScores)
    write_lookup(run, None)
    assert lookup_is_scored(run)
    assert read_lookup(run) is None


def test_a_worker_is_heard_though_its_log_cannot_be_written(path):
    """As on a disk that is full: there is a place for nothing, not even for a line of the log."""
    (path / "logs" / "sae-0.log").unlink(missing_ok=True)
    (path / "logs" / "sae-0.log").symlink_to("/dev/full")
    weights = path / "agents" / "1" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    refused = ended(path, SAE, *ALONE)
    assert refused.returncode == 2
    assert f"{weights} is damaged" in refused.stderr
    assert refused.stderr.count("\n") == 1
