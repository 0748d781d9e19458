"""Other modules of the names that ours have: ours are found, or one line says which is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from culture_sim.siblings import OURS, ROOT, taken_name

RAISES = 'raise RuntimeError("another module")\n'


def another(folder, name, text=RAISES):
    """A module of this name, a file or a package."""
    folder.mkdir(exist_ok=True)
    if name.endswith(".py"):
        (folder / name).write_text(text)
    else:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(text)


def python(folder, *words, path=()):
    """Python, started in a folder; path: looked in before ours."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT]))}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_our_packages_hold_what_they_are_known_by():
    assert taken_name() is None


@pytest.mark.slow
@pytest.mark.parametrize("name", [*OURS, "world.py", "agents.py"])
@pytest.mark.parametrize("before", [False, True])
def test_ours_are_found(tmp_path, name, before):
    """Beside a folder or a file of the name where Python starts, and before ours on the path."""
    another(tmp_path, name)
    ended = python(tmp_path, "-m", "culture_sim", "--help", path=[tmp_path] if before else [])
    assert ended.returncode == 0, ended.stderr
    assert "culture-round" in ended.stdout
    code = (
        "import culture_sim, world, agents.config, sae.config, culture_sim.siblings as s;"
        "print(world.__file__, s.taken_name())"
    )
    ended = python(tmp_path, "-c", code, path=[tmp_path] if before else [])
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [str(ROOT / "world" / "__init__.py"), "None"]


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_another_that_is_loaded_already_is_named(tmp_path, name):
    another(tmp_path, name, "")
    code = f"import {name}; from culture_sim.__main__ import main; main()"
    ended = python(tmp_path, "-c", code)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"culture-sim: error: culture-sim needs its own module '{name}'")
    assert str(Path(name) / "__init__.py") in ended.stderr
    assert ended.stderr.count("\n") == 1
    ended = python(tmp_path, "-c", f"import {name}, culture_sim; culture_sim.open_run")
    assert ended.stderr.splitlines()[-1].startswith("ImportError: culture-sim needs its own")


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["installed over", "missing"])
def test_one_that_was_installed_over_ours_is_named(tmp_path, damage):
    for name in ("culture_sim", *OURS):
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=leave)
    place = tmp_path / "agents" / "__init__.py"
    if damage == "missing":
        place.unlink()
    else:
        place.write_text("from .agent import Agent\n")
    ended = python(tmp_path, "-m", "culture_sim", path=[tmp_path])
    assert ended.returncode == 2
    assert f"{place} is missing or of another distribution" in ended.stderr
    assert ended.stderr.count("\n") == 1
