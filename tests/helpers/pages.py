"""The documentation as tests read it: pages with headings, links, blocks and words of code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HISTORY = ("docs/LOG.md", "CHANGELOG.md")
"""Pages that tell of the past, and so name what is there no longer."""
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(`+)(.+?)\1", re.DOTALL)


@dataclass(frozen=True)
class Page:
    """A Markdown file. name: its path from the root of the repository."""

    name: str
    text: str

    @property
    def prose(self) -> str:
        """The text without fenced blocks."""
        return FENCE.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """What links into the page may end with."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {slug(heading) for heading in headings}

    @property
    def links(self) -> list[str]:
        """Targets of links and pictures."""
        return re.findall(r"\]\(([^)\s]+)\)", INLINE.sub("", self.prose))

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks of a language, in order."""
        return [text for said, text in FENCE.findall(self.text) if said == language]

    def words(self) -> Iterator[str]:
        """What stands in backticks, in one line each."""
        for _, code in INLINE.findall(self.prose):
            yield " ".join(code.split())


def slug(heading: str) -> str:
    """The anchor of a heading, on GitHub and on the site alike."""
    plain = re.sub(r"[^\w\s-]", "", heading.lower())
    return re.sub(r"\s", "-", plain.strip())


def pages(history: bool = True) -> list[Page]:
    """Every page that people read; those about the past only with ``history``."""
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    names = sorted(str(file.relative_to(ROOT)) for file in files)
    kept = [name for name in names if history or name not in HISTORY]
    return [Page(name, (ROOT / name).read_text()) for name in kept]
