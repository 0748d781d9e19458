"""Which comparisons of features a run asks for, in which order, and where they are.

Apart from the stage that makes them, because that loads sae_lens, which takes seconds.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agents.model import build_model
from culture_sim.config import RunConfig
from culture_sim.run import Run
from sae.config import SAEConfig
from sae.harvest import comparable_sites


def sae_configs(config: RunConfig) -> list[SAEConfig]:
    """One configuration for each site, architecture and width of a run.

    Raises UserError for a site that agents do not have.
    """
    # Widths do not change which sites there are, so the narrowest network names them at no cost.
    narrow = replace(config.model, d_model=2 * config.model.n_heads, d_mlp=1)
    return config.sae.each(comparable_sites(build_model(narrow, config.world, seed=0)))


def features_path(run: Run, config: SAEConfig) -> Path:
    """The folder of one comparison."""
    return run.path / "features" / config.site / config.dictionary


def compared_folders(run: Run) -> list[Path]:
    """The folders of finished comparisons: those that the run's options ask for, in the order in
    which they are made, then those of earlier options, by name."""
    made = sorted(path.parent for path in run.path.glob("features/*/*/summary.json"))
    asked = [features_path(run, config) for config in sae_configs(run.config)] if made else []
    return [
        *(path for path in asked if path in made),
        *(path for path in made if path not in asked),
    ]
