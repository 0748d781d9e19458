"""The page that tests of the explorer read, and what they do in it."""

from __future__ import annotations

from agents.config import ModelConfig
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from tests.helpers import reading
from tests.helpers.browser import every, one, until, values
from tests.helpers.made_features import AGENTS, make_features

SIZE = 64
FAMILIES, ALONE = SIZE // 2, AGENTS * SIZE - sum(AGENTS - f % 4 for f in range(SIZE // 2))
ALL = f"{FAMILIES} families and {ALONE} features in no family"
LATER = "blocks.3.hook_resid_post"
"""A second site; it is compared, too."""


def made_run(path, size=SIZE, **options):
    run = Run.start(path, RunConfig(model=ModelConfig(d_model=32)), "compact")
    make_features(run, size, **options)
    return run


def visit(driver, page, hash_=""):
    reading.visit(driver, page, hash_)
    until(driver, lambda: every(driver, "#explorer-rows tr"))


def counted(driver):
    return reading.counted(driver, "explorer")


def some_of(found):
    return f"{found} of {FAMILIES + ALONE} families and features"


def entries(driver):
    return values(driver, "#explorer-rows tr", "dataset.entry")


def pick(driver, name, text):
    return reading.pick(driver, "explorer", name, text)


def choose(driver, name, text):
    """Choose an option that promises nothing."""
    reading.option_of(driver, "explorer", name, text).click()


def details(driver):
    """The dialog, once its details are there."""
    until(driver, lambda: every(driver, "#explorer-feature .agents"))
    return one(driver, "#explorer-feature")
