"""Compare anyone's models by codes of their SAEs in files.

Writes tables, and a page that a browser opens without a server.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import tyro
from rich.console import Console
from rich.table import Table

from culture_sim.commands import commands
from culture_sim.commands.base import OptionsCommand
from culture_sim.export.folder import refuse_occupied, whole_folder
from culture_sim.launch.progress import progress
from world.core.errors import COUNT, Limit, UserError, first_line
from world.core.names import refuse_unreadable

if TYPE_CHECKING:
    from sae.comparison.universality import Universality
    from sae.streamed.files import FileTokens, TensorFile
    from sae.streamed.tables import ModelComparison

Words = list[str] | dict[int, str] | None


@commands.register("compare")
@dataclass(frozen=True, kw_only=True)
class CompareFiles(OptionsCommand):
    """Compare anyone's models by codes of their SAEs in files."""

    resumes: ClassVar[bool] = False

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Files of codes, safetensors, one a model: docs/compare.md has the layout."""
    out: Path
    """New folder to write: tables, and a page to open in a browser."""
    tokens: Path | None = None
    """File of tokens; by default the first of the files that has some."""
    words: Path | None = None
    """What tokens are called: JSON, a list of words, words by number, or numbers by word, as
    tokenizers write them; else their numbers."""
    cells: tuple[str, ...] = ()
    """What the null keeps of a token: token, position, kind, or a column of the file of tokens.
    By default token and position, and kind where the file has kinds."""
    nulls: tuple[str, ...] = ("within_cell",)
    """Nulls, the reference first: within_cell, within_prediction."""
    min_firings: int = 50
    """Features firing on fewer tokens than this in either half are not compared."""
    permutations: int = 3
    """Draws of each null."""
    resamples: int = 300
    """Bootstrap resamples of documents behind each 95 % interval."""
    skip: int = 1
    """Tokens at the start of each document that are not compared."""
    seed: int = 0
    """Of the draws and resamples."""
    scratch: Path | None = None
    """Existing folder for codes while they are compared, 8 bytes for each that is not zero; by
    default that of temporary files."""

    def __post_init__(self) -> None:
        for name in ("min_firings", "permutations", "resamples"):
            _require(f"--{name.replace('_', '-')}", getattr(self, name), COUNT)
        _require("--skip", self.skip, Limit("0 or more", lambda x: x >= 0))

    def execute(self, console: Console) -> int:
        """Compare them and write the folder, whole or not at all."""
        from culture_sim.report.models.write import write_models
        from sae.streamed.compare import compare  # loads sae_lens
        from sae.streamed.files import TensorFile, codes_of

        refuse_unreadable("--out", self.out)
        refuse_occupied(self.out)
        if self.scratch is not None and not self.scratch.is_dir():
            raise UserError(f"--scratch: {self.scratch} is no folder")
        names = _names(self.files)
        files = [TensorFile(path) for path in self.files]
        codes = {name: codes_of(file) for name, file in zip(names, files, strict=True)}
        tokens, words = self._tokens(files), read_words(self.words)
        # The folder comes first: to compare for an hour and then not to write helps nobody.
        with progress(console) as report, whole_folder(self.out.resolve()) as folder:
            found = compare(
                None,
                codes,
                tokens,
                cells=self.cells or None,
                words=words,
                nulls=self.nulls,
                min_firings=self.min_firings,
                permutations=self.permutations,
                resamples=self.resamples,
                skip=self.skip,
                seed=self.seed,
                folder=self.scratch,
                report=report,
            )
            write_models(found, folder)
        _tell(console, found)
        console.print(f"written: {self.out / 'index.html'}", soft_wrap=True, highlight=False)
        return 0

    def _tokens(self, files: list[TensorFile]) -> FileTokens | None:
        from sae.streamed.files import FileTokens, TensorFile

        named = [] if self.tokens is None else [FileTokens(TensorFile(self.tokens))]
        found = named + [FileTokens(file) for file in files if "tokens" in file.tensors]
        for other in found[1:]:
            found[0].refuse_other(other)
        return found[0] if found else None


def _require(flag: str, value: float, limit: Limit) -> None:
    if not limit.holds(value):
        raise UserError(f"{flag} must be {limit.words}, got {value}")


def _names(files: tuple[Path, ...]) -> list[str]:
    """Models are called as their files are; raises UserError where two are called alike."""
    names = [path.stem for path in files]
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise UserError(f"{count} files are called {name!r}, as their models would be; rename one")
    return names


def read_words(path: Path | None) -> Words:
    """What tokens are called, None where nothing says.

    Raises UserError for a file that holds no words.
    """
    if path is None:
        return None
    try:
        tree = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON ({first_line(error)})") from None
    if isinstance(tree, list) and all(isinstance(word, str) for word in tree):
        return tree
    if isinstance(tree, dict):
        if all(type(number) is int for number in tree.values()):
            return {number: word for word, number in tree.items()}
        if all(key.isdecimal() and isinstance(word, str) for key, word in tree.items()):
            return {int(key): word for key, word in tree.items()}
    raise UserError(
        f"{path} must hold a list of words, words by the number of their token, or numbers by word"
    )


def _tell(console: Console, found: ModelComparison) -> None:
    table = Table(
        "models", "between", "null", "ceiling", "universality", "95 % interval",
        title=f"Features of {len(found.names)} models, matched by correlation of activations on "
        f"{found.tokens:,} tokens", title_justify="left",
    )  # fmt: skip
    for (a, b), pair in found.pairs.items():
        table.add_row(f"{found.names[a]} and {found.names[b]}", *_row(pair))
    console.print(table, highlight=False)
    reason = found.overall[found.config.null_names[0]].reason
    if reason:
        console.print(f"no universality: {reason}", soft_wrap=True, highlight=False)


def _row(pair: Universality) -> list[str]:
    known = [pair.cross, pair.null, pair.ceiling]
    value = "-" if pair.value is None else f"{pair.value:.2f}"
    interval = "-" if pair.low is None else f"{pair.low:.2f} to {pair.high:.2f}"
    return [*(f"{r:.2f}" if r == r else "-" for r in known), value, interval]
