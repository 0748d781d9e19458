# %% [markdown]
# # Agents in transformers and TransformerLens
#
# A run's agents, exported, open without code of culture-sim. Run all of it with
# `python examples/exported_agents.py runs/smoke`; by default it takes the run `runs/compact`.

# %%
import sys
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

import culture_sim
from culture_sim.cli import main

disable_progress_bar()
given = [argument for argument in sys.argv[1:] if Path(argument).is_dir()]
path = Path(given[0] if given else "runs/compact")
scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name) / "agents"

# %% [markdown]
# ## Export
#
# In a terminal: `culture-sim export agents --run compact --out agents --agents 0 1`. With
# `--push-to-hub user/name` it is uploaded, too.

# %%
where = ["--run", path.name, "--runs", str(path.parent), "--out", str(folder)]
assert main(["export", "agents", *where, "--agents", "0", "1"]) == 0
print(*sorted(str(file.relative_to(folder)) for file in folder.rglob("*.*")), sep="\n")

# %% [markdown]
# ## Open in transformers
#
# A start token, 0, stands before every quiz. Where the agent is of the default architecture it is a
# GPT-2, and gives the same logits up to rounding.

# %%
model = AutoModelForCausalLM.from_pretrained(folder, subfolder="agent-0")
run = culture_sim.open_run(path)
quizzes = run.quizzes(4)
tokens = torch.from_numpy(quizzes.batch.tokens).long()
inputs = torch.nn.functional.pad(tokens[:, :-1], (1, 0))
with torch.no_grad():
    logits, ours = model(inputs).logits, run.agents[0](tokens)
print(type(model).__name__, "differs by", float((logits - ours).abs().max()))

# %% [markdown]
# It writes the end of a quiz as the agent would: here the last ten tokens.

# %%
written = model.generate(inputs[:, :-9], max_new_tokens=10)
print(written[:, -10:])
print(tokens[:, -10:])

# %% [markdown]
# ## Open in TransformerLens
#
# The folder of a GPT-2 is opened by one line; the README of the export has the lines that open any
# agent as a HookedTransformer.

# %%
from transformer_lens.model_bridge import TransformerBridge

bridge = TransformerBridge.boot_transformers(str(folder / "agent-0"))
_, cache = bridge.run_with_cache(inputs)
print(cache["blocks.1.hook_resid_post"].shape)

# %%
scratch.cleanup()
