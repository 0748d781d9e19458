"""The number formats of a run: decided by one process, kept, said, and the same in all."""

import json
import socket
from dataclasses import asdict, replace
from functools import partial

import pytest

import agents.precision
import culture_sim.run.formats
from agents.checkpoint import STATE
from agents.precision import Formats
from culture_sim.run.config import RunConfig
from culture_sim.run.formats import RECORD, agreed, formats_here, machine
from culture_sim.run.run import Run, parse_line
from culture_sim.run.state import AgentState
from tests.helpers.launched import launch
from world.core.files import write_json

FAST, SAFE = Formats("bf16", "bf16"), Formats("fp32", "fp32")


@pytest.fixture
def run(tmp_path):
    return Run.start(tmp_path / "run", RunConfig(agents=2), "compact")


@pytest.fixture
def measure(monkeypatch):
    """Have the next measurements say this."""

    def says(formats):
        monkeypatch.setattr(agents.precision, "fastest_formats", lambda device: formats)

    says(FAST)
    return says


def asking(run, precision):
    return replace(
        run, config=replace(run.config, train=replace(run.config.train, precision=precision))
    )


def notes(run):
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    return [entry["note"] for line in lines if (entry := parse_line(line))]


def test_what_was_measured_is_recorded_and_said(run, measure):
    assert agreed(run, "train").formats == FAST
    record = json.loads((run.path / RECORD).read_text())
    assert record["formats"] == {"network": "bf16", "newton_schulz": "bf16"}
    assert record["asked"] == "auto"
    assert notes(run) == ["bf16 in the network, bf16 in Newton-Schulz (measured)"]


def test_a_run_goes_on_as_it_was_on_a_machine_of_the_same_kind(run, measure):
    """Measurements near the border may differ; an interrupted run must not."""
    agreed(run, "train")
    measure(SAFE)
    assert agreed(run, "round-1").formats == FAST
    assert formats_here(run) == FAST
    assert "until now" not in notes(run)[-1]


def test_another_machine_measures_and_says_what_changes(run, measure, monkeypatch):
    agreed(run, "train")
    measure(SAFE)
    monkeypatch.setattr(culture_sim.run.formats, "machine", lambda: "another")
    assert agreed(run, "round-1").formats == SAFE
    assert notes(run)[-1] == (
        "fp32 in the network, fp32 in Newton-Schulz (measured); until now this run's agents "
        "learned with bf16 in the network, bf16 in Newton-Schulz"
    )
    assert agreed(run, "round-1").formats == SAFE
    assert "until now" not in notes(run)[-1]


def test_an_option_overrules_what_was_recorded(run, measure):
    agreed(run, "train")
    assert agreed(asking(run, "fp32"), "train").formats == SAFE
    assert "(asked for); until now" in notes(run)[-1]
    # What was asked for is no measurement.
    assert agreed(run, "train").formats == FAST


def learned_with(run, agent, formats, machine):
    """An agent that says with which formats it was trained, and where."""
    how = {
        "precision": asdict(formats),
        "machine": machine,
        "options": {"train": {"precision": "auto"}},
    }
    state = AgentState(agent).made_with(how)
    run.agent_path(agent).mkdir(parents=True)
    write_json(run.agent_path(agent) / STATE, state.to_json())


@pytest.mark.parametrize("left", [None, "", "{", "{}", '{"formats": {}}'])
def test_a_record_that_is_lost_or_damaged_is_as_agents_say(run, measure, left):
    """Of several, the one that was last trained on a machine of this kind."""
    learned_with(run, 0, Formats("fp32", "bf16"), "another")
    learned_with(run, 1, SAFE, machine())
    if left is not None:
        (run.path / RECORD).write_text(left)
    assert formats_here(run) == SAFE
    assert agreed(run, "round-1").formats == SAFE
    assert "until now" not in notes(run)[-1]
    assert json.loads((run.path / RECORD).read_text())["machine"] == machine()


def test_on_another_machine_a_lost_record_is_measured_anew(run, measure):
    learned_with(run, 0, SAFE, "another")
    assert agreed(run, "round-1").formats == FAST
    assert "until now this run's agents learned with fp32" in notes(run)[-1]


def test_who_only_looks_at_a_run_leaves_no_record(run, measure):
    assert agreed(run, "report").formats == FAST
    assert formats_here(run) == FAST
    assert not (run.path / RECORD).exists()
    assert not (run.path / "metrics.jsonl").exists()


WORKER = """
import os, sys
from pathlib import Path
import agents.precision
from culture_sim.run.formats import agreed
from culture_sim.run.run import Run
own = "bf16" if os.environ["RANK"] == "1" else "fp32"
agents.precision.fastest_formats = lambda device: agents.precision.Formats(own, own)
print(agreed(Run.open(Path(sys.argv[1])), "train").formats)
agents.precision.process_state().wait_for_everyone()
"""


@pytest.mark.slow
def test_processes_that_measure_differently_do_the_same(run):
    """Rank 0 measures fp32 and rank 1 bf16: both work as rank 0 says."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    place = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
             "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true"}  # fmt: skip
    started = [
        launch(
            [run.path],
            variables={**place, "RANK": rank, "LOCAL_RANK": rank},
            main=partial(exec, WORKER, {}),
        )
        for rank in ("0", "1")
    ]
    said = [process.communicate()[0].strip() for process in started]
    assert said == [str(SAFE)] * 2
    assert [process.returncode for process in started] == [0, 0]
    assert len(notes(run)) == 1
