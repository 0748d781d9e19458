"""A command takes the options of what it does: its help shows these, and it refuses others."""

import re

import pytest

from culture_sim.cli import main
from culture_sim.commands import STAGES
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run

TAKES = {
    "culture": {"seed", "agents", "rounds", "world", "model", "train", "culture", "sae"}
    | {"compare-on-culture", "config", "processes", "wandb"},
    "train-agents": {"seed", "agents", "world", "model", "train", "config", "processes", "wandb"},
    "culture-round": {"rounds", "train", "culture", "config", "processes", "wandb"},
    "sae": {"sae", "compare-on-culture", "config", "processes", "wandb"},
    "report": set(),
}
WHERE = {"help", "plugin", "preset", "run", "runs"}
FLAGS = [
    ["--seed", "1"],
    ["--agents=3"],
    ["--rounds", "2"],
    ["--world", "strings"],
    ["--world.height", "8"],
    ["--model.d-model=64"],
    ["--train.learning-rate", "0.5"],
    ["--train.learning_rate=0.5"],
    ["--culture.quota", "9999"],
    ["--culture.rule", "all_but_k", "--culture.rule.k", "2"],
    ["--sae.k", "3"],
    ["--no-compare-on-culture"],
    ["--config", "options.json"],
    ["--processes", "2"],
    ["--wandb"],
    ["--no-wandb"],
]


def section(flag):
    name = re.match(r"--(?:no-)?([a-z-]+)", flag.replace("_", "-"))
    return name.group(1) if name else ""


@pytest.mark.parametrize("name", STAGES)
def test_the_help_shows_these_options_alone(name, capsys):
    with pytest.raises(SystemExit):
        main([name, "--help"])
    shown = {section(flag) for flag in re.findall(r"--[a-z][\w.-]*", capsys.readouterr().out)}
    assert shown - WHERE == TAKES[name]


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
@pytest.mark.parametrize("name", STAGES)
def test_others_are_refused_in_one_line(name, flags, tmp_path, capsys):
    """Whatever its spelling; the line names who takes it, and nothing in the run is touched."""
    Run.start(tmp_path / "made", RunConfig(), "compact")
    before = (tmp_path / "made" / "config.json").read_bytes()
    if section(flags[0]) in TAKES[name]:
        return
    assert main([name, "--runs", str(tmp_path), "--run", "made", *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    flag = flags[0].partition("=")[0]
    assert line.startswith(f"culture-sim: error: culture-sim {name} takes no {flag}, ")
    able = [other for other in STAGES if section(flag) in TAKES[other]]
    assert line.endswith(f"it is an option of {', '.join(able)}")
    assert (tmp_path / "made" / "config.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_what_is_no_option_of_any_command_is_said_to_be_unknown(tmp_path, capsys):
    Run.start(tmp_path / "made", RunConfig(), "compact")
    assert main(["report", "--runs", str(tmp_path), "--run", "made", "--dance", "1"]) == 2
    assert "Unrecognized options: --dance" in capsys.readouterr().err
