"""Pages of the site that are no files in docs/: README, CONTRIBUTING, CHANGELOG, the reference.

mkdocs calls the functions whose names begin with ``on_``. The reference has what each package
offers: the names of its ``__init__``, and of those of its folders; then a line for every module.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
}
"""Pages at the top of the repository, and where they are on the site."""
FILES = ("CITATION.cff", "LICENSE")
"""What these pages link to as it is."""
PACKAGES = ("world", "agents", "sae", "culture_sim")
LINK = re.compile(r"(?<=\]\()(?:docs/|\.\./)?([^)\s]*)(?=\))")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not in docs/."""
    from mkdocs.structure.files import File

    for name, page in (PAGES | {name: name for name in FILES}).items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text()))
    sys.path.insert(0, str(ROOT))
    for package in PACKAGES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries that the packages import
            text = "\n".join(_reference(package))
        files.append(File.generated(config, f"reference/{package}.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links between docs/ and the top of the repository as they are on the site."""
    return LINK.sub(lambda link: PAGES.get(link[1], link[1]), markdown)


def _reference(package: str) -> Iterator[str]:
    """Lines of the page of one package."""
    modules = dict(_modules(package))
    yield f"# {package}\n"
    yield from _face(package, modules[package], level=2)
    for module, text in modules.items():
        if "." in module and _names(module):
            yield f"## {module}\n"
            yield from _face(module, text, level=3)
    yield "## All modules\n\n| module | what it is for |\n|---|---|"
    yield from (f"| `{module}` | {_first(text)} |" for module, text in modules.items())


def _modules(package: str) -> Iterator[tuple[str, str]]:
    """Every module of a package and its docstring; none is imported for it."""
    for path in sorted((ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if text := ast.get_docstring(ast.parse(path.read_text())):
            yield name, text


def _first(text: str) -> str:
    """The first paragraph, in one line of a table."""
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")


def _face(package: str, text: str, level: int) -> Iterator[str]:
    """What a package says of itself, and a heading for each name that it offers."""
    yield f"{text}\n"
    for name in _names(package):
        yield f"::: {_home(package, name)}\n    options:\n      heading_level: {level}\n"


def _names(module: str) -> list[str]:
    """The names that a package offers: those of ``__all__``, or else, of a whole package, those
    that are of its own modules."""
    if module not in PACKAGES and "__all__" not in (ROOT / _path(module)).read_text():
        return []
    offered = importlib.import_module(module)
    if hasattr(offered, "__all__"):
        return list(offered.__all__)
    homes = {name: getattr(getattr(offered, name), "__module__", "") for name in dir(offered)}
    return [n for n, home in homes.items() if n[0] != "_" and home.startswith(f"{module}.")]


def _path(module: str) -> Path:
    path = Path(*module.split("."))
    return path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py")


def _home(package: str, name: str) -> str:
    """The full name of what a package offers, where it is defined."""
    offered = getattr(importlib.import_module(package), name)
    if getattr(offered, "__qualname__", None) == name:
        return f"{offered.__module__}.{name}"
    return f"{package}.{name}"
