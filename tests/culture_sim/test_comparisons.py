"""A comparison that cannot be read is refused before anything of it is."""

from __future__ import annotations

import json

import pytest

from agents.config import ModelConfig
from culture_sim.comparisons import open_compared
from culture_sim.config import RunConfig
from culture_sim.feature_folders import features_path, sae_configs
from culture_sim.run import Run
from sae.results import SCHEMA
from world.errors import UserError


def test_files_of_another_version_are_one_clear_line(tmp_path):
    config = RunConfig(model=ModelConfig(d_model=32, n_layers=3))
    run = Run.start(tmp_path / "run", config, "compact")
    folder = features_path(run, sae_configs(run.config)[0])
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps({"schema": SCHEMA + 1}))
    with pytest.raises(UserError, match=rf"version {SCHEMA + 1}.*culture-sim sae --run run$"):
        open_compared(run, None, None)
