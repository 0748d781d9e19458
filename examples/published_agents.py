# %% [markdown]
# # Published agents, opened
#
# Agents of F. Fleuret's culture of 2024 as a run. The real files are of 37 million numbers each;
# here two small networks of random weights are written in the same format first, so that the
# example needs no network. With files of your own, `folder` is where they are, and the next two
# cells are not needed.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from culture_sim import open_run
from culture_sim.imports.run import import_culture_gpt
from culture_sim.presets import presets

WIDTH, HEADS, HIDDEN, BLOCKS, VALUES = 32, 2, 64, 2, 15
scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name)


# %%
def published(seed):
    """A network's tensors by the names of the published files."""
    rng = torch.Generator().manual_seed(seed)
    head = WIDTH // HEADS
    shapes = {
        "embedding.0.f.0.weight": (VALUES, WIDTH),
        "readout.f.weight": (VALUES, WIDTH),
        "readout.f.bias": (VALUES,),
    }
    for block in range(BLOCKS):
        attention, mlp = f"trunk.{2 * block}.f", f"trunk.{2 * block + 1}.f.f"
        shapes |= {f"{attention}.1.w_{kind}": (HEADS, head, WIDTH) for kind in "qkv"}
        shapes |= {
            f"{attention}.1.w_o": (WIDTH, WIDTH),
            f"{attention}.0.f.0.weight": (WIDTH,),
            f"{attention}.0.f.0.bias": (WIDTH,),
            f"{mlp}.0.weight": (WIDTH,),
            f"{mlp}.0.bias": (WIDTH,),
            f"{mlp}.2.weight": (HIDDEN, WIDTH),
            f"{mlp}.2.bias": (HIDDEN,),
            f"{mlp}.4.weight": (WIDTH, HIDDEN),
            f"{mlp}.4.bias": (WIDTH,),
        }
    return {name: 0.2 * torch.randn(*shape, generator=rng) for name, shape in shapes.items()}


for number in range(2):
    file = folder / f"gpt_{number:03d}.pth"
    torch.save((published(number), torch.tensor(0.5)), file)  # noqa: TID251

# %% [markdown]
# ## The run
#
# The files are read with `weights_only=True`, checked and written as safetensors; every agent
# answers unseen quizzes of the source's tasks. `culture-sim import culture-gpt FOLDER` does the
# same.

# %%
options = presets["faithful"]()
options = replace(options, train=replace(options.train, test_quizzes=40, validation_quizzes=40))
import_culture_gpt(folder / "august", [folder], options, None, print)
run = open_run(folder / "august")
print(run.training)  # what they learned from before is not known, so it is not 0

# %% [markdown]
# ## What can be done with it
#
# Everything that can be done with a run: quizzes, activations, TransformerLens. The site is that of
# the published SAE, as far as these small networks go.

# %%
quizzes = run.quizzes(4)
print(quizzes[:1])
agent, tokens = run.agents[0], torch.from_numpy(quizzes.batch.tokens).long()
site = f"blocks.{BLOCKS - 1}.hook_mlp_out"
print(agent.capture(tokens, [site])[site].shape)

# %%
scratch.cleanup()
