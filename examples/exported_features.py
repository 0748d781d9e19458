# %% [markdown]
# # Features for Neuronpedia
#
# A run's compared features as JSON that Neuronpedia's tools read. Run all of it with
# `python examples/exported_features.py runs/smoke`; by default it takes the run `runs/compact`.

# %%
import json
import sys
import tempfile
from pathlib import Path

from culture_sim.cli import main

given = [argument for argument in sys.argv[1:] if Path(argument).is_dir()]
path = Path(given[0] if given else "runs/compact")
scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name) / "features"

# %% [markdown]
# ## Export
#
# In a terminal: `culture-sim export features --run compact --out features --agents 0`.

# %%
where = ["--run", path.name, "--runs", str(path.parent), "--out", str(folder)]
assert main(["export", "features", *where, "--agents", "0", "--top", "3"]) == 0
batch = json.loads(next(folder.rglob("batch-0.json")).read_text())
print(batch["model_id"], batch["layer"], batch["sae_set"], len(batch["features"]))

# %% [markdown]
# ## A feature
#
# How often it fires, which token values it promotes, and where it fires most.

# %%
feature = max(batch["features"], key=lambda one: one["activations"][0]["bin_max"])
print(feature["feature_index"], f"{feature['frac_nonzero']:.2%}")
print(dict(zip(feature["pos_str"], feature["pos_values"], strict=True)))

# %%
shown = feature["activations"][0]
place = shown["qualifying_token_index"]
print(shown["tokens"][place - 3 : place + 1], shown["values"][place - 3 : place + 1])

# %%
scratch.cleanup()
