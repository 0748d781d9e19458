"""Every Python block of the documentation runs, on the run of the preset smoke."""

import pytest

from tests.helpers.commands import culture_sim
from tests.helpers.forked import run_script
from tests.helpers.page_script import python_of
from tests.helpers.pages import ROOT, pages

RUNNING = [page for page in pages(history=False) if page.blocks("python")]


def run_page(path, folder):
    """The page's blocks in a process of their own, where the runs are in runs/."""
    return run_script("tests.helpers.page_script", [path], folder)


@pytest.fixture(scope="module")
def exported(runs, tmp_path_factory):
    """A folder of what pages read: exports of the run, quizzes as text too."""
    folder = tmp_path_factory.mktemp("exported")
    of_agent = ("--agents", "0")
    for kind, name, options in (
        ("dataset", "quizzes", ("--text", "--quizzes", "400")),
        ("agents", "agents", of_agent),
        ("saes", "saes", of_agent),
        ("features", "features", (*of_agent, "--top", "1", "--of-interval", "0")),
    ):
        words = ["--run", "smoke", "--runs", str(runs), "--out", str(folder / name)]
        ended = culture_sim("export", kind, *words, *options)
        assert ended.returncode == 0, ended.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNING, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_in_their_order(page, runs, exported, tmp_path):
    (tmp_path / "runs").symlink_to(runs)
    for folder in exported.iterdir():
        (tmp_path / folder.name).symlink_to(folder)
    ended = run_page(ROOT / page.name, tmp_path)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_a_block_that_fails_is_found_with_its_line(tmp_path):
    page = tmp_path / "page.md"
    blocks = ("```python\nx = 1\n```", "```sh\nnot python\n```", "```python\nx / 0\n```")
    page.write_text("# Page\n\n" + "\n\n".join(blocks) + "\n")
    ended = run_page(page, tmp_path)
    assert ended.returncode == 1
    assert 'page.md", line 12' in ended.stderr
    assert "ZeroDivisionError" in ended.stderr


def test_blocks_speak_of_the_smallest_run():
    text = '```python\nopen("runs/compact/summary.json")\n```\n'
    assert python_of(text).split() == ['open("runs/smoke/summary.json")']
