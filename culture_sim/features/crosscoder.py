"""One dictionary for all agents of a run beside their own: what ``culture-sim crosscoder`` does."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from culture_sim.features.comparisons import Compared
from culture_sim.run.reporting import Report
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


def find_shared(
    compared: Compared,
    config: CrosscoderConfig,
    report: Report,
    *,
    seed: int,
    controls: bool,
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Every figure, and the tables by name.

    config: of every crosscoder. report: says what is done. seed: of their initial weights and the
    order of their data. controls: whether the controls are trained as well.
    """
    summaries = {}
    for name in CONTROLS if controls else ("none",):
        analysis = _fitted(
            compared,
            config,
            seed,
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
        "options": asdict(config),
        "seed": seed,
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
    compared: Compared, config: CrosscoderConfig, seed: int, control: str, progress: Any
) -> CrosscoderAnalysis:
    """A crosscoder of the real agents (control "none") or of a control, trained unless it is."""
    run, site = compared.run, compared.dictionary.site
    stream = Stream(run.config.seed, f"crosscoder-{control}")
    world = run.config.world
    joint = JointActivations(compared.agents, world, site, _change(control, stream))
    path = run.path / "sae" / site / f"crosscoder-{config.d_sae}" / f"{control}-{seed}"
    fit_crosscoder(
        joint,
        training_source(world, Stream(run.config.seed, "sae").with_role("sae-train")),
        compared.quizzes,
        config,
        path,
        stream.seed(seed),
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
