"""The report says with what each part was made, whatever the run's options are by now."""

import importlib.metadata
import json
from dataclasses import replace

import pytest
import torch

from agents.checkpoint import save_checkpoint
from agents.config import ModelConfig, TrainConfig
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.culture.rules.four_of_five import FourOfFive
from culture_sim.report import write_report
from culture_sim.report.page.gather import _rule
from culture_sim.report.page.made import parts_made
from culture_sim.run.alarms import COLLAPSE, DIVERGENCE, raise_alarm
from culture_sim.run.config import RunConfig
from culture_sim.run.provenance import made_by, made_on
from culture_sim.run.run import Run
from culture_sim.run.state import AgentState
from tests.helpers.strict_json import strict
from world.core.options import to_tree

CONFIG = RunConfig(agents=3, model=ModelConfig(d_model=32), train=TrainConfig(precision="fp32"))
SECTIONS = ("seed", "train")


@pytest.fixture
def run(tmp_path):
    return Run.start(tmp_path / "run", CONFIG, "compact")


def save(run, state):
    weights = {"w": torch.zeros(1)}
    save_checkpoint(run.agent_path(state.agent), weights, weights, state.to_json())


def at_rate(run, rate):
    return replace(run, config=replace(CONFIG, train=replace(CONFIG.train, learning_rate=rate)))


def test_what_a_part_was_made_with_is_machine_formats_versions_and_options(run):
    made = made_by(run, "train", SECTIONS)
    assert made["options"] == {
        "seed": 0,
        "train": json.loads(json.dumps(to_tree(CONFIG.train))),
    }
    assert made["precision"] == {"network": "fp32", "newton_schulz": "fp32"}
    assert made["processes"] == 1
    assert torch.__version__ in made["machine"]
    assert made["versions"]["torch"] == importlib.metadata.version("torch")
    assert made == strict(json.dumps(made))
    assert made_on(run).items() <= {**made, "versions": made_on(run)["versions"]}.items()


def test_an_agent_remembers_each_change_once():
    first, second = {"options": 1, "machine": "a"}, {"options": 2, "machine": "a"}
    first["stage"], second["stage"] = "round-1", "round-5"
    state = AgentState(0).made_with(first).made_with({**first, "stage": "round-2"})
    state = replace(state, quizzes=10).made_with(first)
    assert state.made == ({**first, "from_quizzes": 0},)
    state = state.made_with(second).made_with(second)
    state = replace(state, quizzes=20).made_with(first)
    assert [entry["from_quizzes"] for entry in state.made] == [0, 10, 20]
    assert AgentState.from_json(json.loads(json.dumps(state.to_json()))) == state


def test_the_report_shows_what_agents_learned_with_and_not_what_the_run_says_now(run):
    """Two agents alike and one that went on otherwise; then the options are changed by hand."""
    slow, fast = (made_by(at_rate(run, r), "train", SECTIONS) for r in (0.0123, 0.0456))
    for agent in (0, 1):
        save(run, replace(AgentState(agent).made_with(slow), quizzes=10))
    state = replace(AgentState(2).made_with(slow), quizzes=4000)
    save(run, state.made_with(fast))
    changed = at_rate(run, 0.5)
    parts = parts_made(changed, [], [])
    assert [part.what for part in parts] == [
        "training (train): agent 0, agent 1, agent 2",
        "training (train): agent 2 from quiz 4,000",
    ]
    assert ['"learning_rate": 0.0123' in part.options for part in parts] == [True, False]
    assert ['"learning_rate": 0.0456' in part.options for part in parts] == [False, True]
    assert parts[0].precision == "fp32 (Newton-Schulz fp32)"
    page = write_report(changed).read_text()
    assert "0.0123" in page
    assert "0.0456" in page
    assert torch.__version__ in page


def test_agents_of_an_earlier_release_have_no_record(run):
    save(run, AgentState(1))
    (part,) = parts_made(run, [], [])
    assert (part.what, part.precision, part.versions) == ("training: agent 1", "-", "")
    assert "not recorded" in write_report(run).read_text()


def test_a_round_is_shown_with_its_own_rule(run):
    configs = (CultureConfig(rule=FourOfFive()), CultureConfig(rule=AllButK(2)))
    rounds = [
        {"round": n, "culture": json.loads(json.dumps(to_tree(config)))}
        for n, config in enumerate(configs, 1)
    ]
    first, second = (config.rule.describe(3) for config in configs)
    assert _rule(run, []) == run.config.culture.rule.describe(3)
    assert _rule(run, rounds[1:]) == second
    assert _rule(run, rounds) == f"in round 1, {first}; in round 2, {second}"
    parts = parts_made(run, [{**rounds[0], "made_on": made_on(run)}, rounds[1]], [])
    assert [part.what for part in parts] == ["culture: round 1", "culture: round 2"]
    assert '"name": "all_but_k"' in parts[1].options


def test_saes_that_are_alike_are_one_part(run):
    for agent, k in ((0, 4), (1, 4), (2, 5)):
        folder = run.path / "sae" / "here" / "batch_topk-8" / str(agent) / "0"
        folder.mkdir(parents=True)
        made_from = {"agent": f"hash {agent}", "seed": agent, "baseline": None, "k": k}
        record = {"made_from": made_from, "made_on": made_on(run)}
        (folder / "training.json").write_text(json.dumps(record))
    parts = parts_made(run, [], [{"site": "here", "dictionary": "b", "made_from": {"n": 1}}])
    assert [part.what for part in parts] == [
        "SAEs: agent 0 (0), agent 1 (0)",
        "SAEs: agent 2 (0)",
        "comparison: here, b",
    ]
    assert "hash" not in parts[0].options


def test_alarms_of_training_stand_in_the_report(run):
    save(run, AgentState(1))
    for _ in range(2):  # when an epoch is made again
        raise_alarm(run, COLLAPSE, 1, 0, 4000, "agent 1 forgets")
    raise_alarm(run, DIVERGENCE, 2, 3, 9000, "agent 2 diverged")
    page = write_report(run).read_text()
    assert page.count("<b>Training, collapse:</b> agent 1 forgets.") == 1
    assert page.count("<b>Round 3, divergence:</b> agent 2 diverged.") == 1
