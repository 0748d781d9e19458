"""Write quizzes, agents, SAEs or features in the formats of other tools, and upload them."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from culture_sim.commands import Command, about_module, commands
from culture_sim.export.folder import is_written, refuse_occupied, whole_folder
from world.core.errors import UserError
from world.core.names import refuse_unreadable

if TYPE_CHECKING:
    from rich.console import Console

KINDS = ("agents", "dataset", "features", "saes")
"""What can be exported: each is a module of this package, with a class ``Kind``."""


class Material(NamedTuple):
    """What is exported. record: what decides the files' bytes, in JSON's types. write: writes them,
    the record among them, into an empty folder."""

    record: Any
    write: Callable[[Path], None]


@commands.register("export")
@dataclass(frozen=True, kw_only=True)
class Export(Command):
    """What every export can be told."""

    resumes: ClassVar[bool] = False
    repo_type: ClassVar[str] = "model"
    """What the Hub calls a repository of these."""
    replaced: ClassVar[str] = "agent-*/**"
    """Files of a repository that a new upload replaces."""

    out: Path
    """New folder to write."""
    push_to_hub: str | None = None
    """Upload the folder to this repository of the Hugging Face Hub, such as user/name."""
    private: bool = False
    """With --push-to-hub: make the repository, where there is none, a private one."""
    overwrite: bool = False
    """With --push-to-hub: replace what the repository holds, even if it is other data."""

    @classmethod
    def parse(cls, arguments: Sequence[str], prog: str, about: str) -> Self:
        """The command; its first word says what to export."""
        if arguments[:1] in (["-h"], ["--help"]):
            lines = [f"  {kind:<10}{about_module(f'{__name__}.{kind}')}" for kind in KINDS]
            print(f"usage: {prog} {{{','.join(KINDS)}}} [options]\n\n" + "\n".join(lines))
            raise SystemExit(0)
        if not arguments or arguments[0] not in KINDS:
            raise UserError(f"say what to export; known: {', '.join(KINDS)}")
        name = f"{__name__}.{arguments[0]}"
        kind: type[Self] = importlib.import_module(name).Kind
        return kind.read(arguments[1:], f"{prog} {arguments[0]}", about_module(name))

    @classmethod
    @abstractmethod
    def read(cls, arguments: Sequence[str], prog: str, about: str) -> Self:
        """The command of one kind."""

    @abstractmethod
    def material(self, console: Console) -> Material:
        """What the options ask for; raises UserError when it cannot be had."""

    def execute(self, console: Console) -> int:
        """Write the folder, and upload it where that is asked for."""
        from culture_sim.export.hub import Upload  # loads the Hub's client

        if self.push_to_hub is None:
            self._refuse_without_hub()
        (record, write), out = self.material(console), self.out.resolve()
        upload = None
        if self.push_to_hub is not None:
            place = (self.repo_type, self.replaced)
            upload = Upload(self.push_to_hub, record, self.private, self.overwrite, *place)
        # What this very command wrote needs no second writing to be uploaded.
        written = upload is not None and is_written(out, record)
        if not written:
            refuse_unreadable("--out", out)
            refuse_occupied(out)
        if upload is not None:
            # Before the work: to write a million quizzes and then miss a token helps nobody.
            upload.check()
        if not written:
            with whole_folder(out) as folder:
                write(folder)
            console.print(f"wrote {self.out}", highlight=False, soft_wrap=True)
        if upload is not None:
            console.print(f"uploaded to {upload.push(out)}", highlight=False, soft_wrap=True)
        return 0

    def _refuse_without_hub(self) -> None:
        if self.private:
            raise UserError("--private needs --push-to-hub: the repository that is to be private")
        if self.overwrite:
            raise UserError("--overwrite needs --push-to-hub: folders here are never written over")
