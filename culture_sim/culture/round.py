"""A culture round: agents propose, all vote, a rule decides, everything is stored.

Shards follow each other until enough quizzes are kept or enough were proposed; the order of the
steps is that of ``culture_sim.experiment.hold_round``. Each shard that is finished lies in a part
file; the round's own file appears, by renaming, when all is done.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from accelerate import Accelerator
from numpy.typing import NDArray

from agents.model import AgentModel
from culture_sim.culture.batches import Ballot, Candidates, RoundContext
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.curriculum import make_curriculum
from culture_sim.culture.figures import read_summary, round_figures, summary_path
from culture_sim.culture.records import Provenance, hashes_of
from culture_sim.culture.shards import (
    Shard,
    batches_of,
    decide_together,
    load_shard,
    proposals_of,
    propose_share,
    save_shard,
    vote_on_share,
)
from culture_sim.culture.store import CultureStore
from culture_sim.culture.votes import trial_votes
from world import QuizBatch, QuizWorld, Stream
from world.core.errors import UserError
from world.core.files import json_text, write_json
from world.core.options import to_tree

FREE = (
    *("quota", "max_proposals", "least_yield"),
    *("repeats", "max_share", "restart_quota", "transfer_quizzes"),
)
"""Options of culture that the content of a shard does not depend on."""
FIRST_PARENTS = 1024
"""World quizzes that proposals are made from while no culture is kept."""


@dataclass(frozen=True)
class RoundProgress:
    """How far a round is, as of its last finished shard: numbers of quizzes."""

    proposed: int = 0
    voted: int = 0
    kept: int = 0


Report = Callable[[RoundProgress], None]


class CultureRound:
    """A round in the making, the same in every process; made by ``open_round``."""

    def __init__(
        self,
        context: RoundContext,
        store: CultureStore,
        known: NDArray[np.uint64],
        report: Report = lambda _: None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        """known: uint64, canonical hashes that proposals must not repeat. report: called often.
        notes: what else the round's figures are to say.
        """
        self.context, self._store, self._known, self._report = context, store, known, report
        self._notes = dict(notes or {})
        self.number = context.provenance.round
        self._parts = store.path(self.number).with_suffix(".parts")
        self._identity = _identity(context, known)
        self._shards: list[Shard] = []
        self._seconds, self._began = 0.0, time.monotonic()
        self.progress = RoundProgress()

    @property
    def is_stored(self) -> bool:
        """True when the round has been held already."""
        return self._store.path(self.number).exists()

    @property
    def is_complete(self) -> bool:
        """True when enough quizzes are kept, or the budget of proposals is spent."""
        full = self.progress.kept >= self.context.config.quota
        return self.is_stored or full or not batches_of(self.context, len(self._shards))

    def saved_shard(self) -> Shard | None:
        """The next shard, if an earlier attempt has finished it.

        Raises UserError for a file that is damaged, or of another configuration.
        """
        self._began = time.monotonic()
        path = self._path(len(self._shards))
        if not path.exists():
            return None
        shard, seconds = load_shard(path, self._identity)
        self._refuse_another_budget(path, shard)
        self._seconds += seconds
        return shard

    def propose(self) -> Iterable[Candidates]:
        """This process's share of the next shard's proposals: sifted, batch by batch."""
        before = self._shards[-1] if self._shards else None
        return propose_share(self.context, len(self._shards), self._known, before)

    def vote(self, candidates: Iterable[Candidates]) -> Iterator[Ballot]:
        """All agents' votes on them."""
        for ballot in vote_on_share(self.context, candidates):
            yield ballot
            self._report(self.progress)

    def decide(self, ballots: Iterable[Ballot]) -> Shard:
        """What the rule keeps, of the ballots of all processes; saved at once."""
        shard = decide_together(self.context, ballots)
        spent = time.monotonic() - self._began
        self._seconds += spent
        if self.context.accelerator.is_main_process:
            save_shard(self._path(len(self._shards)), shard, self._identity, spent)
        return shard

    def add(self, shard: Shard) -> None:
        """Count a finished shard; its quizzes are not wanted again."""
        self._shards.append(shard)
        self._known = np.concatenate([self._known, hashes_of(shard.table)])
        proposed, _, _, voted, kept = shard.tally.sum(axis=(0, 1)).tolist()
        now = self.progress
        self.progress = RoundProgress(now.proposed + proposed, now.voted + voted, now.kept + kept)
        self._report(self.progress)

    def store(self) -> dict[str, Any]:
        """Put all shards into the store, unless they are there; returns the round's figures."""
        accelerator, stored = self.context.accelerator, self.is_stored
        figures = (
            {} if stored else round_figures(self.context, self._shards, self._store, self._seconds)
        )
        # Nobody may still be reading parts when they are removed, nor look for the round too early.
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            if not stored:
                table = pa.concat_tables([shard.table for shard in self._shards])
                write_json(summary_path(self._store, self.number), {**figures, **self._notes})
                self._store.append(self.number, table)
            shutil.rmtree(self._parts, ignore_errors=True)
        accelerator.wait_for_everyone()
        return read_summary(self._store, self.number)

    def _path(self, shard: int) -> Path:
        return self._parts / f"{shard:05d}.parquet"

    def _refuse_another_budget(self, path: Path, shard: Shard) -> None:
        """The last shard of a budget may be cut short; under another it would be longer, or
        shorter."""
        made = int(shard.tally[..., 0].sum())
        wanted = proposals_of(self.context, len(self._shards))
        if made != wanted:
            raise UserError(
                f"{path} has {made} proposals, and culture.max_proposals "
                f"({self.context.config.max_proposals}) would give it {wanted}; go on with the "
                f"former budget, or remove the file to have the round make that part again"
            )


def open_round(
    models: Sequence[AgentModel],
    world: QuizWorld,
    config: CultureConfig,
    *,
    number: int,
    seed: int,
    checkpoints: Sequence[str],
    test_hashes: NDArray[np.uint64],
    store: CultureStore,
    accelerator: Accelerator,
    report: Report = lambda _: None,
    notes: Mapping[str, Any] | None = None,
) -> CultureRound:
    """Round ``number`` (1, 2, ...), to be held or finished; every process opens it with the same.

    seed: the run's root seed. checkpoints: SHA-256 of each agent's weights, recorded with the
    quizzes. test_hashes: uint64, canonical hashes that proposals must not repeat (the world test
    set). report: called on every process, often. notes: what else the round's figures are to say,
    in JSON's types. Raises UserError for a population that the rule cannot judge, and for processes
    that do not know of each other.
    """
    _refuse_strangers(accelerator)
    config.rule(trial_votes(len(models), config.voters))
    context = RoundContext(
        models=[model.to(accelerator.device).eval() for model in models],
        world=world,
        config=config,
        seed=seed,
        provenance=_provenance(config, number, checkpoints),
        kept=parents_of_round(store, world, seed, config.trains_on, len(models)),
        accelerator=accelerator,
    )
    known = np.concatenate([store.hashes(), test_hashes])
    return CultureRound(context, store, known, report, notes)


def _refuse_strangers(accelerator: Accelerator) -> None:
    """Each of several processes that think themselves alone would write the same files."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started != accelerator.num_processes:
        raise UserError(
            f"{started} processes were started but accelerate joined {accelerator.num_processes}; "
            f"make the accelerator by agents.make_accelerator, which looks for the others"
        )


def _provenance(config: CultureConfig, round_: int, checkpoints: Sequence[str]) -> Provenance:
    options = to_tree(config.rule)
    name = options.pop("name")
    return Provenance(
        round=round_,
        rule=name,
        rule_options=json_text(options, sort_keys=True),
        checkpoints=tuple(checkpoints),
    )


def parents_of_round(
    store: CultureStore, world: QuizWorld, seed: int, trains_on: str, n_agents: int
) -> list[QuizBatch]:
    """For each agent, what its proposals may be made from: the culture that it trains on, or
    world quizzes where that is none."""
    drawn = world.draw(Stream(seed, "parents"), 0, FIRST_PARENTS, "train")
    if not store.rounds():
        return [drawn] * n_agents
    curriculum = make_curriculum(store, world, trains_on, n_agents)
    return [culture if len(culture) else drawn for culture in curriculum.by_agent]


def _identity(context: RoundContext, known: NDArray[np.uint64]) -> dict[str, Any]:
    """What decides a shard's content: parts of a round are only continued if all is the same."""
    config = json.loads(json_text(to_tree(context.config)))  # as it will be read back
    return {
        "seed": context.seed,
        "world": repr(context.world),
        "checkpoints": list(context.provenance.checkpoints),
        "known quizzes": hashlib.blake2b(np.sort(known).tobytes(), digest_size=16).hexdigest(),
        **{f"culture.{key}": value for key, value in config.items() if key not in FREE},
    }
