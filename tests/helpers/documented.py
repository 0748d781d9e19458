"""The commands that the documentation names, as words of a command line."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.helpers.pages import ROOT, Page

PLACEHOLDER = re.compile(r"^(\.\.\.|[A-Z]+(/[A-Z]+)?)$")
"""A word that stands for what the reader fills in."""
KINDS = {"experiment": ("brackets",), "export": ("dataset",), "import": ("culture-gpt",)}
"""Commands whose first word says what of, and one of these words."""
MAKEFILE = (ROOT / "Makefile").read_text()


@dataclass(frozen=True)
class Documented:
    """What a page tells readers to type. words: of culture-sim; text: as it stands there."""

    text: str
    words: tuple[str, ...]

    @property
    def flags(self) -> set[str]:
        """The options that are given."""
        return {word.partition("=")[0] for word in self.words if word.startswith("--")}

    @property
    def whole(self) -> bool:
        """Whether it can be typed as it stands."""
        return not any(PLACEHOLDER.match(word) for word in self.words)


def lines(page: Page) -> Iterator[str]:
    """Lines of shell, and what stands in backticks."""
    for block in page.blocks("sh"):
        yield from block.replace("\\\n", " ").splitlines()
    yield from page.words()


def documented(page: Page) -> Iterator[Documented]:
    """Every use of culture-sim on a page, also by make and by accelerate."""
    for line in lines(page):
        words = _split(line)
        if words[:1] == ["culture-sim"]:
            yield Documented(line, tuple(words[1:]))
        elif "culture_sim" in words:
            yield Documented(line, tuple(words[words.index("culture_sim") + 1 :]))
        elif words[:1] == ["make"]:
            yield from _by_make(line, words[1:])


def options(page: Page) -> Iterator[Documented]:
    """Options that stand alone in backticks."""
    for word in page.words():
        if word.startswith("--"):
            yield Documented(word, tuple(_split(word)))


def modules(page: Page) -> set[str]:
    """The modules that ``python -m`` is told to run."""
    named = (_split(line) for line in lines(page))
    return {words[2] for words in named if words[:2] == ["python", "-m"] and len(words) > 2}


def _by_make(line: str, words: list[str]) -> Iterator[Documented]:
    """What the targets of a line of make call; targets that call nothing else have no words."""
    given = dict(word.split("=", 1) for word in words if "=" in word)
    for target in (word for word in words if "=" not in word):
        recipe = re.search(rf"^{re.escape(target)}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
        if recipe is None or ("$(STAGE)" not in recipe[1] and "$(SIM)" not in recipe[1]):
            yield Documented(line, ())
            continue
        command = [target] if target != "demo" else ["culture"]
        command += KINDS.get(target, ())
        yield Documented(line, (*command, *shlex.split(given.get("ARGS", ""))))


def targets(page: Page) -> set[str]:
    """The targets that make is told to make."""
    made = [_split(line)[1:] for line in lines(page) if line.startswith("make ")]
    return {word for words in made for word in words if "=" not in word}


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []
