"""Waves: blocks that are shared among the processes, merged in order, and saved as one part file.

A wave is what a round can lose when it is killed. Duplicates between the blocks of a wave can
only be seen when it is whole, so they are voted on and then dropped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from accelerate.utils import gather_object
from numpy.typing import NDArray

from culture_sim.culture import records as rows
from culture_sim.culture.batches import BlockResult, Workshop, first_seen, process_block
from culture_sim.culture.proposers import ParentPool, concatenate_proposals
from culture_sim.culture.records import CultureRecords
from culture_sim.culture.store import read_table, write_table
from culture_sim.culture.votes import concatenate_votes
from world import QuizBatch
from world.core.errors import UserError

OUTCOMES = ("proposed", "trivial", "duplicate", "voted", "kept")
METADATA = b"wave"


@dataclass(frozen=True)
class Wave:
    """A finished wave.

    table: the quizzes voted on. tally: int64 [N, P, 5], the counts of OUTCOMES for each agent that
    proposed and each of P methods.
    seconds: wall-clock it took.
    """

    table: pa.Table
    tally: NDArray[np.int64]
    seconds: float


def blocks_of(shop: Workshop, wave: int) -> range:
    """The blocks of a wave; none once the budget of proposals is spent."""
    size = shop.config.wave_blocks
    last = -(-shop.config.max_proposals // shop.config.block_size)
    return range(min(wave * size, last), min((wave + 1) * size, last))


def process_wave(
    shop: Workshop,
    wave: int,
    known: NDArray[np.uint64],
    before: Wave | None,
    beat: Callable[[], None],
) -> Wave:
    """One wave, its blocks spread over the processes, which all get the whole of it.

    known: uint64 [any], hashes of quizzes not wanted again. before: the wave before this one.
    beat: called after every block.
    """
    began = time.monotonic()
    accelerator = shop.accelerator
    blocks = blocks_of(shop, wave)
    results = []
    for block in blocks[accelerator.process_index :: accelerator.num_processes]:
        kept = shop.kept[shop.proposer(block)]
        parents = _parents(shop, kept, before, block - blocks.start)
        results.append(process_block(shop, block, known, parents))
        beat()
    if accelerator.num_processes > 1:
        results = gather_object(results)
    results = sorted(results, key=lambda result: result.block)
    return _merge(shop, results, began)


def _parents(shop: Workshop, kept: QuizBatch, before: Wave | None, place: int) -> ParentPool:
    """What block ``place`` of a wave may use: of the rejected ones its turn, so that none is
    used twice."""
    if before is None:
        return ParentPool(kept, kept[:0], np.zeros(0, dtype=np.int16))
    rejected = np.flatnonzero(~rows.array_of(before.table, "keep"))
    turn = rejected[place :: shop.config.wave_blocks]
    ages = rows.array_of(before.table, "age")[turn]
    return ParentPool(kept, rows.quizzes_of(before.table)[turn], ages)


def _merge(shop: Workshop, results: list[BlockResult], began: float) -> Wave:
    """Judge the blocks, given in order, without the quizzes that an earlier one made too."""
    proposals = concatenate_proposals([result.proposals for result in results])
    hashes = np.concatenate([result.hashes for result in results])
    votes = concatenate_votes([result.votes for result in results])
    place = np.concatenate([r.block * shop.config.block_size + r.rows for r in results])
    fresh = first_seen(hashes, np.zeros(0, dtype=np.uint64))
    votes, chosen = votes[fresh], np.flatnonzero(fresh)
    blocks = [result.block for result in results for _ in result.rows]
    records = CultureRecords(
        provenance=shop.provenance,
        proposals=proposals[fresh],
        hashes=hashes[fresh],
        votes=votes,
        decision=shop.config.rule(votes),
        method=[shop.method(blocks[row]) for row in chosen],
        index=place[fresh],
        seed=np.array([shop.block_seed(blocks[row]) for row in chosen], dtype=np.int64),
        held_out=shop.world.split_of(proposals.quizzes[fresh]) > 0,
    )
    tally = _tally(shop, results, records)
    return Wave(rows.to_table(records), tally, time.monotonic() - began)


def _tally(
    shop: Workshop, results: list[BlockResult], records: CultureRecords
) -> NDArray[np.int64]:
    """int64 [N, P, 5]: the counts of OUTCOMES by proposer and method."""
    names = shop.config.methods
    tally = np.zeros((len(shop.models), len(names), len(OUTCOMES)), dtype=np.int64)
    for result in results:
        place = shop.proposer(result.block), names.index(shop.method(result.block))
        tally[place][:2] += result.proposed, result.trivial
    proposers, keep = records.votes.proposer.tolist(), records.decision.keep.tolist()
    for agent, name, kept in zip(proposers, records.method, keep, strict=True):
        tally[agent, names.index(name), 3:] += 1, kept
    tally[..., 2] = tally[..., 0] - tally[..., 1] - tally[..., 3]
    return tally


def proposals_of(shop: Workshop, wave: int) -> int:
    """Proposals of a wave: the last one of a budget has fewer."""
    return sum(map(shop.block_count, blocks_of(shop, wave)))


def save_wave(path: Path, wave: Wave, identity: dict[str, Any]) -> None:
    """Write a part file, whole or not at all; identity: what decides the content of a wave."""
    note = {"identity": identity, "tally": wave.tally.tolist(), "seconds": wave.seconds}
    metadata = {**(wave.table.schema.metadata or {}), METADATA: json.dumps(note).encode()}
    write_table(path, wave.table.replace_schema_metadata(metadata))


def load_wave(path: Path, identity: dict[str, Any]) -> Wave:
    """Read a part file; raises UserError when it is damaged or of another identity."""
    table = read_table(path, "remove it to have the round make that part again")
    metadata = dict(table.schema.metadata or {})
    note = json.loads(metadata.pop(METADATA, b"{}"))
    changed = [key for key in identity if note.get("identity", {}).get(key) != identity[key]]
    if changed:
        raise UserError(
            f"{path.parent} holds an unfinished round made with another {changed[0]}; go on with "
            f"that, or remove the folder to start the round again"
        )
    tally = np.array(note["tally"], dtype=np.int64)
    return Wave(table.replace_schema_metadata(metadata), tally, note["seconds"])
