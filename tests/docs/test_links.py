"""No link of the documentation is dead, and every file that it names is there."""

import re

import pytest

from tests.helpers.pages import ROOT, Page, pages

PACKAGES = ("world", "agents", "sae", "culture_sim", "tests", "benchmarks", "docs", "examples")
FILE = re.compile(rf"^(?:{'|'.join(PACKAGES)})/[\w./-]*$")
OF_A_RUN = re.compile(r"^(agents|sae)/(\d|[A-Z]|$)")
"""Folders of a run that are called as packages are."""


def dead_links(page: Page) -> list[str]:
    """Targets within the repository that are not there."""
    dead = []
    for link in page.links:
        if re.match(r"https?:|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        file = (ROOT / page.name).parent / name if name else ROOT / page.name
        if not file.exists() or (anchor and anchor not in Page(link, file.read_text()).anchors):
            dead.append(link)
    return dead


def missing_files(page: Page) -> list[str]:
    """Names in backticks that look like files of the repository, and are none."""
    named = [word for word in page.words() if FILE.match(word) and not OF_A_RUN.match(word)]
    return [name for name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    assert dead_links(page) == []


@pytest.mark.parametrize("page", pages(history=False), ids=lambda page: page.name)
def test_every_file_named_is_there(page):
    assert missing_files(page) == []


def test_every_page_is_in_the_navigation():
    listed = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    written = {page.name.removeprefix("docs/") for page in pages() if page.name != "README.md"}
    generated = {name for name in listed if name.startswith("reference/")} | {"index.md"}
    assert set(listed) - generated == written


def test_what_is_dead_is_found():
    page = Page(
        "README.md",
        "[gone](docs/gone.md) [no heading](docs/vision.md#gone) [here](docs/vision.md#vision)\n"
        "`world/core/gone.py` `world/core/world.py` `agents/0/` `[no link](gone.md)`\n"
        "```python\n[no link either](gone.md)\n```\n",
    )
    assert dead_links(page) == ["docs/gone.md", "docs/vision.md#gone"]
    assert missing_files(page) == ["world/core/gone.py"]
