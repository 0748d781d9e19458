"""Shapes and types that annotations promise are checked while tests run.

Every function and dataclass of a module that annotates with jaxtyping is checked by beartype, at
every call in a process of the tests; processes that tests start run as they are.
"""

from __future__ import annotations

from pathlib import Path

from jaxtyping import install_import_hook

ROOT = Path(__file__).parents[2]
PACKAGES = ("world", "agents", "sae", "culture_sim")


def check_annotations() -> None:
    """Must be called before a module that is to be checked is imported."""
    install_import_hook(annotated_modules(), "beartype.beartype")


def annotated_modules() -> list[str]:
    """Names of the modules that annotate arrays with their shapes.

    The others gain nothing by checks, and to check each call of theirs would take time.
    """
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    annotated = (file for file in files if "from jaxtyping import" in file.read_text())
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in annotated]
