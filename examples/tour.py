# %% [markdown]
# # A tour of a run
#
# Everything that a run left on disk, from Python. Make one first, in a terminal:
#
#     make culture              # the default run "compact", half an hour on two cores
#     make demo                 # the run "smoke", a minute, in which nothing is learned
#
# Run the cells in an editor that knows percent format, or all of it with
# `python examples/tour.py runs/smoke`.

# %%
import sys
from pathlib import Path

import numpy as np
import torch

import culture_sim

given = [argument for argument in sys.argv[1:] if Path(argument).is_dir()]
run = culture_sim.open_run(given[0] if given else "runs/compact")
run.training

# %% [markdown]
# ## Quizzes
#
# No agent learned from these. They show themselves as pictures in a notebook.

# %%
quizzes = run.quizzes(8)
print(quizzes[:2])
quizzes

# %% [markdown]
# ## What an agent makes of them
#
# Activations have the names that TransformerLens gives them; position t is the one from which
# token t is predicted.

# %%
from agents import answers, capture, score

agent, tokens = run.agents[0], torch.from_numpy(quizzes.batch.tokens.astype(np.int64))
site = f"blocks.{agent.n_layers - 1}.hook_resid_post"
residual = capture(agent, tokens, [site])[site]
print("residual stream:", list(residual.shape))
print("exactly right:", score(agent, run.world, quizzes.batch).correct)
run.world.show(answers(agent, run.world, quizzes.batch))

# %% [markdown]
# ## Culture
#
# Every quiz that agents voted on, kept or not; how often two agents agree about one.

# %%
votes = run.votes
print(votes.groupby(["round", "reason"]).size())
solved = votes.filter(regex=r"^solved_\d+$").to_numpy(dtype=bool)
agreement = (solved[:, :, None] == solved[:, None, :]).mean(axis=0)
print("agreement of agents:\n", agreement.round(2))
run.culture

# %% [markdown]
# ## Features
#
# The best match of every feature in every other agent, against its null and its noise ceiling.

# %%
matches = run.matches()
print(matches.columns.tolist())
print("median r across agents:", matches.r.median())
print("autoencoders:", {number: type(sae).__name__ for number, sae in run.saes().items()})
run.families()
