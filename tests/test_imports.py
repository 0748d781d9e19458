"""Imports run one way, world <- agents <- sae <- culture_sim, and the world needs no deep learning.

The layers are what lets a part be read, tested and replaced alone; they hold only if checked.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEEP_LEARNING = ("torch", "accelerate", "transformers", "transformer_lens", "sae_lens")
EVERY_MODULE_OF_THE_WORLD = """
import importlib, pkgutil, sys
import world
for module in pkgutil.walk_packages(world.__path__, "world."):
    importlib.import_module(module.name)
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


def check_contracts(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--config", str(config)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_contracts_hold() -> None:
    """The contracts of pyproject.toml, read by import-linter."""
    result = check_contracts(ROOT, ROOT / "pyproject.toml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 kept, 0 broken" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("world/extra.py", "import agents"),
        ("agents/extra.py", "from sae import extra"),
        ("sae/extra.py", "def store():\n    import culture_sim"),
        ("culture_sim/culture/extra.py", "import culture_sim.run.extra"),
        ("world/extra.py", "import torch"),
    ],
)
def test_contracts_refuse_an_import_the_wrong_way(
    tmp_path: Path, module: str, statement: str
) -> None:
    inner = ("culture_sim/culture", "culture_sim/run")
    for package in ("world", "agents", "sae", "culture_sim", *inner):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / "extra.py").touch()
    (tmp_path / module).write_text(statement + "\n")
    result = check_contracts(tmp_path, ROOT / "pyproject.toml")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "2 kept, 1 broken" in result.stdout


@pytest.mark.slow
def test_the_world_loads_without_deep_learning() -> None:
    result = subprocess.run(
        [sys.executable, "-c", EVERY_MODULE_OF_THE_WORLD],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.split())
    assert "numpy" in loaded
    assert not loaded & set(DEEP_LEARNING)
