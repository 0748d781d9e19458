# %% [markdown]
# # Change one thing: a task and a consensus rule of your own
#
# Both are one small class, written here and not in the package. To use them in whole runs, save
# them as a module and start every command with `--plugin that_module`.

# %%
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

import culture_sim
from agents import Learner, ModelConfig, TrainConfig, mixed_draw, unseen_quizzes
from culture_sim import Decision, Rule, VoteTable
from world import Stream, worlds
from world.strings.task import Strings, StringTask, string_tasks

# %% [markdown]
# ## A task
#
# A generator for whole batches, and apart from it a check of one pair.


# %%
@string_tasks.register("mirror_alphabet")
class MirrorAlphabet(StringTask):
    """a becomes the last letter of the alphabet, b the one before it, and so on."""

    def apply(self, strings: Strings, letters: int) -> Strings:
        return np.where(strings > 0, letters + 1 - strings, 0).astype(np.uint8)

    def verify(self, x: list[int], fx: list[int], letters: int) -> bool:
        return [a + b for a, b in zip(x, fx, strict=False)] == [letters + 1] * max(len(x), len(fx))


world = worlds["strings"](length=3, letters=4, tasks=("mirror_alphabet",))
world.show(world.draw(Stream(0, "example"), 0, 6, "train"))

# %% [markdown]
# ## An agent that learns it
#
# A few thousand quizzes are enough for so small a world.

# %%
torch.set_num_threads(1)  # of a network so small, more are slower
size = ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=64)
train = TrainConfig(epoch_quizzes=1920, learning_rate=0.02, warmup_steps=10, precision="fp32")
learner = Learner(size, train, world, Stream(0, "", agent=0), Accelerator(cpu=True))
test = unseen_quizzes(world, Stream(0, "world-test"), 300)
while learner.quizzes < 40_000:
    for _ in learner.train_epoch(mixed_draw(world, learner.stream)):
        pass
    evaluation = learner.evaluate(test)
    print(f"{learner.quizzes:,} quizzes: {evaluation.accuracy:.1%} of unseen ones answered exactly")
    if evaluation.accuracy >= train.target:
        break

# %% [markdown]
# ## A consensus rule
#
# A rule judges votes. Stored votes can be judged again by any rule, without running a model.


# %%
@culture_sim.rules.register("majority")
@dataclass(frozen=True)
class Majority(Rule):
    """Keep what more than half of the voters solve, and at least one fails."""

    def __call__(self, votes: VoteTable) -> Decision:
        voters, solvers = votes.voted.sum(axis=1), votes.solves.sum(axis=1)
        keep = (2 * solvers > voters) & (solvers < voters)
        nobody = np.full(len(votes), -1, dtype=np.int16)
        return Decision(keep, nobody, ["kept" if kept else "no majority" for kept in keep])

    def describe(self, n_agents: int) -> str:
        return "more than half of its voters solve it and at least one fails"


given = [argument for argument in sys.argv[1:] if Path(argument).is_dir()]
run = culture_sim.open_run(given[0] if given else "runs/compact")
for number in run.store.rounds():
    decision = Majority()(run.store.votes(number))
    kept = run.store.decision(number).keep
    print(f"round {number}: {kept.sum()} kept, {decision.keep.sum()} by this rule")
