"""A round in figures: what was proposed, kept and why, as docs/culture.md has them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from culture_sim.culture.analysis.diversity import diversity
from culture_sim.culture.batches import RoundContext
from culture_sim.culture.records import CULTURE_SPLITS, array_of, quizzes_of
from culture_sim.culture.shards import OUTCOMES, Shard
from culture_sim.culture.store import CultureStore
from world import QuizBatch
from world.core.errors import UserError
from world.core.files import JsonObject, read_json
from world.core.options import to_tree


def summary_path(store: CultureStore, round_: int) -> Path:
    """Where a round's figures are."""
    return store.path(round_).with_suffix(".json")


def read_summary(store: CultureStore, round_: int) -> JsonObject:
    """A stored round's figures; raises UserError when they are missing or damaged."""
    path = summary_path(store, round_)
    if not path.exists():
        raise UserError(f"{path} is missing beside its Parquet file; restore it")
    return read_json(path, "restore it")


def round_figures(
    context: RoundContext, shards: list[Shard], store: CultureStore, seconds: float
) -> dict[str, Any]:
    """The figures of a whole round, as documented in docs/culture.md."""
    config, shared = context.config, context.provenance
    tally = np.sum([shard.tally for shard in shards], axis=0)
    totals = _figures(tally.sum(axis=(0, 1)))
    table = pa.concat_tables([shard.table for shard in shards])
    kept = table.filter(table["keep"])
    dissenters = array_of(kept, "dissenter")
    reached = totals["kept"] >= config.quota
    outcome = f"{totals['kept']:,} of {totals['proposed']:,} proposals were kept"
    limit = f"quota is {config.quota:,}" if reached else f"budget is {config.max_proposals:,}"
    return {
        "round": shared.round,
        "ended": "quota" if reached else "budget",
        "why": f"{outcome}; the {limit}{'' if reached else ' proposals'}",
        **totals,
        **{split: kept["split"].to_pylist().count(split) for split in CULTURE_SPLITS},
        "by_reason": {
            "trivial": totals["trivial"],
            "duplicate": totals["duplicate"],
            **dict(sorted(Counter(table["reason"].to_pylist()).items())),
        },
        "by_proposer": [
            {"agent": agent, **_figures(counts)} for agent, counts in enumerate(tally.sum(axis=1))
        ],
        "by_method": [
            {"method": name, **_figures(counts)}
            for name, counts in zip(config.methods, tally.sum(axis=0), strict=True)
        ],
        "dissenters": np.bincount(dissenters[dissenters >= 0], minlength=len(tally)).tolist(),
        **diversity(context.world, quizzes_of(kept), _kept(store, context.provenance.round)),
        "seconds": round(seconds, 1),
        "shards": len(shards),
        "checkpoints": list(shared.checkpoints),
        "culture": to_tree(config),
    }


def _kept(store: CultureStore, before: int) -> list[QuizBatch]:
    """What earlier rounds kept, of both splits."""
    earlier = [number for number in store.rounds() if number < before]
    kept = [store.kept(split, earlier) for split in CULTURE_SPLITS]
    return [batch for batch in kept if batch is not None]


def _figures(counts: NDArray[np.int64]) -> dict[str, Any]:
    figures = dict(zip(OUTCOMES, counts.tolist(), strict=True))
    proposed = figures["proposed"]
    return {**figures, "yield": figures["kept"] / proposed if proposed else None}
