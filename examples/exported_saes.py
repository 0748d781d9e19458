# %% [markdown]
# # SAEs in sae_lens, and on a HookedSAETransformer
#
# A run's sparse autoencoders as others open them. Run all of it with
# `python examples/exported_saes.py runs/smoke`; by default it takes the run `runs/compact`.

# %%
import sys
import tempfile
from pathlib import Path

import torch
from sae_lens import SAE

import culture_sim
from agents import shift
from culture_sim.cli import main

given = [argument for argument in sys.argv[1:] if Path(argument).is_dir()]
path = Path(given[0] if given else "runs/compact")
scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name) / "saes"

# %% [markdown]
# ## Export
#
# In a terminal: `culture-sim export saes --run compact --out saes --agents 0`.

# %%
where = ["--run", path.name, "--runs", str(path.parent), "--out", str(folder)]
assert main(["export", "saes", *where, "--agents", "0"]) == 0
place = next(folder.rglob("cfg.json")).parent
sae = SAE.load_from_disk(place)
print(place.relative_to(folder), sae.cfg.d_sae, sae.cfg.metadata.hook_name)

# %% [markdown]
# ## A HookedSAETransformer in one line
#
# The agent with its SAE in place. What the SAE leaves out of the activations changes the logits.

# %%
run = culture_sim.open_run(path)
model = run.hooked_sae_transformer(agent=0)
tokens = torch.from_numpy(run.quizzes(4).batch.tokens).long()
with torch.no_grad():
    spliced, ours = model(shift(tokens)), run.agents[0](tokens)
print("logits differ by", float((spliced - ours).abs().max()))

# %% [markdown]
# ## What is active
#
# As with any HookedSAETransformer. The last number should be near the `l0` of the metadata; it is
# of all tokens here, and there of those that a layout leaves open.

# %%
_, cache = model.run_with_cache_with_saes(shift(tokens), saes=[sae])
codes = cache[f"{sae.cfg.metadata.hook_name}.hook_sae_acts_post"]
print(codes.shape, float((codes > 0).sum(-1).float().mean()), sae.cfg.metadata.l0)

# %%
scratch.cleanup()
