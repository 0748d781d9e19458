"""The command line as a person meets it: help, refusals in one line, exit codes."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from agents.architectures.culture_gpt import CultureGPTArchitecture
from culture_sim.cli import main
from culture_sim.commands import commands
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.proposers.hot_then_cold import HotThenCold
from culture_sim.culture.proposers.mutation import Mutation
from culture_sim.culture.proposers.recycling import Recycling
from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.culture.rules.four_of_five import FourOfFive
from culture_sim.culture.rules.likelihood import Likelihood
from culture_sim.culture.rules.severe_failure import SevereFailure
from culture_sim.presets import presets
from culture_sim.run.config import VERSION, RunConfig, config_from_dict, config_to_dict, read_config
from culture_sim.run.run import Run
from sae.comparison.nulls.rotation import Rotation
from sae.comparison.nulls.within_cell import WithinCell
from sae.config import DictionaryConfig
from sae.dictionaries.architectures.of_sae_lens import BatchTopK, Gated
from tests.helpers.documented import KINDS
from tests.helpers.names import REFUSED
from world.core.errors import UserError
from world.strings.world import StringsWorld


def refused(capsys, *arguments):
    """The single error line of a command that must fail."""
    code = main(list(arguments))
    error = capsys.readouterr().err
    assert code not in (0, None)
    assert error.startswith("culture-sim: error: ")
    assert error.count("\n") == 1
    return error


def test_unknown_command(capsys):
    assert "unknown command 'train'; known: culture, train-agents" in refused(capsys, "train")


def test_the_version_is_that_of_the_project(capsys, monkeypatch):
    assert main(["--version"]) == 0
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out == f"culture-sim {project['version']}\n"

    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", absent)
    assert "once it is installed" in refused(capsys, "--version")


@pytest.mark.slow
def test_the_overview_lists_every_command_and_loads_none(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in commands:
        assert f"  {name:16} {commands.about(name)}\n" in text
        assert commands.about(name).endswith((".", "?"))
    assert f"presets: {', '.join(presets)}" in text
    script = (
        "import sys; from culture_sim.cli import main; main(['-h']); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("name", commands.names())
def test_every_command_says_what_it_does_and_documents_its_options(name, capsys):
    words = KINDS.get(name, ())
    with pytest.raises(SystemExit) as ended:
        main([name, *words, "--help"])
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", "").split())
    assert commands.about(name) in text or name in KINDS
    assert "--plugin" in text


def test_makefile_and_readme_follow_the_registry():
    makefile, readme = (Path(__file__).parents[3] / name for name in ("Makefile", "README.md"))
    made = dict(re.findall(r"^([a-z-]+):.*?## (.*)$", makefile.read_text(), re.MULTILINE))
    assert {name: made.get(name) for name in commands} == {n: commands.about(n) for n in commands}
    listed = re.findall(
        r"^\| `culture-sim ([a-z-]+)` \| (.*) \|$", readme.read_text(), re.MULTILINE
    )
    assert dict(listed) == {name: commands.about(name) for name in commands}


def test_unknown_preset(capsys, tmp_path):
    error = refused(capsys, "train-agents", "--preset", "tiny", "--runs", str(tmp_path))
    assert f"unknown preset 'tiny'; known: {', '.join(presets)}" in error


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
        main(["culture", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for flag in (
        "--preset",
        "--seed",
        "--world.name",
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


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_new_has_a_name_that_other_programs_read(name, tmp_path, capsys):
    studies = (["study", "--name"], ["experiment", "brackets", "--name"])
    for named in (["train-agents", "--run"], ["culture", "--run"], *studies):
        error = refused(capsys, *named, name, "--runs", str(tmp_path))
        assert named[-1] in error
        assert "would not be found" in error or "must be the name of a folder" in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_survives_being_written_and_read(name, tmp_path):
    config = presets[name]()
    tree = json.loads(json.dumps(config_to_dict(config)))
    assert config_from_dict(tree) == config
    (tmp_path / "c.json").write_text(json.dumps({"config": tree, "version": VERSION}))
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "needed",
    [
        "import culture_sim.cli",
        "from culture_sim.commands import commands, export; [commands[name] for name in commands]; "
        "[importlib.import_module(f'{export.__name__}.{module.name}') "
        "for module in pkgutil.iter_modules(export.__path__)]",
        "import culture_sim.launch.pipeline as p; from culture_sim.run.config import RunConfig; "
        "p.check_command('culture', RunConfig(), 1)",
    ],
)
def test_only_workers_wait_for_what_compares_features(needed):
    """It takes seconds to load: the help of every command, and the process that starts workers, do
    without."""
    script = (
        f"import importlib, pkgutil, sys; {needed}; "
        f"sys.exit(bool({{'sae_lens', 'scipy.stats', 'datasets'}} & {{*sys.modules}}))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("culture", ["--processes", "0"], "processes must be at least 1, got 0"),
        ("culture", ["--sae.sites", "nope"], "agents have no site 'nope'"),
        ("culture", ["--culture.rule", "nope"], "unknown culture.rule 'nope'; known:"),
        ("culture", ["--world.name", "cubes"], "unknown world 'cubes'; known: "),
        ("culture", ["--world.length", "8"], "Unrecognized options: --world.length, 8"),
        (
            "culture",
            ["--world", "strings", "--world.width", "8"],
            "Unrecognized options: ",
        ),
        ("culture", ["--culture.rule.k", "2"], "Unrecognized options: --culture.rule.k, 2"),
        (
            "culture",
            ["--culture.rule", "all_but_k", "--culture.rule.k", "0"],
            "rule all_but_k.k must be at least 1, got 0",
        ),
        ("culture", ["--culture.rule"], "Missing value for argument '"),
        ("culture", ["--culture.proposers"], "culture.proposers is empty"),
        ("culture", ["--culture.proposers", "ladder", "hot"], "unknown culture.proposers 'hot'"),
        (
            "culture",
            ["--culture.proposers", "ladder", "ladder"],
            "culture.proposers names ladder twice, with the same options",
        ),
        ("train-agents", ["--processes", "x"], "Error parsing --processes: not x"),
        ("train-agents", ["--train.target", "nan"], "train.target must be in [0, 1], got nan"),
    ],
)
def test_a_refused_command_leaves_no_trace(tmp_path, capsys, command, options, message):
    assert main([command, "--run", "fresh", "--runs", str(tmp_path), *options]) == 2
    assert capsys.readouterr().err.startswith(f"culture-sim: error: {message}")
    assert list(tmp_path.iterdir()) == []


def parsed(command, *arguments):
    """A command as it is understood."""
    return commands[command].parse(arguments, command, "")


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        ([], AllButK(2)),
        (["--culture.rule", "all_but_k", "--culture.rule.k", "2"], AllButK(2)),
        (["--culture.rule", "all_but_k"], AllButK(2)),
        (["--culture.rule.name=all_but_k", "--culture.rule.k=3"], AllButK(3)),
        (["--culture.rule.k", "3"], AllButK(3)),
        (["--culture.rule", "four_of_five"], FourOfFive()),
        (
            ["--culture.rule", "severe_failure", "--culture.rule.wrong-tokens", "7"],
            SevereFailure(wrong_tokens=7),
        ),
    ],
)
def test_the_options_of_a_runs_rule_may_be_given_again(tmp_path, flags, rule):
    Run.start(tmp_path / "made", RunConfig(culture=CultureConfig(rule=AllButK(2))), "compact")
    made = parsed("culture-round", "--runs", str(tmp_path), "--run", "made", *flags)
    assert made.options == RunConfig(culture=CultureConfig(rule=rule))


@pytest.mark.parametrize(
    ("flags", "proposers"),
    [
        ([], (HotThenCold(1.2), Mutation())),
        (["--culture.proposers", "hot_then_cold", "mutation"], (HotThenCold(1.2), Mutation())),
        (["--culture.proposers", "recycling"], (Recycling(),)),
        (
            ["--culture.proposers", "mutation", "recycling", "--culture.proposers.recycling.age=5"],
            (Mutation(), Recycling(age=5)),
        ),
        (
            ["--culture.proposers.mutation.rate", "0.1"],
            (HotThenCold(1.2), Mutation(0.1)),
        ),
        (
            ["--culture.proposers.hot_then_cold.temperature", "0.5"],
            (HotThenCold(1.2, 0.5), Mutation()),
        ),
        (
            [
                *("--culture.proposers", "mutation", "hot_then_cold", "mutation", "mutation"),
                *("--culture.proposers.mutation-2.rate", "0.2"),
                *("--culture.proposers.mutation-3.rate=0.3",),
            ],
            (Mutation(), HotThenCold(1.2), Mutation(0.2), Mutation(0.3)),
        ),
    ],
)
def test_several_proposers_are_named_each_with_its_options(tmp_path, flags, proposers):
    culture = CultureConfig(proposers=(HotThenCold(1.2), Mutation()))
    Run.start(tmp_path / "made", RunConfig(culture=culture), "compact")
    made = parsed("culture-round", "--runs", str(tmp_path), "--run", "made", *flags)
    assert made.options.culture == replace(culture, proposers=proposers)


@pytest.mark.parametrize(
    ("option", "flags", "chosen"),
    [
        ("sae.nulls", ["within_cell", "rotation"], (WithinCell(), Rotation())),
        (
            "sae.nulls",
            ["within_cell", "rotation", "--sae.nulls.rotation.most", "9"],
            (WithinCell(), Rotation(9)),
        ),
        ("sae.architectures", ["batch_topk", "gated"], (BatchTopK(), Gated())),
        (
            "sae.architectures",
            ["gated", "gated", "--sae.architectures.gated-2.sparsity=0.5"],
            (Gated(), Gated(0.5)),
        ),
        (
            "model.architecture",
            ["culture_gpt", "--model.architecture.base", "100"],
            CultureGPTArchitecture(100.0),
        ),
    ],
)
def test_networks_nulls_and_sae_architectures_have_options(tmp_path, option, flags, chosen):
    options = parsed("culture", "--runs", str(tmp_path), f"--{option}", *flags).options
    part, name = option.split(".")
    assert getattr(getattr(options, part), name) == chosen
    assert config_from_dict(json.loads(json.dumps(config_to_dict(options)))) == options


def test_the_name_of_a_dictionary_says_what_is_not_as_by_default():
    names = [
        DictionaryConfig(architecture=one, d_sae=64).name for one in (Gated(), Gated(sparsity=0.5))
    ]
    assert names == ["gated-64", "gated-sparsity-0.5-64"]


def test_any_world_is_chosen_by_its_name(tmp_path):
    where = ("--runs", str(tmp_path))
    changed = parsed("culture", *where, "--world.height", "8").options.world
    assert changed == replace(presets["compact"]().world, height=8)
    grids = parsed("culture", *where, "--world.name", "grids", "--world.width", "5").options
    assert grids.world == replace(presets["compact"]().world, width=5)
    for flag in ("--world", "--world.name"):
        strings = parsed("culture", *where, flag, "strings", "--world.length", "4").options
        assert strings.world == StringsWorld(length=4)
    Run.start(tmp_path / "s", strings, "compact")
    again = parsed("culture", *where, "--run", "s").options
    assert again.world == StringsWorld(length=4)


def test_options_come_from_preset_run_file_and_flags_in_this_order(tmp_path):
    where = ("--runs", str(tmp_path), "--run", "made")
    assert parsed("culture", *where, "--preset", "smoke").options == presets["smoke"]()
    Run.start(tmp_path / "made", replace(presets["smoke"](), seed=3), "smoke")
    assert parsed("culture", *where).options.seed == 3
    assert parsed("culture", *where).preset == "smoke"
    (tmp_path / "file.json").write_text('{"seed": 4, "culture": {"rule": "likelihood"}}')
    file = (*where, "--config", str(tmp_path / "file.json"))
    assert parsed("culture", *file).options.seed == 4
    flags = parsed("culture", *file, "--seed", "5", "--culture.rule.most", "1").options
    assert (flags.seed, flags.culture.rule) == (5, Likelihood(most=1))
