"""Variants from outside the package: named with --plugin, or installed with an entry point."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from culture_sim.culture.store import CultureStore
from tests.helpers import copy_world, launched

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PLUGIN = ROOT / "tests" / "plugins" / "outside.py"


def run(folder, *arguments, path=()):
    """A command that is started in a folder, which Python itself does not look in."""
    return launched.run(arguments, folder=folder, path=path)


def run_afresh(folder, *arguments, path=()):
    """The same, as a person would start it: plugins are loaded before anything that they need."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, *path))),
        "OMP_NUM_THREADS": "1",
    }
    words = [sys.executable, "-P", "-m", "culture_sim", *arguments]
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a plugin, and a run of its preset made by the whole experiment."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copy(PLUGIN, folder)
    command = ("culture", "--plugin", "outside", "--preset", "outside", "--processes", "2")
    ended = run_afresh(folder, *command)
    assert ended.returncode == 0, ended.stderr
    return folder


def test_every_kind_of_variant_is_used_in_every_process(made):
    path = made / "runs" / "outside"
    saved = json.loads((path / "config.json").read_text())
    assert saved["plugins"] == ["outside"]
    assert saved["config"]["culture"]["rule"] == {"name": "first_few", "count": 4}
    assert saved["config"]["culture"]["proposers"] == [{"name": "copies"}]
    model = saved["config"]["model"]
    assert model["architecture"] == {"name": "outside_gpt", "scale": 0.5}
    table = CultureStore(path / "culture").table(1).to_pandas()
    assert set(table["rule"]) == {"first_few"}
    assert set(table["rule_options"]) == {'{"count": 4}'}
    assert set(table["method"]) == {"copies"}
    assert 0 < table["keep"].sum() <= 4
    summary = json.loads((path / "summary.json").read_text())
    assert saved["config"]["sae"]["nulls"][1:] == [
        {"name": "shifted_rows", "by": 1},
        {"name": "shifted_rows", "by": 50},
    ]
    architectures = saved["config"]["sae"]["architectures"]
    assert architectures == [{"name": "outside_topk", "revive": revive} for revive in (0.0, 0.5)]
    for name in ("outside_topk-64", "outside_topk-revive-0.5-64"):
        assert (path / "sae" / "blocks.1.hook_resid_post" / name).is_dir()
    for compared in summary["features"].values():
        by_null = compared["by_null"]
        assert set(by_null) == {"within_cell", "shifted_rows", "shifted_rows-by-50"}
        assert by_null["shifted_rows"]["null"] != by_null["shifted_rows-by-50"]["null"]
    assert "among the first 4 that 2 agents vote on" in (path / "report" / "index.html").read_text()


def test_a_run_remembers_its_plugins(made, tmp_path):
    ended = run(made, "replay", "--run", "outside")
    assert ended.returncode == 0, ended.stderr
    assert "first_few count 4" in ended.stdout
    helped = run(made, "culture-round", "--run", "outside", "--help")
    assert "--culture.rule.count" in helped.stdout
    of_features = run(made, "sae", "--run", "outside", "--help").stdout
    assert "--sae.nulls.shifted-rows-2.by" in of_features
    assert "--sae.architectures.outside-topk-2.revive" in of_features
    elsewhere = run(tmp_path, "replay", "--run", "outside", "--runs", str(made / "runs"))
    assert elsewhere.returncode == 2
    assert elsewhere.stderr.count("\n") == 1
    assert "plugin outside cannot be imported (ModuleNotFoundError" in elsewhere.stderr
    found = run(tmp_path, "replay", "--run", "outside", "--runs", str(made / "runs"), path=(made,))
    assert found.returncode == 0, found.stderr


def test_a_world_from_a_plugin_is_trained_on(tmp_path):
    register = '\n\nfrom world import worlds\n\nworlds.register("copy")(CopyWorld)\n'
    (tmp_path / "copying.py").write_text(Path(copy_world.__file__).read_text() + register)
    chosen = ("--plugin", "copying", "--world", "copy", "--world.length", "4")
    # The world draws one quiz at a time, and has few for those that share none with training.
    few = ("--agents", "2", "--processes", "1", "--train.recombined-quizzes", "0")
    ended = run(tmp_path, "train-agents", "--preset", "smoke", *few, *chosen)
    assert ended.returncode == 0, ended.stderr
    saved = json.loads((tmp_path / "runs" / "smoke" / "config.json").read_text())
    assert saved["config"]["world"] == {"name": "copy", "length": 4}
    again = run(tmp_path, "train-agents", "--run", "smoke")
    assert again.returncode == 0, again.stderr


def install(folder, module, text):
    """A package that is installed in a folder, with an entry point."""
    (folder / f"{module}.py").write_text(text)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[culture_sim.plugins]\n{module} = {module}\n")


def test_an_installed_package_needs_no_naming(tmp_path):
    site, work = tmp_path / "site", tmp_path / "work"
    site.mkdir()
    work.mkdir()
    install(site, "installed", PLUGIN.read_text())
    helped = run(work, "culture", "--preset", "outside", "--help", path=(site,))
    assert helped.returncode == 0, helped.stderr
    assert "--culture.rule.count" in helped.stdout
    assert "ring" in helped.stdout
    shown = run(work, "quizzes", "--preset", "outside", "--count", "2", path=(site,))
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("ring\n") == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "plugin broken cannot be imported (ModuleNotFoundError: No module named 'broken')"),
        ("import nothing_of_that_name", "(ModuleNotFoundError: No module named 'nothing_of_that"),
        ("1 / 0", "plugin broken cannot be imported (ZeroDivisionError: division by zero)"),
        ("if", "plugin broken cannot be imported (SyntaxError: invalid syntax"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_one_line(tmp_path, text, says):
    if text is not None:
        (tmp_path / "broken.py").write_text(text)
    ended = run(tmp_path, "quizzes", "--plugin", "broken")
    assert ended.returncode == 2
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("culture-sim: error: ")


def test_an_installed_package_that_is_broken_is_one_line(tmp_path):
    install(tmp_path, "hurt", "import nothing_of_that_name")
    ended = run(tmp_path, "quizzes", path=(tmp_path,))
    assert ended.returncode == 2
    assert "plugin hurt (hurt) cannot be imported" in ended.stderr
    assert ended.stderr.count("\n") == 1
