# %% [markdown]
# # Compare two models of your own
#
# Two small HookedTransformers learn the same made-up texts from different seeds; SAEs of sae_lens
# are trained on both, saved, loaded by `SAE.load_from_disk`, and compared: which features does each
# find in the other, between a null and a noise ceiling? Nothing is downloaded, and no tokenizer is
# needed: words are a list.

# %%
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from sae_lens import SAE
from transformer_lens import HookedTransformer, HookedTransformerConfig

from culture_sim import write_models
from sae import DictionaryConfig, compare, train_sae
from world import Stream

DOCUMENTS, LENGTH, STEPS, SITE = 1200, 24, 100, "blocks.0.hook_resid_post"
torch.set_num_threads(1)
scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name)

# %% [markdown]
# ## Texts
#
# Stories say who sees, likes or fears whom, and remember whom they began with; lists count up.

# %%
PEOPLE = ["Ada", "Ben", "Cleo", "Dov", "Ella", "Finn"]
VERBS = ["sees", "likes", "fears"]
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
WORDS = ["<start>", ".", ",", "and", "again", *PEOPLE, *VERBS, *NUMBERS]


def story(rng: np.random.Generator) -> str:
    """Whom somebody sees, likes and fears."""
    hero = PEOPLE[rng.integers(6)]
    found = [f"{hero} {VERBS[rng.integers(3)]} {PEOPLE[rng.integers(6)]} ."]
    while len(found) < LENGTH // 4:
        verb, other = VERBS[rng.integers(3)], PEOPLE[rng.integers(6)]
        found.append(f"and again {hero} {verb} {other} .")
    return " ".join(found)


def counting(rng: np.random.Generator) -> str:
    """Numbers in their order, from any of them."""
    first = rng.integers(9)
    return " , ".join(NUMBERS[(first + k) % 9] for k in range(LENGTH))


rng = Stream(0, "texts").generator()
kinds = ["story" if k % 2 else "list" for k in range(DOCUMENTS)]
texts = [(story if kind == "story" else counting)(rng) for kind in kinds]
tokens = torch.tensor([[0, *map(WORDS.index, text.split())][:LENGTH] for text in texts])
print(texts[1], "|", texts[0], sep="\n")

# %% [markdown]
# ## Two models


# %%
def model(seed: int) -> HookedTransformer:
    """Alike but for the seed of its weights and of the order of its texts."""
    config = HookedTransformerConfig(
        n_layers=1,
        d_model=32,
        n_heads=2,
        d_head=16,
        d_mlp=64,
        n_ctx=LENGTH,
        d_vocab=len(WORDS),
        act_fn="gelu",
        seed=seed,
        device="cpu",
    )
    found = HookedTransformer(config)
    optimizer = torch.optim.Adam(found.parameters(), lr=1e-2)
    order = torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        batch = tokens[torch.randint(len(tokens), (48,), generator=order)]
        loss = found(batch, return_type="loss")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"seed {seed}: loss {loss:.2f} nats a token")
    return found.eval().requires_grad_(False)


models = {f"seed {seed}": model(seed) for seed in (1, 2)}

# %% [markdown]
# ## Two SAEs a model
#
# The first is compared. The second, from another seed, is the noise ceiling: how well a feature is
# found again in the same model. Any SAE of sae_lens does; these are saved and loaded as it does it.

# %%
dictionary = DictionaryConfig(
    site=SITE, d_sae=64, k=4, training_tokens=60_000, batch_size=512, learning_rate=5e-3
)


def batches(x: torch.Tensor, stream: Stream) -> Iterator[torch.Tensor]:
    """Activations in an order of their own, without end."""
    order = torch.Generator().manual_seed(stream.seed())
    while True:
        yield x[torch.randint(len(x), (dictionary.batch_size,), generator=order)]


for name, found in models.items():
    _, cache = found.run_with_cache(tokens, names_filter=[SITE])
    activations = cache[SITE][:, 1:].flatten(0, 1)  # what is computed at the start is no text
    for role in ("compared", "ceiling"):
        stream = Stream(0, f"{name}-{role}")
        sae = train_sae(batches(activations, stream), dictionary, stream.seed(), name)
        sae.save_inference_model(folder / name / role)

saes = {
    name: [SAE.load_from_disk(folder / name / role) for role in ("compared", "ceiling")]
    for name in models
}

# %% [markdown]
# ## The comparison
#
# The null permutes tokens among those of the same word, octave of positions and kind of text:
# what they explain alone is nothing that models have in common.

# %%
comparison = compare(models, saes, tokens, site=SITE, kinds=kinds, words=WORDS, min_firings=20)
universality = comparison.overall["within_cell"]
print(
    f"median r between models {universality.cross:.2f}, null {universality.null:.2f}, noise "
    f"ceiling {universality.ceiling:.2f}"
)
if universality.value is None:
    print("no universality:", universality.reason)
else:
    print(f"universality {universality.value:.2f}")
print("families:", len(comparison.families))
tables = comparison.tables()
print(tables["families"][["k", "mean_r", "mean_excess", "name"]].head())

# %% [markdown]
# ## The page
#
# Every feature with the texts that excite it, model beside model. Open it in a browser; give a
# folder that stays in place of this one.

# %%
page = write_models(comparison, folder / "compared")
print(page.name, f"{page.stat().st_size:,} bytes")
scratch.cleanup()
