"""The parents of kept quizzes that are not among the kept ones: rejected quizzes, and the world's.

The store names parents by their hash. Those that were voted on are in it, too; those of the world
are not, but their stream is known, so they are drawn again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from culture_sim.culture.records import quizzes_of
from culture_sim.culture.round import FIRST_PARENTS
from culture_sim.culture.store import CultureStore
from culture_sim.report.shared.blobs import written
from culture_sim.run.run import Run
from world import Stream

Tree = dict[str, Any]


def rejected_parents(store: CultureStore, kept: pa.Table) -> dict[str, Tree]:
    """By hash, the parents that were voted on and not kept: round, reason, tokens."""
    wanted = pa.array(parents_of(kept), "string")
    found = {}
    for number in store.rounds():
        table = store.table(number)
        chosen = table.filter(pc.and_(pc.invert(table["keep"]), pc.is_in(table["hash"], wanted)))
        columns = (chosen["hash"].to_pylist(), chosen["reason"].to_pylist())
        for hash_, reason, text in zip(*columns, written(quizzes_of(chosen).tokens), strict=True):
            found[hash_] = {"round": number, "reason": reason, "tokens": text}
    return found


def world_parents(run: Run, store: CultureStore, kept: pa.Table) -> dict[str, Tree]:
    """By hash, the parents that are quizzes of the world: task, tokens.

    Where two of the world's quizzes have one hash, which is rare, the first stands for both: they
    differ in the names of colours or the order of the pairs.
    """
    wanted = np.array([int(hash_, 16) for hash_ in parents_of(kept)], dtype=np.uint64)
    wanted = wanted[~np.isin(wanted, store.hashes())]
    if not len(wanted):
        return {}
    world = run.config.world
    drawn = world.draw(Stream(run.config.seed, "parents"), 0, FIRST_PARENTS, "train")
    hashes, first = np.unique(world.canonical_hash(drawn), return_index=True)
    rows = first[np.isin(hashes, wanted)]
    found = zip(
        world.canonical_hash(drawn[rows]).tolist(),
        drawn.task[rows].tolist(),
        written(drawn.tokens[rows]),
        strict=True,
    )
    return {f"{h:016x}": {"task": world.tasks[task], "tokens": text} for h, task, text in found}


def parents_of(kept: pa.Table) -> list[str]:
    """The hashes of all quizzes that these were made from, each once."""
    return sorted({hash_ for pair in kept["parents"].to_pylist() for hash_ in pair if hash_})
