"""The command line as a person meets it: help, refusals in one line, exit codes."""

import json
import subprocess
import sys

import pytest

from culture_sim.cli import main
from culture_sim.config import RunConfig, config_from_dict, config_to_dict, read_config
from culture_sim.presets import presets
from world.errors import UserError


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
    assert "unknown preset 'tiny'; known: compact, fleuret, smoke" in error


@pytest.mark.parametrize("command", ["culture-round", "sae"])
def test_a_stage_without_its_earlier_one_says_what_to_run(capsys, tmp_path, command):
    error = refused(capsys, command, "--run", "none", "--runs", str(tmp_path))
    assert "culture-sim train-agents --run none" in error


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
        "--sae.site",
    ):
        assert flag in text
    assert "Share of unseen quizzes that must be answered exactly" in text.replace("│", "")


def test_quizzes_are_shown(capsys):
    assert main(["quizzes", "--task", "frame", "--count", "2"]) == 0
    assert capsys.readouterr().out.count("f(A)") == 2


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
        ({"train": {"target": "high"}}, "option train.target must be float, got 'high'"),
        ({"agents": 1}, "agents must be at least 2"),
        ({"world": {"name": "cubes"}}, "unknown world 'cubes'"),
    ],
)
def test_a_wrong_configuration_is_refused(change, says):
    with pytest.raises(UserError, match=says):
        config_from_dict({**config_to_dict(RunConfig()), **change})


def test_importing_the_command_line_is_quick():
    """Help must not wait for torch or sae_lens."""
    script = "import sys, culture_sim.cli; sys.exit('sae_lens' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
