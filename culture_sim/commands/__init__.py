"""The commands of ``culture-sim``: one file each in this package, loaded when it is wanted.

A file is named as its command is, and the first line of its docstring says in ``--help`` what the
command does, so the list is made without loading any of them. The command itself is a frozen
dataclass: its fields are its options, ``execute`` is its work.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from world.core.registry import Registry

if TYPE_CHECKING:
    from rich.console import Console

SHARED = ("base", "parsing", "stage")
"""Modules of this package that are no commands."""
STAGES = ("culture", "train-agents", "culture-round", "sae", "report")
"""Commands that make a run, in their order; the others look at one."""


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """Options of a command, and what it does."""

    minds_launchers: ClassVar[bool] = False
    """Whether processes of an outside launcher matter to it; to others each is alone."""
    resumes: ClassVar[bool] = True
    """Whether it goes on where it was interrupted."""

    @classmethod
    @abstractmethod
    def parse(cls, arguments: Sequence[str], prog: str, about: str) -> Self:
        """The command that the arguments ask for; ``about`` stands in its help.

        Raises UserError where they make none.
        """

    @abstractmethod
    def execute(self, console: Console) -> int:
        """Do it and tell of it; returns the exit code. Raises UserError for what it cannot do."""


class Commands(Registry[type[Command]]):
    """The registry of commands, which loads one at a time."""

    def names(self) -> tuple[str, ...]:
        """All names: the stages first, the others sorted; none of this package is loaded."""
        package = importlib.import_module(self._package)
        files = {module.name for module in pkgutil.iter_modules(package.__path__)} - {*SHARED}
        found = {*self._entries, *(name.replace("_", "-") for name in files)}
        return (*STAGES, *sorted(found - {*STAGES}))

    def about(self, name: str) -> str:
        """What a command does, in a line."""
        return about_module(self._module(name))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __getitem__(self, name: str) -> type[Command]:
        if name in self:
            importlib.import_module(self._module(name))
        return super().__getitem__(name)

    def _module(self, name: str) -> str:
        """The module of a command, whose file has its name unless a plugin brought it."""
        if name in self._entries:
            return self._entries[name].__module__
        return f"{self._package}.{name.replace('-', '_')}"

    def _load(self) -> None:
        """Nothing: a command is loaded when it is asked for."""


def about_module(name: str) -> str:
    """The first line of a module's docstring, without loading the module."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return ""
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text("utf-8")))
    return (text or "").partition("\n")[0]


commands = Commands("command", "culture_sim.commands")
