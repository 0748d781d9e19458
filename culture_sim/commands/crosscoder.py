"""Train one dictionary for all agents: which features belong to a single agent?"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from culture_sim.commands import commands
from culture_sim.commands.base import ComparisonCommand, Findings, Report
from culture_sim.features.comparisons import Compared
from culture_sim.features.folders import CROSSCODER, write_figures
from sae.activations.quizzes import training_source
from sae.comparison.correspondence import Correspondence
from sae.crosscoder.agreement import agreement, cross_table, match_features, partners
from sae.crosscoder.analysis import CrosscoderAnalysis, analyse
from sae.crosscoder.config import CrosscoderConfig
from sae.crosscoder.controls import CONTROLS, permuted_within_cells, rotated_copies
from sae.crosscoder.harvest import Change, JointActivations
from sae.crosscoder.model import load_crosscoder
from sae.crosscoder.stage import fit_crosscoder
from world import Stream

MIN_R = 0.7
"""Correlation from which on a feature's own SAE and the crosscoder are said to mean the same."""


@commands.register("crosscoder")
@dataclass(frozen=True, kw_only=True)
class FitCrosscoder(ComparisonCommand):
    """Train one dictionary for all agents of a run, and see which features one agent alone has."""

    seed: int = 0
    """Of its initial weights and the order of its data."""
    controls: bool = True
    """Train it on two controls as well: five rotated copies of one agent, where nothing is
    unique, and rows permuted within cells, where all but what cells explain is."""
    crosscoder: CrosscoderConfig = field(default_factory=CrosscoderConfig)

    def find(self, report: Report) -> Findings:
        """All figures, written beside the comparison."""
        with self.opened() as compared:
            figures, tables = _figures(compared, self, report)
            path = write_figures(compared.folder, CROSSCODER, figures, tables)
        shown = (_table(figures["found"]), _sentence(figures["alone"]))
        return Findings(shown, str(path))


def _figures(
    compared: Compared, options: FitCrosscoder, report: Report
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Every figure, and the tables by name."""
    summaries = {}
    for name in CONTROLS if options.controls else ("none",):
        analysis = _fitted(
            compared,
            options,
            name,
            lambda done, total, explained, name=name: report(
                f"crosscoder, control {name}: {done:,} of {total:,} tokens, "
                f"{explained:.0%} of variance explained"
            ),
        )
        summaries[name] = analysis.summary()
        if name == "none":
            real = analysis
    report("holding it against the agents' own SAEs")
    matched = match_features(
        compared.codes(),
        compared.table("families"),
        compared.table("matches"),
        real,
        2 * compared.run.config.sae.min_firings,
    )
    figures = {
        "options": asdict(options.crosscoder),
        "seed": options.seed,
        "comparison": compared.made_from,
        "found": summaries,
        **_beside(matched),
    }
    return figures, {
        "crosscoder": real.features,
        "crosscoder_scaling": real.scaling,
        "crosscoder_matches": matched,
    }


def _fitted(
    compared: Compared, options: FitCrosscoder, control: str, progress: Any
) -> CrosscoderAnalysis:
    """A crosscoder of the real agents (control "none") or of a control, trained unless it is."""
    run, site = compared.run, compared.dictionary.site
    stream = Stream(run.config.seed, f"crosscoder-{control}")
    world = run.config.world
    joint = JointActivations(compared.agents, world, site, _change(control, stream))
    config = options.crosscoder
    path = run.path / "sae" / site / f"crosscoder-{config.d_sae}" / f"{control}-{options.seed}"
    fit_crosscoder(
        joint,
        training_source(world, Stream(run.config.seed, "sae").with_role("sae-train")),
        compared.quizzes,
        config,
        path,
        stream.seed(options.seed),
        {"agents": compared.fingerprints, "control": control},
        progress,
    )
    device = str(next(next(iter(compared.agents.values())).parameters()).device)
    # A control is drawn afresh, so that it is the same however much of it was drawn before.
    again = replace(joint, change=_change(control, stream))
    blocks = again.blocks(compared.quizzes, config.buffer_quizzes)
    return analyse(load_crosscoder(path, device), blocks, compared.rows, config)


def _change(control: str, stream: Stream) -> Change | None:
    if control == "copies":
        return rotated_copies(0, stream.with_role("rotations").seed() % 2**31)
    if control == "permuted":
        seed = stream.with_role("permutations").seed()
        return permuted_within_cells(np.random.default_rng(seed))
    return None


def _beside(matched: pd.DataFrame) -> dict[str, Any]:
    """What the matching of separate SAEs says of the same features."""
    table = cross_table(matched, MIN_R)
    alone = {"no_family": matched.k == 1, "unique": matched.kind == Correspondence.UNIQUE}
    agreed = {
        name: {str(r): asdict(agreement(matched, own, r)) for r in (0.0, MIN_R)}
        for name, own in alone.items()
    }
    return {
        "agreement": agreed["no_family"],
        "agreement_unique": agreed["unique"],
        "alone": {name: asdict(partners(matched, own, MIN_R)) for name, own in alone.items()},
        "cross_table": {
            str(k): {str(carriers): int(n) for carriers, n in row.items()}
            for k, row in table.to_dict("index").items()
        },
    }


def _table(summaries: dict[str, dict[str, Any]]) -> Table:
    table = Table(
        "agents", "features judged", "shared by all", "by some", "unique", "exclusive in cells",
        title="What a dictionary common to all agents shares", title_justify="left",
    )  # fmt: skip
    for control, figures in summaries.items():
        keys = ("judged", "shared", "partial", "unique", "exclusive_within")
        table.add_row(CONTROLS[control], *(f"{figures[key]:,}" for key in keys))
    return table


ALONE = {
    "no_family": "in no family of matches",
    "unique": "unique in every other agent",
}
"""What matching may call a feature of an agent's own SAE."""


def _sentence(alone: dict[str, Any]) -> str:
    parts = [
        f"Of {counts['features']:,} features of the agents' own SAEs that are {ALONE[name]}, "
        f"{counts['partners']:,} have a partner in the crosscoder (r >= {MIN_R}), which gives "
        f"{counts['unique']:,} of those to one agent alone."
        for name, counts in alone.items()
    ]
    return " ".join([*parts, "Of features without a partner it says nothing."])
