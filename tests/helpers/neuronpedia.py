"""What Neuronpedia's tools read of a file of features, in words of our own.

Read in public repositories: the classes of jbloomAus/SAEDashboard 0.8.0 that write the files; its
``neuronpedia_export.py`` of a later commit, 3ea1249, that converts them and fails on a key that is
missing, as does the script that it replaces, in forks of hijohnnylin/neuronpedia; and the tables
that these fill, in ``apps/webapp/prisma/schema.prisma`` of hijohnnylin/neuronpedia at 008d504.
"""

NUMBER, TEXT = (int, float), (str,)
FEATURE = {
    "feature_index": int,
    "frac_nonzero": NUMBER,
    "n_prompts_total": int,
    "n_tokens_in_prompt": int,
    "dataset": TEXT,
    "neg_str": [TEXT],
    "neg_values": [NUMBER],
    "pos_str": [TEXT],
    "pos_values": [NUMBER],
    "freq_hist_data_bar_heights": [NUMBER],
    "freq_hist_data_bar_values": [NUMBER],
    "logits_hist_data_bar_heights": [NUMBER],
    "logits_hist_data_bar_values": [NUMBER],
    "neuron_alignment_indices": [int],
    "neuron_alignment_values": [NUMBER],
    "neuron_alignment_l1": [NUMBER],
    "correlated_neurons_indices": [int],
    "correlated_neurons_pearson": [NUMBER],
    "correlated_neurons_l1": [NUMBER],
    "correlated_features_indices": [int],
    "correlated_features_pearson": [NUMBER],
    "correlated_features_l1": [NUMBER],
    "decoder_weights_dist": [NUMBER],
    "vector": [NUMBER],
}
ACTIVATION = {
    "bin_min": NUMBER,
    "bin_max": NUMBER,
    "bin_contains": NUMBER,
    "tokens": [TEXT],
    "values": [NUMBER],
    "qualifying_token_index": int,
}
ALIKE = (
    ("neg_str", "neg_values"),
    ("pos_str", "pos_values"),
    ("freq_hist_data_bar_heights", "freq_hist_data_bar_values"),
    ("logits_hist_data_bar_heights", "logits_hist_data_bar_values"),
    ("neuron_alignment_indices", "neuron_alignment_values", "neuron_alignment_l1"),
)
"""Lists of one length."""

COLUMNS = {
    "Int[]": (
        "neuron_alignment_indices",
        "correlated_neurons_indices",
        "correlated_features_indices",
    ),
    "Int": ("qualifying_token_index",),
    "Float": ("frac_nonzero", "bin_min", "bin_max", "bin_contains"),
    "String[]": ("neg_str", "pos_str", "tokens"),
    "Float[]": (
        *("neg_values", "pos_values", "freq_hist_data_bar_heights", "freq_hist_data_bar_values"),
        *("logits_hist_data_bar_heights", "logits_hist_data_bar_values", "neuron_alignment_values"),
        *("neuron_alignment_l1", "correlated_neurons_pearson", "correlated_neurons_l1"),
        *("correlated_features_pearson", "correlated_features_l1", "decoder_weights_dist"),
        *("vector", "values"),
    ),
}
"""Types of the columns of Neuronpedia's database that are filled from keys of the files; what has
none are sizes of the texts, and the index, which becomes text."""
TYPES = {"Int": int, "Float": NUMBER, "String": TEXT}


def columns_differ() -> list[str]:
    """Keys whose type in a file is not that of the column that they fill."""
    kinds = {**FEATURE, **ACTIVATION}
    differ = []
    for column, names in COLUMNS.items():
        kind = TYPES[column.removesuffix("[]")]
        wanted = [kind] if column.endswith("[]") else kind
        differ += [name for name in names if kinds[name] != wanted]
    without = {"feature_index", "n_prompts_total", "n_tokens_in_prompt", "dataset"}
    filled = {name for names in COLUMNS.values() for name in names}
    return [*differ, *sorted({*kinds} - without ^ filled)]


def wrong_in(batch: dict) -> list[str]:
    """What of a batch is not as the format has it."""
    wrong = _wrong(batch, {"model_id": TEXT, "layer": int, "sae_set": TEXT}, ("features",))
    wrong += [] if batch.get("sae_id_suffix", 0) is None else ["sae_id_suffix"]
    for feature in batch.get("features", ()):
        found = _wrong(feature, FEATURE, ("activations",))
        found += [f"{names} differ" for names in ALIKE if _lengths(feature, names) > 1]
        for shown in feature.get("activations", ()):
            found += (parts := _wrong(shown, ACTIVATION, ()))
            if parts:
                continue
            if len(shown["tokens"]) != feature["n_tokens_in_prompt"]:
                found.append("tokens are no whole prompt")
            found += ["lengths differ"] if _lengths(shown, ("tokens", "values")) > 1 else []
            if not 0 <= shown["qualifying_token_index"] < len(shown["values"]):
                found.append("qualifying_token_index is nowhere")
        wrong += [f"feature {feature.get('feature_index')}: {what}" for what in found]
    return wrong


def _wrong(tree: dict, kinds: dict, lists: tuple[str, ...]) -> list[str]:
    wrong = [f"{name} is missing" for name in (*kinds, *lists) if name not in tree]
    wrong += [name for name in lists if not isinstance(tree.get(name), list)]
    for name, kind in kinds.items():
        value = tree.get(name)
        values = value if isinstance(kind, list) else [value]
        plain = kind[0] if isinstance(kind, list) else kind
        if not isinstance(values, list) or not all(_is(each, plain) for each in values):
            wrong.append(f"{name} is {value!r:.40}")
    unknown = {*tree} - {*kinds, *lists, "sae_id_suffix"}
    return [*wrong, *(f"{name} is unknown" for name in sorted(unknown))]


def _is(value: object, kind: object) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)  # type: ignore[arg-type]


def _lengths(tree: dict, names: tuple[str, ...]) -> int:
    return len({len(tree[name]) for name in names})
