"""Shards of a round: batches that are shared among the processes, judged, and saved as one file.

A shard is what a round can lose when it is killed. Duplicates between its batches can only be seen
when it is whole, so they are voted on and then dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from accelerate.utils import gather_object
from numpy.typing import NDArray

from culture_sim.culture.batches import (
    Ballot,
    Candidates,
    RoundContext,
    first_seen,
    propose_batch,
    vote_on,
)
from culture_sim.culture.proposers import ParentPool, concatenate_proposals
from culture_sim.culture.records import CultureRecords, array_of, quizzes_of, to_table
from culture_sim.culture.store import read_table, write_table
from culture_sim.culture.votes import concatenate_votes
from world import QuizBatch
from world.core.errors import UserError
from world.core.files import json_text, parse_json

OUTCOMES = ("proposed", "trivial", "duplicate", "voted", "kept")
METADATA = b"shard"


@dataclass(frozen=True)
class Shard:
    """A finished shard.

    table: the quizzes voted on. tally: int64 [N, P, 5], the counts of OUTCOMES for each agent that
    proposed and each of P methods.
    """

    table: pa.Table
    tally: NDArray[np.int64]


def batches_of(context: RoundContext, shard: int) -> range:
    """The batches of a shard; none once the budget of proposals is spent."""
    size = context.config.shard_batches
    last = -(-context.config.max_proposals // context.config.batch_size)
    return range(min(shard * size, last), min((shard + 1) * size, last))


def proposals_of(context: RoundContext, shard: int) -> int:
    """Proposals of a shard: the last one of a budget has fewer."""
    return sum(map(context.batch_size, batches_of(context, shard)))


def propose_share(
    context: RoundContext, shard: int, known: NDArray[np.uint64], before: Shard | None
) -> Iterable[Candidates]:
    """This process's batches of a shard, one after the other.

    known: uint64 [any], hashes of quizzes not wanted again. before: the shard before this one.
    """
    batches, processes = batches_of(context, shard), context.accelerator
    for number in batches[processes.process_index :: processes.num_processes]:
        kept = context.kept[context.agent(number)]
        parents = _parents(context, kept, before, number - batches.start)
        yield propose_batch(context, number, known, parents)


def vote_on_share(context: RoundContext, candidates: Iterable[Candidates]) -> Iterable[Ballot]:
    """All agents' votes on this process's batches."""
    return (vote_on(context, batch) for batch in candidates)


def decide_together(context: RoundContext, ballots: Iterable[Ballot]) -> Shard:
    """What the rule keeps of a shard; every process comes here with its ballots, and gets all."""
    cast = list(ballots)
    if context.accelerator.num_processes > 1:
        cast = gather_object(cast)
    return _judged(context, sorted(cast, key=lambda ballot: ballot.candidates.batch))


def _parents(
    context: RoundContext, kept: QuizBatch, before: Shard | None, place: int
) -> ParentPool:
    """What batch ``place`` of a shard may use: of the rejected quizzes its turn, so that none is
    used twice."""
    if before is None:
        return ParentPool(kept, kept[:0], np.zeros(0, dtype=np.int16))
    rejected = np.flatnonzero(~array_of(before.table, "keep"))
    turn = rejected[place :: context.config.shard_batches]
    ages = array_of(before.table, "age")[turn]
    return ParentPool(kept, quizzes_of(before.table)[turn], ages)


def _judged(context: RoundContext, ballots: list[Ballot]) -> Shard:
    """The batches, given in order, without the quizzes that an earlier one made too."""
    batches = [ballot.candidates for ballot in ballots]
    proposals = concatenate_proposals([batch.proposals for batch in batches])
    hashes = np.concatenate([batch.hashes for batch in batches])
    votes = concatenate_votes([ballot.votes for ballot in ballots])
    place = np.concatenate([b.batch * context.config.batch_size + b.rows for b in batches])
    fresh = first_seen(hashes, np.zeros(0, dtype=np.uint64))
    votes, chosen = votes[fresh], np.flatnonzero(fresh)
    numbers = [batch.batch for batch in batches for _ in batch.rows]
    records = CultureRecords(
        provenance=context.provenance,
        proposals=proposals[fresh],
        hashes=hashes[fresh],
        votes=votes,
        decision=context.config.rule(votes),
        method=[context.method(numbers[row]) for row in chosen],
        index=place[fresh],
        seed=np.array([context.batch_seed(numbers[row]) for row in chosen], dtype=np.int64),
        held_out=context.world.split_of(proposals.quizzes[fresh]) > 0,
    )
    return Shard(to_table(records), _tally(context, batches, records))


def _tally(
    context: RoundContext, batches: list[Candidates], records: CultureRecords
) -> NDArray[np.int64]:
    """int64 [N, P, 5]: the counts of OUTCOMES by proposer and method."""
    names = context.config.methods
    tally = np.zeros((len(context.models), len(names), len(OUTCOMES)), dtype=np.int64)
    for batch in batches:
        place = context.agent(batch.batch), names.index(context.method(batch.batch))
        tally[place][:2] += batch.proposed, batch.trivial
    proposers, keep = records.votes.proposer.tolist(), records.decision.keep.tolist()
    for agent, name, kept in zip(proposers, records.method, keep, strict=True):
        tally[agent, names.index(name), 3:] += 1, kept
    tally[..., 2] = tally[..., 0] - tally[..., 1] - tally[..., 3]
    return tally


def save_shard(path: Path, shard: Shard, identity: dict[str, Any], seconds: float) -> None:
    """Write a part file, whole or not at all.

    identity: what decides the content of a shard. seconds: wall-clock it took.
    """
    note = {"identity": identity, "tally": shard.tally.tolist(), "seconds": seconds}
    metadata = {**(shard.table.schema.metadata or {}), METADATA: json_text(note).encode()}
    write_table(path, shard.table.replace_schema_metadata(metadata))


def load_shard(path: Path, identity: dict[str, Any]) -> tuple[Shard, float]:
    """A part file and the seconds it took; raises UserError when it is damaged or of another
    identity."""
    remedy = "remove it to have the round make that part again"
    table = read_table(path, remedy)
    metadata = dict(table.schema.metadata or {})
    note = parse_json(path, metadata.pop(METADATA, b"{}"), remedy)
    changed = [key for key in identity if note.get("identity", {}).get(key) != identity[key]]
    if changed:
        raise UserError(
            f"{path.parent} holds an unfinished round made with another {changed[0]}; go on with "
            f"that, or remove the folder to start the round again"
        )
    tally = np.array(note["tally"], dtype=np.int64)
    return Shard(table.replace_schema_metadata(metadata), tally), float(note["seconds"])
