# %% [markdown]
# # Compare the features of your own models
#
# All that is needed is activations of several models on the same tokens. Here the models are
# planted: each shows 32 factors that all have in common, and 32 of its own, mixed into 48
# dimensions by a matrix of its own. So the right answer is known. Replace `activations` by those of
# your models, and `rows` by what you know of your tokens.

# %%
from collections.abc import Iterator

import numpy as np
import torch

from sae.activations.codes import encode
from sae.activations.harvest import TokenRows
from sae.comparison.compare import compare_features
from sae.comparison.nulls.quizzes import Quizzes
from sae.comparison.nulls.within_cell import WithinCell
from sae.config import ComparisonConfig, DictionaryConfig
from sae.dictionaries.training import train_sae
from sae.matching.features import Features, select_features
from world import Stream

MODELS, SHARED, OWN, D_MODEL, TEXTS, LENGTH = 3, 32, 32, 48, 1600, 10
torch.set_num_threads(1)


def factors(stream: Stream) -> np.ndarray:
    """float32 [N, 32]: each factor is on for a twentieth of the tokens."""
    rng = stream.generator()
    on = rng.random((TEXTS * LENGTH, 32)) < 0.05
    return (on * rng.gamma(4.0, 0.25, size=on.shape)).astype(np.float32)


def activations(model: int) -> torch.Tensor:
    """float32 [N, d_model]: of one model on all tokens."""
    stream = Stream(0, "planted", agent=model)
    both = np.concatenate([factors(Stream(0, "planted-shared")), factors(stream)], axis=1)
    mix = stream.with_role("planted-mix").generator().standard_normal((SHARED + OWN, D_MODEL))
    return torch.from_numpy((both @ mix).astype(np.float32))


# %% [markdown]
# ## What is known of the tokens
#
# Nulls permute texts among tokens alike in task, position and token; these have none. Matches are
# chosen on one half of the texts, and every figure is of the other.

# %%
text = np.repeat(np.arange(TEXTS), LENGTH)
nothing = np.zeros(TEXTS * LENGTH, dtype=np.uint8)
rows = TokenRows(
    quiz=text,
    position=np.tile(np.arange(LENGTH), TEXTS),
    layout=nothing,
    task=nothing.astype(np.int16),
    token=nothing,
    target=nothing,
    quizzes=TEXTS,
    source=np.arange(TEXTS),
    evaluation=text % 2 == 0,
)

# %% [markdown]
# ## Two autoencoders a model
#
# The second, from another seed, is the noise ceiling: how well a feature is found again in the
# same model. No two may start from equal weights.

# %%
dictionary = DictionaryConfig(
    site="planted", d_sae=96, k=4, training_tokens=400_000, batch_size=512, learning_rate=5e-3
)


def batches(x: torch.Tensor, stream: Stream) -> Iterator[torch.Tensor]:
    """Activations in an order of their own, without end."""
    generator = torch.Generator().manual_seed(stream.seed())
    while True:
        yield x[torch.randint(len(x), (dictionary.batch_size,), generator=generator)]


def train(model: int, seed: int) -> Features:
    """What a fresh autoencoder makes of a model's activations."""
    stream, x = Stream(0, f"sae-{seed}", agent=model), activations(model)
    order = batches(x, stream.with_role(f"order-{seed}"))
    sae = train_sae(order, dictionary, stream.seed(), f"model {model}").eval()
    with torch.no_grad():
        return select_features(encode(sae, x), rows.evaluation, min_firings=50)


features = {model: [train(model, seed) for seed in range(2)] for model in range(MODELS)}

# %% [markdown]
# ## The comparison
#
# Half of what each model has is shared, so half of the features should be matched, and the others
# be unique; the null should find next to nothing.

# %%
config = ComparisonConfig(nulls=(WithinCell(), Quizzes()), baselines=(), resamples=100)
comparison = compare_features(features, rows, config, Stream(0, "comparison"))
matches = comparison.matches.table
universality = comparison.overall["within_cell"]
print(
    f"median r across models {universality.cross:.2f}, null {universality.null:.2f}, "
    f"noise ceiling {universality.ceiling:.2f}"
)
print("features by what became of them:\n", matches.kind.value_counts())
print("families that all models share:", comparison.shared.get(MODELS))
matches.sort_values("r", ascending=False).head()
