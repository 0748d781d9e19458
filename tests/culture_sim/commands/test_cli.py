"""The command line as a person meets it: help, refusals in one line, exit codes."""

import json
import subprocess
import sys

import pytest

from culture_sim.cli import _resolve, main
from culture_sim.culture.config import CultureConfig
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig, config_from_dict, config_to_dict, read_config
from culture_sim.run.run import Run
from world.core.errors import UserError


def refused(capsys, *arguments):
    """The single error line of a command that must fail."""
    code = main(list(arguments))
    error = capsys.readouterr().err
    assert code not in (0, None)
    assert error.startswith("culture-sim: error: ")
    assert error.count("\n") == 1
    return error


def test_unknown_command(capsys):
    assert "unknown command 'train'; known: culture" in refused(capsys, "train")


def test_unknown_preset(capsys, tmp_path):
    error = refused(capsys, "train-agents", "--preset", "tiny", "--runs", str(tmp_path))
    assert "unknown preset 'tiny'; known: compact, faithful, fleuret, smoke" in error


@pytest.mark.parametrize("command", ["culture-round", "sae"])
def test_a_stage_without_its_earlier_one_says_what_to_run(capsys, tmp_path, command):
    Run.start(tmp_path / "fresh", RunConfig(), "compact")
    error = refused(capsys, command, "--run", "fresh", "--runs", str(tmp_path))
    assert "culture-sim train-agents --run fresh" in error


@pytest.mark.parametrize("command", ["culture-round", "sae", "report"])
def test_a_missing_run_is_not_started_by_a_later_stage(capsys, tmp_path, command):
    error = refused(capsys, command, "--run", "none", "--runs", str(tmp_path))
    assert "there is no run at" in error
    assert "culture-sim train-agents --run none" in error
    assert list(tmp_path.iterdir()) == []


def test_a_missing_run_is_named(capsys, tmp_path):
    assert "there is no run at" in refused(
        capsys, "quizzes", "--run", "none", "--runs", str(tmp_path)
    )


def test_impossible_options_are_refused(capsys, tmp_path):
    error = refused(
        capsys, "train-agents", "--runs", str(tmp_path), "--world.height", "4", "--world.width", "4"
    )
    assert "do not fit" in error


def test_help_documents_every_field(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train-agents", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for flag in (
        "--preset",
        "--seed",
        "--world.height",
        "--model.d-model",
        "--train.target",
        "--culture.quota",
        "--sae.sites",
    ):
        assert flag in text
    words = " ".join(text.replace("│", "").split())
    assert "Share of unseen quizzes that must be answered exactly" in words


def test_quizzes_are_shown(capsys):
    assert main(["quizzes", "--task", "frame", "--count", "2"]) == 0
    assert capsys.readouterr().out.count("f(A)") == 2


def test_quizzes_of_a_preset_are_of_its_world(capsys):
    assert main(["quizzes", "--preset", "fleuret", "--count", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(bool(line) and not line.isalpha() for line in lines) >= 10


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--agent", "0"], "--agent needs --run"),
        (["--run", "fresh", "--task", "frame"], "culture quizzes have no task"),
        (["--run", "fresh"], "has no kept quizzes"),
        (["--run", "fresh", "--agent", "7"], "has agents 0 to 4"),
        (["--run", "fresh", "--agent", "1"], "agent 1 of"),
        (["--task", "rotate"], "unknown task 'rotate'"),
        (["--count", "0"], "count must be at least 1"),
    ],
)
def test_quizzes_that_cannot_be_shown(capsys, tmp_path, options, says):
    Run.start(tmp_path / "fresh", RunConfig(), "compact")
    assert says in refused(capsys, "quizzes", "--runs", str(tmp_path), *options)


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_survives_being_written_and_read(name, tmp_path):
    config = presets[name]()
    tree = json.loads(json.dumps(config_to_dict(config)))
    assert config_from_dict(tree) == config
    (tmp_path / "c.json").write_text(json.dumps({"config": tree}))
    assert read_config(tmp_path / "c.json") == config


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sed": 3}, "unknown option sed"),
        ({"train": {"targt": 0.9}}, "unknown option train.targt"),
        ({"train": {"target": "high"}}, "option train.target must be a finite number, got 'high'"),
        ({"agents": 1}, "agents must be at least 2"),
        ({"world": {"name": "cubes"}}, "unknown world 'cubes'"),
    ],
)
def test_a_wrong_configuration_is_refused(change, says):
    with pytest.raises(UserError, match=says):
        config_from_dict({**config_to_dict(RunConfig()), **change})


@pytest.mark.parametrize(
    "needed",
    [
        "import culture_sim.cli",
        "import culture_sim.launch.pipeline as p; from culture_sim.run.config import RunConfig; "
        "p.check_command('culture', RunConfig(), 1)",
    ],
)
def test_only_workers_wait_for_sae_lens(needed):
    """It brings much else: the help, and the process that starts workers, do without."""
    script = f"import sys; {needed}; sys.exit('sae_lens' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("culture", ["--processes", "0"], "processes must be at least 1, got 0"),
        ("culture", ["--sae.sites", "nope"], "agents have no site 'nope'"),
        ("culture", ["--culture.rule", "nope"], "unknown culture.rule 'nope'; known:"),
        ("train-agents", ["--processes", "x"], "Error parsing --processes: not x"),
        ("train-agents", ["--train.target", "nan"], "train.target must be in [0, 1], got nan"),
    ],
)
def test_a_refused_command_leaves_no_trace(tmp_path, capsys, command, options, message):
    assert main([command, "--run", "fresh", "--runs", str(tmp_path), *options]) == 2
    assert capsys.readouterr().err.startswith(f"culture-sim: error: {message}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "rule", "options"),
    [
        ([], "all_but_k", {"k": 2.0}),
        (
            ["--culture.rule", "all_but_k", "--culture.rule-options", "k", "2"],
            "all_but_k",
            {"k": 2},
        ),
        (["--culture.rule-options", "k", "3"], "all_but_k", {"k": 3.0}),
        (["--culture.rule", "four_of_five"], "four_of_five", {}),
    ],
)
def test_the_options_of_a_runs_rule_may_be_given_again(tmp_path, flags, rule, options):
    culture = CultureConfig(rule="all_but_k", rule_options={"k": 2.0})
    Run.start(tmp_path / "made", RunConfig(culture=culture), "compact")
    where = ["--runs", str(tmp_path), "--run", "made"]
    _, _, found, _ = _resolve("culture-round", [*where, *flags])
    assert (found.culture.rule, found.culture.rule_options) == (rule, options)
