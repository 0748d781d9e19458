"""A culture round: agents propose, all vote, a rule decides, everything is stored.

Waves follow each other until enough quizzes are kept or enough were proposed. Each wave that is
finished lies in a part file; the round's own file appears, by renaming, when all is done.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from accelerate import Accelerator
from numpy.typing import NDArray

from agents.model import AgentModel
from culture_sim.culture import records as rows
from culture_sim.culture.analysis.diversity import diversity
from culture_sim.culture.batches import Workshop
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.curriculum import make_curriculum
from culture_sim.culture.records import CULTURE_SPLITS, Provenance
from culture_sim.culture.shards import (
    OUTCOMES,
    Wave,
    blocks_of,
    load_wave,
    process_wave,
    proposals_of,
    save_wave,
)
from culture_sim.culture.store import CultureStore
from culture_sim.culture.votes import trial_votes
from world import QuizBatch, QuizWorld, Stream
from world.core.errors import UserError
from world.core.files import read_json, write_json
from world.core.options import to_tree

FREE = (
    *("quota", "max_proposals", "least_yield"),
    *("repeats", "max_share", "restart_quota", "transfer_quizzes"),
)
"""Options of culture that the content of a wave does not depend on."""
FIRST_PARENTS = 1024
"""QuizWorld quizzes that proposals are made from while no culture is kept."""


READ_LATER = {"culture", "kept", "yield", "by_reason", "dissenters", "near_duplicates", "entropy"}
"""Figures of a round that other commands read back."""


@dataclass(frozen=True)
class RoundProgress:
    """How far a round is, as of its last finished wave: numbers of quizzes."""

    proposed: int
    voted: int
    kept: int


Report = Callable[[RoundProgress], None]


def run_culture_round(
    models: Sequence[AgentModel],
    world: QuizWorld,
    config: CultureConfig,
    *,
    round_: int,
    seed: int,
    checkpoints: Sequence[str],
    test_hashes: NDArray[np.uint64],
    store: CultureStore,
    accelerator: Accelerator,
    progress: Report = lambda _: None,
) -> dict[str, Any]:
    """Make round ``round_`` (1, 2, ...), or finish it; every process calls this with the same.

    seed: the run's root seed. checkpoints: SHA-256 of each agent's weights, recorded with the
    quizzes. test_hashes: uint64, canonical hashes that proposals must not repeat (the world test
    set). progress: called on every process, often. Returns what round-0001.json holds; a round
    that is stored already is left alone. Raises UserError for a population that the rule cannot
    judge, for part files that are damaged or of another configuration, and for processes that do
    not know of each other.
    """
    _refuse_strangers(accelerator)
    parts = store.path(round_).with_suffix(".parts")
    if store.path(round_).exists():
        if accelerator.is_main_process:
            shutil.rmtree(parts, ignore_errors=True)
        return read_summary(store, round_)
    config.rule(trial_votes(len(models), config.voters))
    shop = Workshop(
        models=[model.to(accelerator.device).eval() for model in models],
        world=world,
        config=config,
        seed=seed,
        provenance=_provenance(config, round_, checkpoints),
        kept=_parents(store, world, seed, config.trains_on, len(models)),
        accelerator=accelerator,
    )
    waves = _waves(shop, parts, np.concatenate([store.hashes(), test_hashes]), progress)
    summary = _summary(shop, waves, store)
    # Nobody may still be reading parts when they are removed, nor look for the round too early.
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        table = pa.concat_tables([wave.table for wave in waves])
        write_json(summary_path(store, round_), summary)
        store.append_table(round_, table)
        shutil.rmtree(parts)
    accelerator.wait_for_everyone()
    return read_summary(store, round_)


def summary_path(store: CultureStore, round_: int) -> Path:
    """Where a round's figures are."""
    return store.path(round_).with_suffix(".json")


def read_summary(store: CultureStore, round_: int) -> dict[str, Any]:
    """A stored round's figures; raises UserError when they are missing or damaged."""
    path = summary_path(store, round_)
    if not path.exists():
        raise UserError(f"{path} is missing beside its Parquet file; restore it")
    found = read_json(path, "restore it")
    if not isinstance(found, dict) or not found.keys() >= READ_LATER:
        raise UserError(f"{path} is damaged: it lacks figures of the round; restore it")
    return found


def _refuse_strangers(accelerator: Accelerator) -> None:
    """Each of several processes that think themselves alone would write the same files."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started != accelerator.num_processes:
        raise UserError(
            f"{started} processes were started but accelerate joined {accelerator.num_processes}; "
            f"without a GPU, set ACCELERATE_USE_CPU=true (accelerate launch --cpu does)"
        )


def _provenance(config: CultureConfig, round_: int, checkpoints: Sequence[str]) -> Provenance:
    options = to_tree(config.rule)
    name = options.pop("name")
    return Provenance(
        round=round_,
        rule=name,
        rule_options=json.dumps(options, sort_keys=True),
        checkpoints=tuple(checkpoints),
    )


def _waves(shop: Workshop, parts: Path, known: NDArray[np.uint64], progress: Report) -> list[Wave]:
    """All waves of a round, those saved earlier included."""
    identity = _identity(shop, known)
    waves: list[Wave] = []
    seen = RoundProgress(0, 0, 0)
    while seen.kept < shop.config.quota and blocks_of(shop, len(waves)):
        path = parts / f"{len(waves):05d}.parquet"
        if path.exists():
            wave = load_wave(path, identity)
            _refuse_another_budget(shop, path, wave, len(waves))
        else:
            before = waves[-1] if waves else None
            wave = process_wave(shop, len(waves), known, before, partial(progress, seen))
            if shop.accelerator.is_main_process:
                save_wave(path, wave, identity)
        waves.append(wave)
        known = np.concatenate([known, rows.hashes_of(wave.table)])
        proposed, _, _, voted, kept = wave.tally.sum(axis=(0, 1)).tolist()
        seen = RoundProgress(seen.proposed + proposed, seen.voted + voted, seen.kept + kept)
        progress(seen)
    return waves


def _refuse_another_budget(shop: Workshop, path: Path, wave: Wave, number: int) -> None:
    """The last wave of a budget may be cut short; under another it would be longer, or shorter."""
    made, wanted = int(wave.tally[..., 0].sum()), proposals_of(shop, number)
    if made != wanted:
        raise UserError(
            f"{path} has {made} proposals, and culture.max_proposals "
            f"({shop.config.max_proposals}) would give it {wanted}; go on with the former budget, "
            f"or remove the file to have the round make that part again"
        )


def _parents(
    store: CultureStore, world: QuizWorld, seed: int, trains_on: str, n_agents: int
) -> list[QuizBatch]:
    """For each agent, what its proposals may be made from: the culture that it trains on, or
    world quizzes where that is none."""
    drawn = world.draw(Stream(seed, "parents"), 0, FIRST_PARENTS, "train")
    if not store.rounds():
        return [drawn] * n_agents
    curriculum = make_curriculum(store, trains_on, n_agents)
    return [culture if len(culture) else drawn for culture in curriculum.by_agent]


def _kept(store: CultureStore, before: int) -> list[QuizBatch]:
    """What earlier rounds kept, of both splits."""
    earlier = [number for number in store.rounds() if number < before]
    found = [store.kept(split, earlier) for split in CULTURE_SPLITS]
    return [each for each in found if each is not None]


def _identity(shop: Workshop, known: NDArray[np.uint64]) -> dict[str, Any]:
    """What decides a wave's content: parts of a round are only continued if all is the same."""
    config = json.loads(json.dumps(to_tree(shop.config)))  # as it will be read back
    return {
        "seed": shop.seed,
        "world": repr(shop.world),
        "checkpoints": list(shop.provenance.checkpoints),
        "known quizzes": hashlib.blake2b(np.sort(known).tobytes(), digest_size=16).hexdigest(),
        **{f"culture.{key}": value for key, value in config.items() if key not in FREE},
    }


def _summary(shop: Workshop, waves: list[Wave], store: CultureStore) -> dict[str, Any]:
    """The figures of a whole round, as documented in docs/culture.md."""
    config, shared = shop.config, shop.provenance
    tally = np.sum([wave.tally for wave in waves], axis=0)
    totals = _figures(tally.sum(axis=(0, 1)))
    table = pa.concat_tables([wave.table for wave in waves])
    kept = table.filter(table["keep"])
    dissenters = rows.array_of(kept, "dissenter")
    reached = totals["kept"] >= config.quota
    found = f"{totals['kept']:,} of {totals['proposed']:,} proposals were kept"
    limit = f"quota is {config.quota:,}" if reached else f"budget is {config.max_proposals:,}"
    return {
        "round": shared.round,
        "ended": "quota" if reached else "budget",
        "why": f"{found}; the {limit}{'' if reached else ' proposals'}",
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
        **diversity(shop.world, rows.quizzes_of(kept), _kept(store, shop.provenance.round)),
        "seconds": round(sum(wave.seconds for wave in waves), 1),
        "waves": len(waves),
        "checkpoints": list(shared.checkpoints),
        "culture": to_tree(config),
    }


def _figures(counts: NDArray[np.int64]) -> dict[str, Any]:
    figures = dict(zip(OUTCOMES, counts.tolist(), strict=True))
    proposed = figures["proposed"]
    return {**figures, "yield": figures["kept"] / proposed if proposed else None}
