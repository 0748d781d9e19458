"""A comparison that cannot be read is refused, and one that can says what it was made from."""

from __future__ import annotations

import json

import pytest

from agents.config import ModelConfig
from culture_sim.features.comparisons import Compared, open_compared
from culture_sim.features.folders import dictionary_configs
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from sae.comparison.schema import SCHEMA
from world.core.errors import UserError


@pytest.fixture
def run(tmp_path):
    config = RunConfig(model=ModelConfig(d_model=32, n_layers=3))
    return Run.start(tmp_path / "run", config, "compact")


def compared_from(run, **summary):
    """A comparison of which there is nothing but this summary."""
    found = Compared(run, dictionary_configs(run.config)[0])
    found.folder.mkdir(parents=True, exist_ok=True)
    (found.folder / "summary.json").write_text(json.dumps(summary))
    return found


def test_files_of_another_version_are_one_clear_line(run):
    compared_from(run, schema=SCHEMA + 1)
    with pytest.raises(UserError, match=rf"version {SCHEMA + 1}.*culture-sim sae --run run$"):
        open_compared(run, None, None)


def test_comparisons_from_the_same_have_one_hash_and_others_another(run):
    trees = {"a": 1, "b": {"c": 2}}, {"b": {"c": 2}, "a": 1}, {"a": 1, "b": {"c": 3}}
    one, same, other = (compared_from(run, schema=SCHEMA, made_from=t).made_from for t in trees)
    assert one == same != other
    assert len(one) == 16
