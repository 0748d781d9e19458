"""Impossible options are refused at once, each in one line that names it."""

import json
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest
import torch

from agents.config import ModelConfig
from culture_sim.cli import main
from culture_sim.launch.checks import check_options, warning_of_few_units
from culture_sim.presets import presets
from culture_sim.run.config import VERSION, RunConfig, config_from_dict, config_to_dict, read_config
from sae.comparison.nulls.quizzes import Quizzes
from sae.comparison.nulls.rotation import Rotation
from sae.config import SAEConfig
from world.core.errors import UserError
from world.core.options import from_tree
from world.grids.world import GridsWorld
from world.strings import StringsWorld

NAN, INFINITY = float("nan"), float("inf")
TYPES = [
    ("seed", 1.5, "a whole number, got 1.5"),
    ("agents", True, "a whole number, got True"),
    ("world", 5, "a name or an object of options, got 5"),
    ("world.name", ["grids"], "a string, got ['grids']"),
    ("world.height", "6", "a whole number, got '6'"),
    ("world.tasks", "frame", "a list, got 'frame'"),
    ("model.architecture", 1, "a name or an object of options, got 1"),
    ("model.dropout", None, "a finite number, got None"),
    ("train", 5, "an object of options, got 5"),
    ("train", None, "an object of options, got None"),
    ("train", [1], "an object of options, got [1]"),
    ("train.test_quizzes", [1], "a whole number, got [1]"),
    ("train.batch_size", 32.0, "a whole number, got 32.0"),
    ("train.optimizer", "sgd", "one of muon, adam, got 'sgd'"),
    ("train.optimizer", None, "one of muon, adam, got None"),
    ("train.precision", "fp16", "one of auto, bf16, fp32, got 'fp16'"),
    ("train.target", NAN, "a finite number, got nan"),
    ("train.learning_rate", INFINITY, "a finite number, got inf"),
    ("train.learning_rate", 10**400, "a finite number, got 1000"),
    ("culture.rule", 5, "a name or an object of options, got 5"),
    ("culture.rule.name", 5, "a string, got 5"),
    ("sae.nulls", "within_cell", "a list, got 'within_cell'"),
]
NOT_COUNTS = [
    *(f"model.{name}" for name in ("d_model", "n_layers", "n_heads")),
    *(f"train.{name}" for name in ("test_quizzes", "validation_quizzes", "epoch_quizzes")),
    *(f"train.{name}" for name in ("max_quizzes", "batch_size")),
    *(f"culture.{name}" for name in ("batch_size", "shard_batches", "quota", "max_proposals")),
    *(f"sae.{name}" for name in ("training_tokens", "epochs_per_buffer", "buffer_quizzes")),
    *(f"sae.{name}" for name in ("batch_size", "dead_after", "seeds", "comparison_quizzes")),
    *(f"sae.{name}" for name in ("min_firings", "permutations", "resamples")),
]
RANGES = [
    *((name, 0, "at least 1, got 0") for name in NOT_COUNTS),
    *((name, -3, "at least 1, got -3") for name in NOT_COUNTS),
    ("agents", 1, "at least 2, got 1"),
    ("rounds", -1, "not be negative, got -1"),
    ("model.architecture", "rnn", "unknown model.architecture 'rnn'; known: culture_gpt"),
    ("model.d_mlp", -1, "0 or more and finite, got -1"),
    ("model.dropout", 1.0, "in [0, 1), got 1.0"),
    ("model.n_heads", 5, "model.d_model (96) must be a multiple of model.n_heads (5)"),
    ("train.target", 1.01, "in [0, 1], got 1.01"),
    (
        "train.batch_size",
        33,
        "train.epoch_quizzes (4000) must be a multiple of train.batch_size (33)",
    ),
    ("train.learning_rate", -1, "positive and finite, got -1"),
    ("train.adam_learning_rate", 0.0, "positive and finite, got 0.0"),
    ("train.warmup_steps", -1, "0 or more and finite, got -1"),
    ("train.weight_decay", -0.1, "0 or more and finite, got -0.1"),
    ("train.ema_decay", 1.0, "in [0, 1), got 1.0"),
    ("train.part_weighting", -0.1, "0 or more and finite, got -0.1"),
    ("train.writing_share", 1.0, "in [0, 1), got 1.0"),
    ("train.prompt_noise", 1.5, "in [0, 1], got 1.5"),
    ("culture.rule", "three", "unknown culture.rule 'three'; known: "),
    ("culture.proposers", ["cold"], "unknown culture.proposers 'cold'; known: "),
    ("culture.max_share", -0.5, "in [0, 1], got -0.5"),
    ("sae.k", 0, "between 0 and the least of sae.widths (512), got 0"),
    ("sae.k", 513, "between 0 and the least of sae.widths (512), got 513"),
    ("sae.k", 0.001, "sae.k (0.001) leaves a batch of 512 no active feature"),
    ("sae.learning_rate", 0.0, "positive and finite, got 0.0"),
    ("sae.warmup_steps", -1, "0 or more and finite, got -1"),
    ("sae.architectures", ["vae"], "unknown sae.architectures 'vae'; known: batch_topk"),
    ("sae.architectures", [], "sae.architectures is empty"),
    ("sae.training_tokens", 511, "sae.training_tokens (511) must be at least batch_size (512)"),
    ("sae.widths", [], "sae.widths is empty"),
    ("sae.nulls", [], "sae.nulls is empty"),
    ("sae.nulls", ["quizzes", "quizzes"], "sae.nulls names quizzes twice, with the same options"),
    ("sae.nulls", ["quizzes", "none"], "unknown sae.nulls 'none'; known: quizzes"),
]


def tree_with(option, value):
    """Options as a configuration file has them, one of them changed."""
    tree = config_to_dict(RunConfig())
    *parts, last = option.split(".")
    inner = tree
    for part in parts:
        inner = inner[part]
    inner[last] = value
    return tree


def refusal(tree):
    with pytest.raises(UserError) as refused:
        config_from_dict(tree)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(("option", "value", "says"), TYPES)
def test_a_value_of_the_wrong_type_is_refused(option, value, says):
    assert refusal(tree_with(option, value)).startswith(f"option {option} must be {says}")


@pytest.mark.parametrize(("option", "value", "says"), RANGES)
def test_a_value_out_of_range_is_refused(option, value, says):
    text = refusal(tree_with(option, value))
    assert option in text
    assert says in text


def test_an_item_of_a_list_is_named():
    text = refusal(tree_with("sae.nulls", ["quizzes", 3]))
    assert text == "option sae.nulls[1] must be a name or an object of options, got 3"


@pytest.mark.parametrize("tree", [None, 5, "all", []])
def test_options_that_are_no_object_are_refused(tree):
    assert refusal(tree) == f"option config must be an object of options, got {tree!r}"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("seed", -1),
        ("rounds", 0),
        ("model.dropout", 0),
        ("train.target", 0),
        ("train.warmup_steps", 0),
        ("train.ema_decay", 0.0),
        ("train.prompt_noise", 1),
        ("train.writing_share", 0.0),
        ("culture.max_share", 1),
        ("sae.k", 512),
        ("sae.k", 1 / 512),
        ("sae.seeds", 1),
        ("sae.permutations", 2),
        ("sae.resamples", 1),
        ("sae.training_tokens", 512),
    ],
)
def test_the_ends_of_the_ranges_are_allowed(option, value):
    tree = tree_with(option, value)
    assert config_to_dict(config_from_dict(tree)) == tree


@dataclass(frozen=True)
class Inner:
    """Options within options."""

    sizes: tuple[int, ...] = ()
    kind: Literal[1, 2] = 1


@dataclass(frozen=True)
class Outer:
    """Kinds of hints that no option has yet."""

    limit: float | None = None
    loud: bool = False
    inner: Inner = field(default_factory=Inner)


def test_every_kind_of_hint_is_read():
    tree = {"limit": 2, "loud": True, "inner": {"sizes": [3, 4], "kind": 2}}
    assert from_tree(Outer, tree) == Outer(2, True, Inner((3, 4), 2))
    assert from_tree(Outer, {"limit": None}) == Outer()


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"limit": "2"}, "option limit must be a finite number, got '2'"),
        ({"loud": 1}, "option loud must be true or false, got 1"),
        ({"inner": {"kind": 3}}, "option inner.kind must be one of 1, 2, got 3"),
        ({"inner": {"sizes": [1, None]}}, "option inner.sizes.1. must be a whole number, got None"),
        ({"inner": {"size": 1}}, "unknown option inner.size; known here: kind, sizes"),
    ],
)
def test_every_kind_of_hint_is_checked(tree, says):
    with pytest.raises(UserError, match=says):
        from_tree(Outer, tree)


def error_of(capsys, *arguments):
    """The one line with which a command refuses."""
    assert main(list(arguments)) == 2
    error = capsys.readouterr().err
    assert error.startswith("culture-sim: error: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("flag", "value", "says"),
    [
        ("--train.batch-size", "0", "train.batch_size must be at least 1, got 0"),
        ("--train.learning-rate", "nan", "train.learning_rate must be positive and finite"),
        ("--train.learning-rate", "-1", "train.learning_rate must be positive and finite"),
        ("--train.optimizer", "sgd", "'muon', 'adam'"),
        ("--model.n-heads", "5", "model.d_model (96) must be a multiple of model.n_heads (5)"),
        (
            "--culture.proposers.hot-then-cold.temperature",
            "inf",
            "hot_then_cold.temperature must be 0",
        ),
        ("--sae.permutations", "0", "sae.permutations must be at least 1, got 0"),
        ("--agents", "1", "agents must be at least 2, got 1"),
    ],
)
def test_a_flag_is_refused_in_one_line(capsys, tmp_path, flag, value, says):
    runs = tmp_path / "runs"
    assert says in error_of(capsys, "culture", "--runs", str(runs), flag, value)
    assert not runs.exists()


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"train": {"optimizer": "sgd"}}, "option train.optimizer must be one of muon, adam"),
        ({"train": {"epoch_quizzes": 0}}, "train.epoch_quizzes must be at least 1, got 0"),
        ({"config": 5, "version": VERSION}, "option config must be an object of options, got 5"),
        (
            {"config": None, "version": VERSION},
            "option config must be an object of options, got None",
        ),
        (
            [],
            "is damaged (it holds no JSON object); give --config a JSON file that holds an object",
        ),
        ({"config": {}, "version": VERSION + 1}, f"of version {VERSION + 1} of runs, and version"),
        ({"config": {"train": {"averaging": 0.9}}}, "is of version 0 of runs, and version"),
    ],
)
def test_a_file_is_refused_in_one_line(capsys, tmp_path, tree, says):
    file, runs = tmp_path / "options.json", tmp_path / "runs"
    file.write_text(json.dumps(tree))
    assert says in error_of(capsys, "culture", "--runs", str(runs), "--config", str(file))
    assert not runs.exists()


def test_a_file_may_name_only_what_differs(tmp_path):
    (tmp_path / "options.json").write_text('{"train": {"learning_rate": 1}, "world": {}}')
    config = read_config(tmp_path / "options.json")
    assert config == replace(RunConfig(), train=replace(RunConfig().train, learning_rate=1.0))


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_can_be_run(name):
    state = torch.random.get_rng_state()
    check_options(presets[name]())
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"agents": 3}, "needs 5 agents, the population has 3; .* choose another culture.rule"),
        ({"model": ModelConfig(n_layers=2)}, "no site 'blocks.2.hook_resid_post' .* sae.sites"),
        ({"sae": SAEConfig(sites=("hook_pos_embed",))}, "no site 'hook_pos_embed' .* sae.sites"),
        ({"sae": SAEConfig(nulls=(Rotation(), Quizzes()))}, "'rotation', which permutes no rows"),
        ({"sae": SAEConfig(baselines=("luck",))}, "unknown sae.baselines 'luck'; known: frozen"),
        (
            {"sae": SAEConfig(buffer_quizzes=3, batch_size=433)},
            r"sae.buffer_quizzes \(3\) gives 432 activations, fewer than sae.batch_size \(433\)",
        ),
        (
            {"world": GridsWorld(3, 4, colours=2, rectangles=1, tasks=("half_fill",))},
            "world: .* has too few different pairs",
        ),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(change, says):
    with pytest.raises(UserError, match=says) as refused:
        check_options(replace(RunConfig(), **change))
    assert "\n" not in str(refused.value)


def test_a_world_of_few_pairs_is_warned_about_with_their_counts():
    few = GridsWorld(tasks=("frame", "half_fill"))
    warning = warning_of_few_units(few)
    counts = {task: int(pairs[0]) for task, pairs in few.units().items()}
    assert f"(frame {counts['frame']})" in warning
    assert counts["half_fill"] > 1000
    assert warning_of_few_units(presets["compact"]().world) is None
    assert warning_of_few_units(StringsWorld()) is None


def test_parts_that_just_fit_each_other_are_allowed():
    check_options(replace(RunConfig(), sae=SAEConfig(buffer_quizzes=3, batch_size=432)))
    check_options(replace(RunConfig(), agents=3, rounds=0))
