"""The reference can resolve every name that a package re-exports.

It reads the source without running it, and sees a name only where the name is assigned by itself:
``A, B = 1, 2`` hides both.
"""

import ast
from pathlib import Path

import pytest

from tests.helpers.pages import ROOT

PACKAGES = ("world", "agents", "sae", "culture_sim")
FACES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("__init__.py"))


def seen(tree: ast.Module) -> set[str]:
    """Names at the top of a module that can be read off its source."""
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.ImportFrom(names=imported) | ast.Import(names=imported):
                names |= {alias.asname or alias.name for alias in imported}
    return names


def hidden(face: Path) -> list[str]:
    """Names that a package imports from its modules, and that these do not show."""
    lost = []
    for node in ast.parse(face.read_text()).body:
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        if node.module.partition(".")[0] not in PACKAGES:
            continue
        source = ROOT / node.module.replace(".", "/")
        file = source / "__init__.py" if source.is_dir() else source.with_suffix(".py")
        shown = seen(ast.parse(file.read_text()))
        if source.is_dir():
            shown |= {path.stem for path in source.iterdir()}
        lost += [f"{node.module}.{alias.name}" for alias in node.names if alias.name not in shown]
    return lost


@pytest.mark.parametrize("face", FACES, ids=lambda face: str(face.relative_to(ROOT)))
def test_every_name_is_assigned_by_itself(face):
    assert hidden(face) == []


def test_names_assigned_together_are_not_seen():
    assert seen(ast.parse("A, B = 1, 2\nC = 3\nD: int = 4\ndef e(): ...")) == {"C", "D", "e"}
