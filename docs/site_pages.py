"""Pages of the site that are no files in docs/: README, CONTRIBUTING, CHANGELOG, the reference.

mkdocs calls the functions whose names begin with ``on_``. The reference has what each package
offers: the names of its ``__init__``, and of those of its folders.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
}
"""Files at the top of the repository, and where they are on the site."""
FILES = ("CITATION.cff", "LICENSE")
"""What is linked from these as it is."""
PACKAGES = ("world", "agents", "sae", "culture_sim")
LINK = re.compile(r"(?<=\]\()(?:docs/|\.\./)?(README\.md|LICENSE|[^)\s]*)(?=\))")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not in docs/."""
    from mkdocs.structure.files import File

    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text()))
    for name in FILES:
        files.append(File.generated(config, name, content=(ROOT / name).read_text()))
    for package in PACKAGES:
        text = "\n".join(_reference(package))
        files.append(File.generated(config, f"reference/{package}.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links between docs/ and the top of the repository as they are on the site."""
    return LINK.sub(lambda link: PAGES.get(link[1], link[1]), markdown)


def _reference(package: str) -> Iterator[str]:
    """Lines of the page of one package."""
    sys.path.insert(0, str(ROOT))
    yield f"# {package}\n"
    yield from _face(package, level=2)
    top = importlib.import_module(package)
    for module in sorted(pkgutil.walk_packages(top.__path__, f"{package}."), key=lambda m: m.name):
        if module.ispkg and _names(module.name):
            yield f"## {module.name}\n"
            yield from _face(module.name, level=3)


def _face(package: str, level: int) -> Iterator[str]:
    """What a package says of itself, and a heading for each name that it offers."""
    yield f"{importlib.import_module(package).__doc__}\n"
    for name in _names(package):
        yield f"::: {_home(package, name)}\n    options:\n      heading_level: {level}\n"


def _names(package: str) -> tuple[str, ...]:
    return tuple(getattr(importlib.import_module(package), "__all__", ()))


def _home(package: str, name: str) -> str:
    """The full name of what a package offers, where it is defined."""
    offered = getattr(importlib.import_module(package), name)
    if getattr(offered, "__qualname__", None) == name:
        return f"{offered.__module__}.{name}"
    return f"{package}.{name}"
