"""Variants from outside the package: modules that register tasks, rules, worlds and the like.

A plugin is an importable module. It is named with ``--plugin MODULE``, or it is the entry point of
an installed package in the group ``culture_sim.plugins``, and then needs no naming.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import EntryPoint, entry_points

from world.core.errors import UserError, first_line

GROUP = "culture_sim.plugins"
"""The group of entry points that are loaded when a registry is first asked."""

_named: list[str] = []
_installed: list[str] = []
_found: dict[tuple[str, ...], tuple[EntryPoint, ...]] = {}


def load_plugins(modules: Iterable[str]) -> None:
    """Import modules by name; the working directory is looked in last.

    Raises UserError for one that cannot be imported.
    """
    for module in modules:
        if module in _named:
            continue
        if os.getcwd() not in sys.path:
            sys.path.append(os.getcwd())
        _load(f"plugin {module}", partial(importlib.import_module, module))
        _named.append(module)


def named_plugins() -> tuple[str, ...]:
    """The modules that ``load_plugins`` imported in this process, in order."""
    return tuple(_named)


def load_installed() -> None:
    """Import the plugins of installed packages, once in a process."""
    for entry in installed_plugins():
        if entry.value not in _installed:
            _installed.append(entry.value)
            _load(f"plugin {entry.name} ({entry.value})", entry.load)


def installed_plugins() -> tuple[EntryPoint, ...]:
    """What names plugins among the installed packages.

    All packages are looked through, which takes 10 ms. So it is done once for a path of
    modules, and not for every registry: a package that is installed later needs another process.
    """
    path = tuple(os.path.abspath(place) for place in sys.path)
    if path not in _found:
        _found[path] = tuple(entry_points(group=GROUP))
    return _found[path]


def _load(name: str, load: Callable[[], object]) -> None:
    try:
        load()
    except Exception as error:
        raise UserError(
            f"{name} cannot be imported ({type(error).__name__}: {first_line(error)}); mend it, "
            f"install it, or run the command in the folder that holds it"
        ) from error
