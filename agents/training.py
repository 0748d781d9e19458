"""One agent learning: steps over quizzes, an average of the weights, evaluation, checkpoints.

The rates fall with the error, and the evaluated weights are an exponential average of the trained
ones, so nothing has to be known about the length of training: it ends when the target is reached.
Everything random is addressed by (agent, round, step), so a resumed agent sees what it would
have seen.
"""

from __future__ import annotations

import copy
import importlib.util
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn import functional as F

from agents.checkpoint import read_model, read_optimizer, read_state, recover, save_checkpoint
from agents.config import ModelConfig, TrainConfig
from agents.divergence import refuse_losses, refuse_weights
from agents.evaluation import Evaluation, evaluate
from agents.model import AgentModel, build_model
from agents.optimizers import (
    cooled,
    decay_weights,
    load_optimizer_tensors,
    make_optimizers,
    optimizer_tensors,
    set_learning_rate,
)
from agents.precision import DTYPES, Formats, choose_formats
from agents.replicas import ReplicaGroup
from world import QuizBatch, Stream, World, concatenate
from world.core.errors import UserError

PIECE_STEPS = 64
"""Steps for which quizzes are prepared at once."""
WEIGHT_FLOOR = 0.1
"""Weight of a task without mistakes, where one without right answers has 1 more."""
BLOCKS = 50
"""Times as many quizzes as wanted that are looked at to find some that are not excluded."""
SEARCHED, LEAST_SEARCHED, MOST_SEARCHED = 1024, 8192, 32_768
"""Quizzes of a task that are looked at to find some whose units were trained on: at once, before
there are held to be none, and in all."""
Draw = Callable[[int, int], QuizBatch]
"""draw(start, count): training quizzes by index, in layout 0."""


@dataclass(frozen=True)
class Progress:
    """Where an agent stands within training: quizzes seen in all, and the last mean loss (nats).

    The loss stays on the device: reading it at every step would make a GPU wait for the CPU.
    """

    quizzes: int
    loss: Tensor


class Learner:
    """An agent in training. ``averaged`` is the model that is evaluated and saved.

    The processes of a replica group hold a learner each, in the same state: they make every step
    together and evaluate together, and one of them saves.
    """

    def __init__(
        self,
        model_config: ModelConfig,
        config: TrainConfig,
        world: World,
        stream: Stream,
        accelerator: Accelerator,
        replicas: ReplicaGroup | None = None,
        formats: Formats | None = None,
    ) -> None:
        """formats: those agreed on with other processes; None: chosen here."""
        self.config = config
        self.world = world
        self.stream = stream
        self.accelerator = accelerator
        self.replicas = replicas or ReplicaGroup()
        seed = stream.with_role("weights").seed()
        self.model = build_model(model_config, world, seed).to(accelerator.device)
        self.averaged = copy.deepcopy(self.model).eval().requires_grad_(False)
        formats = formats or choose_formats(config, accelerator.device)
        self.optimizers = make_optimizers(self.model, config, DTYPES[formats.newton_schulz])
        self.quizzes = 0
        self.steps = 0
        self._forward = compiled(self.model, config.compile)
        self._weights = part_weights(world, config.part_weighting).to(accelerator.device)

    def train_epoch(self, draw: Draw, accuracy: float = 0.0) -> Iterator[Progress]:
        """Learn from the next ``epoch_quizzes`` quizzes, one step at a time.

        accuracy: at the last evaluation, by which the learning rates fall. Raises DivergenceError,
        after a piece at the latest, where that cannot be gone on with: the learner is then not to
        be saved.
        """
        self.model.train()
        share = cooled(accuracy, self.config.cooling)
        size = self.config.batch_size
        for tokens, part in self._pieces(draw):
            losses = []
            for rows, parts in zip(tokens.split(size), part.split(size), strict=True):
                losses.append(self._step(rows.long(), self._weights[parts.long()], share))
                self.quizzes += len(rows)
                yield Progress(self.quizzes, losses[-1])
            # Read once a piece, which a GPU does not notice.
            of_piece = torch.stack(losses).tolist()
            refuse_losses(of_piece, self.quizzes, size, math.log(self.world.vocab_size))
        state = optimizer_tensors(self.optimizers).values()
        refuse_weights(
            [*self.model.parameters(), *self.averaged.parameters(), *state], self.quizzes
        )

    def _pieces(self, draw: Draw) -> Iterator[tuple[Tensor, Tensor]]:
        """An epoch's tokens [b, T] and their parts int8 [b, T], a piece at a time.

        A piece is prepared while the one before it is learned from.
        """
        size = PIECE_STEPS * self.config.batch_size
        end = self.quizzes + self.config.epoch_quizzes
        starts = range(self.quizzes, end, size)

        def prepare(start: int) -> tuple[Tensor, Tensor]:
            quizzes = self._write(draw(start, min(size, end - start)), start)
            arrays = (quizzes.tokens.astype(np.int32), self.world.part_of(quizzes))
            tokens, part = (torch.from_numpy(a).to(self.accelerator.device) for a in arrays)
            return tokens, part

        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(prepare, starts[0])
            for start in starts[1:]:
                piece, coming = coming.result(), pool.submit(prepare, start)
                yield piece
            yield coming.result()

    def _write(self, quizzes: QuizBatch, start: int) -> QuizBatch:
        """The quizzes as they are learned from, in layouts drawn at random."""
        rng = self.stream.with_role("structure").generator(start)
        share, noise = self.config.writing_share, self.config.prompt_noise
        return self.world.for_training(quizzes, rng, share, noise)

    def _step(self, tokens: Tensor, weights: Tensor, share: float) -> Tensor:
        """One optimiser step of the replicas on int64 tokens [B, T] weighted by [B, T].

        share: of the learning rates.
        """
        set_learning_rate(self.optimizers, self.config, self.steps, share)
        # Dropout is the only thing that reads the global generator; it is put back afterwards.
        device = self.accelerator.device
        forked = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(forked, enabled=self.model.config.dropout > 0):
            if self.model.config.dropout > 0:
                draws = self.steps * self.replicas.size + self.replicas.rank
                torch.manual_seed(self.stream.with_role("dropout").seed(draws))
            own = tokens[self.replicas.share]
            with self.accelerator.autocast():
                logits = self._forward(own)
            # Everyone's losses are divided by what they would be in one process.
            total = weights.sum() / self.replicas.size
            loss = weighted_loss(logits, own, weights[self.replicas.share], total)
            self.accelerator.backward(loss)
        self.replicas.average_gradients(self.model.parameters())
        decay_weights(self.optimizers, self.config.weight_decay)
        for optimizer in self.optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._average()
        self.steps += 1
        return loss.detach()

    def _average(self) -> None:
        """Move the averaged weights towards the trained ones; a running mean at the very start."""
        decay = min(self.config.ema_decay, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.averaged.parameters()), list(self.model.parameters()), 1.0 - decay
            )

    def evaluate(self, batch: QuizBatch, world: World | None = None) -> Evaluation:
        """Exact-match accuracy of the averaged model; world: the quizzes', if not the agent's."""
        return evaluate(self.averaged, world or self.world, batch, self.accelerator, self.replicas)

    def save(self, path: Path, state: dict[str, Any]) -> None:
        """Write a checkpoint; ``state`` is what the caller wants to find again."""
        raw = {f"weights/{k}": v for k, v in self.model.state_dict().items()}
        raw |= optimizer_tensors(self.optimizers)
        state = {**state, "quizzes": self.quizzes, "steps": self.steps}
        save_checkpoint(path, self.averaged.state_dict(), raw, state)

    def load(self, path: Path) -> dict[str, Any] | None:
        """Continue from the checkpoint at ``path`` if there is one; returns its state."""
        recover(path)
        state = read_state(path)
        if state is None:
            return None
        tensors = read_optimizer(path)
        prefix = "weights/"
        raw = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        self.model.load_state_dict(raw)
        self.averaged.load_state_dict(read_model(path))
        rest = {k: v for k, v in tensors.items() if not k.startswith(prefix)}
        load_optimizer_tensors(self.optimizers, rest)
        self.quizzes, self.steps = state["quizzes"], state["steps"]
        return state


def compiled(model: AgentModel, choice: Literal["auto", "on", "off"]) -> Callable[[Tensor], Tensor]:
    """The model's forward pass, by torch.compile where that is chosen; they share the weights."""
    on_gpu = model.unembed.weight.device.type == "cuda"
    # What it writes for a GPU is built by Triton, which calls a C compiler.
    compilers = (os.environ.get("CC", "gcc"), "clang")
    able = importlib.util.find_spec("triton") is not None and any(map(shutil.which, compilers))
    if choice == "on" or (choice == "auto" and on_gpu and able):
        return cast(Callable[[Tensor], Tensor], torch.compile(model))
    return model


def part_weights(world: World, power: float = 1.0) -> Tensor:
    """float32 [P + 1]: the loss weight of each of the world's parts, and 0 for padding at -1.

    power: the world's weights are raised to it; 0 counts all parts alike that are not fixed.
    Raises UserError where that leaves no numbers to weight a loss with.
    """
    given = torch.tensor([part.weight for part in world.parts], dtype=torch.float64)
    fixed = torch.tensor([part.fixed for part in world.parts])
    weights = (given**power).masked_fill(fixed, 0.0).float()
    if not bool(weights.isfinite().all()) or not bool((weights > 0).any()):
        raise UserError(
            f"train.part_weighting ({power:g}) is too high: it leaves the parts of this world no "
            f"weights above 0 and finite; lower it"
        )
    return torch.cat([weights, torch.zeros(1)])


def weighted_loss(
    logits: Tensor, tokens: Tensor, weights: Tensor, total: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy in nats of [B, T, V] logits on int64 [B, T], weighted by [B, T].

    total: what the weighted sum is divided by, instead of the sum of the weights.
    """
    losses = F.cross_entropy(logits.flatten(0, 1).float(), tokens.flatten(), reduction="none")
    weights = weights.to(losses.device).flatten()
    return (losses * weights).sum() / (weights.sum() if total is None else total)


def unseen_quizzes(
    world: World, stream: Stream, count: int, but: Sequence[QuizBatch] = ()
) -> QuizBatch:
    """``count`` quizzes of the test split, the answer layouts in equal shares.

    but: quizzes that must not be among them. Raises UserError when too few others are found.
    """
    known = np.concatenate([np.zeros(0, np.uint64), *(world.canonical_hash(b) for b in but)])
    kept: list[QuizBatch] = []
    for block in range(BLOCKS):
        drawn = world.draw(stream, block * count, count, "test")
        kept.append(drawn[~np.isin(world.canonical_hash(drawn), known)])
        if sum(map(len, kept)) >= count:
            break
    else:
        raise UserError("this world has too few quizzes to test agents on; make it larger")
    drawn = concatenate(kept)[:count]
    return world.for_exam(drawn)


def recombined_quizzes(world: World, stream: Stream, trained: QuizBatch, count: int) -> QuizBatch:
    """At most ``count`` quizzes, of all tasks alike, in the answer layouts: each is of units that
    are all in ``trained``, and is itself not among these. Empty where a sequence is its own unit.

    An agent that answers these and no unseen quizzes has learned units by heart.
    """
    units = np.unique(world.units_of(trained))
    known = world.canonical_hash(trained)
    kept = [trained[:0]]
    for task in range(len(world.tasks)):
        wanted = count // len(world.tasks) + (task < count % len(world.tasks))
        alone, found = np.eye(len(world.tasks))[task].tolist(), 0
        for start in range(0, MOST_SEARCHED, SEARCHED):
            if found == wanted or (start >= LEAST_SEARCHED and not found):
                break  # enough, or a world in which next to none would be found
            drawn = world.draw(stream, start + task * MOST_SEARCHED, SEARCHED, "train", alone)
            trained_on = np.isin(world.units_of(drawn), units).all(axis=1)
            again = np.isin(world.canonical_hash(drawn), known)
            drawn = drawn[np.flatnonzero(trained_on & ~again)[: wanted - found]]
            kept.append(drawn)
            found += len(drawn)
    return world.for_exam(concatenate(kept))


def task_weights_for(
    by_task: Mapping[str, float], tasks: Sequence[str], error_weighting: float
) -> list[float]:
    """Weight of each task for its present accuracy: those with more mistakes are drawn more often.

    by_task: accuracy, 0 to 1, by name; a task that is not there counts as without right answers.
    error_weighting: power of the error; 0 makes all tasks equally likely.
    """
    return [(1.0 - by_task.get(task, 0.0)) ** error_weighting + WEIGHT_FLOOR for task in tasks]


def mixed_draw(
    world: World,
    stream: Stream,
    culture: QuizBatch | None = None,
    share: float = 0.0,
    task_weights: Sequence[float] | None = None,
) -> Draw:
    """Training quizzes by index: the world's, with a share of culture quizzes drawn at random.

    culture, share: as for ``with_culture``. task_weights: of the world's tasks; None: equal.
    """
    named = stream.with_role("world-train")

    def draw(start: int, count: int) -> QuizBatch:
        return world.draw(named, start, count, "train", task_weights)

    return with_culture(draw, stream, culture, share)


def with_culture(own: Draw, stream: Stream, culture: QuizBatch | None, share: float) -> Draw:
    """What ``own`` draws, with a share of culture quizzes in its place.

    culture: kept quizzes in layout 0, or None. share: of the mix, 0 to 1; a mix with fewer
    culture quizzes than that repeats them.
    """

    def draw(start: int, count: int) -> QuizBatch:
        quizzes = own(start, count)
        if culture is None or not len(culture):
            return quizzes
        rng = stream.with_role("mix").generator(start)
        replaced = rng.random(count) < share
        chosen = culture[rng.integers(len(culture), size=count)]
        both = concatenate([quizzes, chosen])
        return both[np.where(replaced, np.arange(count) + count, np.arange(count))]

    return draw
