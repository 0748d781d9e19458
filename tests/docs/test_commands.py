"""Every command and option that the documentation names is one, and every line can be typed."""

import json
import re
import runpy
from dataclasses import fields, is_dataclass
from functools import partial

import pytest

from culture_sim.commands import commands
from culture_sim.commands.export import KINDS as EXPORTS
from culture_sim.experiments import experiments
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from tests.helpers import launched
from tests.helpers.documented import (
    KINDS,
    MAKEFILE,
    PLACEHOLDER,
    Documented,
    documented,
    modules,
    options,
    targets,
)
from tests.helpers.page_script import python_of
from tests.helpers.pages import ROOT, Page, pages
from world import worlds as registered

PAGES = pages(history=False)
USES = {(page.name, use) for page in PAGES for use in documented(page) if use.words}
DOTTED = re.compile(r"^(world|model|train|culture|sae)\.[a-z_]+$")
WORLDS = [registered[name] for name in registered]
OF_FILES = ("culture.json", "culture.agents", "culture.rounds", "model.safetensors")
"""Files and keys of files, which are written as options are."""
ALONE = {(page.name, use) for page in PAGES for use in options(page)}


def asked(folder, helps, errors):
    """The text of --help beside some command lines, and what is wrong with others."""
    Run.start(folder / "runs" / "compact", presets["compact"](), "compact")
    lines = folder / "lines.json"
    lines.write_text(json.dumps({"helps": helps, "errors": errors}))
    answer = partial(runpy.run_module, "tests.helpers.helps", run_name="__main__", alter_sys=True)
    ended = launched.run([lines], folder=folder, variables={"COLUMNS": "1000"}, main=answer)
    assert ended.returncode == 0, ended.stderr
    answers = json.loads(ended.stdout)
    return answers["helps"], answers["errors"]


def plain(name, *words):
    """The words that call a command without options; of one that says what of, as ``words`` do."""
    of = words[:1] if words and not words[0].startswith("-") else KINDS.get(name, ())
    return [name, *(of if name in KINDS else ())]


def flags_of(text):
    return set(re.findall(r"--[a-z][\w.-]*", text))


def write_plugins(folder, uses):
    """The plugins that pages name: the page's own Python where it says so, else empty ones."""
    texts = {page.name: page.text for page in PAGES}
    for name, use in uses:
        for flag, module in zip(use.words, use.words[1:], strict=False):
            if flag == "--plugin":
                shown = f"Saved as `{module}.py`" in texts[name]
                code = python_of(texts[name]) if shown else ""
                (folder / f"{module}.py").write_text(code)


def unknown_names(page):
    """Names such as `train.target` that are neither options nor modules."""
    known = {name for world in WORLDS for name in _options("world", world)}
    for field in fields(RunConfig()):
        value = getattr(RunConfig(), field.name)
        known |= set(_options(field.name, value)) if is_dataclass(value) else set()
    named = [word for word in page.words() if DOTTED.match(word) and word not in OF_FILES]
    paths = {name: ROOT / name.replace(".", "/") for name in named}
    modules = {n for n, path in paths.items() if path.is_dir() or path.with_suffix(".py").exists()}
    return [name for name in named if name not in known | modules]


def _options(section, options):
    return (f"{section}.{field.name}" for field in fields(options))


def misunderstood(folder, uses):
    """Of command lines those that name what is not there, each with the reason.

    Of a command that is named by itself, only that it is one; of a line with words to fill in,
    that its options are in the command's help.
    """
    uses = sorted(uses, key=lambda use: (use[0], use[1].text))
    uses = [(name, use) for name, use in uses if not PLACEHOLDER.match(use.words[0])]
    uses = [(name, use) for name, use in uses if use.words != ("--version",)]  # of no command
    wrong = [(name, use.text, "no command") for name, use in uses if use.words[0] not in commands]
    known = [use for use in uses if use[1].words[0] in commands and len(use[1].words) > 1]
    whole = [(name, use) for name, use in known if use.whole]
    partial = [(name, use) for name, use in known if not use.whole]
    write_plugins(folder, known)
    helps, errors = asked(
        folder,
        [plain(*use.words) for _, use in partial],
        [list(use.words) for _, use in whole],
    )
    for (name, use), error in zip(whole, errors, strict=True):
        if error:
            wrong.append((name, use.text, error))
    for (name, use), text in zip(partial, helps, strict=True):
        if missing := use.flags - flags_of(text):
            wrong.append((name, use.text, f"no option {min(missing)}"))
    return wrong


@pytest.mark.slow
def test_every_command_line_is_understood(tmp_path):
    assert len(USES) > 30
    assert misunderstood(tmp_path, USES) == []


@pytest.mark.slow
def test_every_option_that_stands_alone_is_one(tmp_path):
    # Options of a variant are in the help beside the option that chooses it.
    chosen = [["culture", *use.words] for _, use in ALONE if use.whole and len(use.flags) > 1]
    write_plugins(tmp_path, ALONE)
    exports = [["export", kind] for kind in EXPORTS]
    asking = [["experiment", name] for name in experiments]
    helps, _ = asked(tmp_path, [*map(plain, commands), *exports, *asking, *chosen], [])
    known = set().union(*map(flags_of, helps))
    assert {(name, flag) for name, use in ALONE for flag in use.flags - known} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_and_modules_are_there(page):
    made = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert {name for name in targets(page) if name.islower()} <= made
    for module in modules(page):
        path = ROOT / module.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").exists(), module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_dotted_name_is_an_option_or_a_module(page):
    assert unknown_names(page) == []


@pytest.mark.slow
def test_what_is_wrong_is_found(tmp_path):
    page = Page(
        "README.md",
        "```sh\nculture-sim dance\nculture-sim sae --sae.breadths 3\nculture-sim sae --sae.no K\n"
        'make sae RUN=a ARGS="--sae.k many"\nculture-sim sae --sae.widths 64\n```\n',
    )
    uses = {(page.name, use) for use in documented(page)}
    wrong = misunderstood(tmp_path, uses)
    assert [text for _, text, _ in wrong] == [
        "culture-sim dance",
        "culture-sim sae --sae.breadths 3",
        'make sae RUN=a ARGS="--sae.k many"',
        "culture-sim sae --sae.no K",
    ]
    page = Page("README.md", "`sae.breadths`, `sae.widths`, `world.tasks` and `sae.concepts`")
    assert unknown_names(page) == ["sae.breadths"]
    page = Page("README.md", "`make dance` and `python -m benchmarks.dance`")
    assert (targets(page), modules(page)) == ({"dance"}, {"benchmarks.dance"})
    assert Documented("", ("sae", "--sae.k", "N")).whole is False
