"""What may change in a run, and when: it can be extended, and never claims what was not done."""

import json
import shutil
from dataclasses import replace

import pytest

from agents.checkpoint import save_checkpoint
from agents.config import ModelConfig
from agents.model import build_model
from culture_sim.commands import commands
from culture_sim.features.folders import dictionary_configs
from culture_sim.launch.changes import changed_options, refuse_changes
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig, config_from_dict, config_to_dict
from culture_sim.run.run import Run
from culture_sim.run.state import AgentState
from sae.dictionaries.slots import fingerprint
from tests.helpers.made_states import evaluation
from world.core.errors import UserError
from world.core.options import to_tree

TINY = replace(
    RunConfig(), agents=2, model=ModelConfig(d_model=16, n_layers=2, n_heads=1, d_mlp=16)
)
STAGES = ("culture", "train-agents", "culture-round", "sae", "report")
REFUSED = {
    "trained": "the agents of .* are trained: .* would change nothing",
    "held": "the rounds of .* are held: .* would change nothing",
    "fewer": "more than . rounds already",
    "fixed": "were trained with another",
}


def with_options(config, **options):
    """The configuration with other options: ``train_target`` is train.target."""
    tree = json.loads(json.dumps(config_to_dict(config)))
    for name, value in options.items():
        section, _, option = name.partition("_")
        if section in ("train", "culture", "sae"):
            tree[section][option] = value
        else:
            tree[name] = value
    return config_from_dict(tree)


def begin(path, round_=0, reached=True, made=()):
    """A run whose two agents are in a round, at the target or on their way."""
    run = Run.start(path, TINY, "compact")
    for agent in run.agents:
        model = build_model(TINY.model, TINY.world, seed=agent).state_dict()
        state = AgentState(
            agent, round=round_, reached=reached, quizzes=4000, made=made,
            test=evaluation(0.96 if reached else 0.5),
        )  # fmt: skip
        save_checkpoint(run.agent_path(agent), model, model, state.to_json())
    return run


def store(run, number):
    """A stored round, as far as its being there goes."""
    path = run.path / "culture" / f"round-{number:04d}.parquet"
    path.parent.mkdir(exist_ok=True)
    path.touch()


@pytest.fixture(scope="module")
def copy_of(tmp_path_factory):
    """Begins a run, or copies one that was begun in the same way."""
    folder = tmp_path_factory.mktemp("begun")

    def copied(path, **how):
        whole = folder / str(how)
        if not whole.exists():
            begin(whole, **how)
        return Run.open(shutil.copytree(whole, path))

    return copied


@pytest.fixture
def unfinished(copy_of, tmp_path):
    return copy_of(tmp_path / "run", reached=False)


@pytest.fixture
def trained(copy_of, tmp_path):
    return copy_of(tmp_path / "run")


@pytest.fixture
def in_round(copy_of, tmp_path):
    run = copy_of(tmp_path / "run", round_=1, reached=False)
    store(run, 1)
    return run


@pytest.fixture
def finished(copy_of, tmp_path):
    run = copy_of(tmp_path / "run", round_=1)
    store(run, 1)
    return run


def change(run, command, **options):
    config = with_options(run.config, **options)
    refuse_changes(run, config, commands[command].takes, command)
    return Run.start(run.path, config, run.preset)


LEARNING = {
    "train_learning_rate": 0.5,
    "train_adam_learning_rate": 0.5,
    "train_momentum": 0.5,
    "train_weight_decay": 0.5,
    "train_warmup_steps": 7,
    "train_ema_decay": 0.5,
    "train_writing_share": 0.5,
    "train_part_weighting": 0.5,
    "train_error_weighting": 0.7,
    "train_prompt_noise": 0.5,
    "train_precision": "fp32",
    "train_compile": "off",
}
MADE = {
    "culture_quota": 9999,
    "culture_rule": "all_but_k",
    "culture_voters": 2,
    "culture_proposers": ["mutation"],
    "culture_batch_size": 7,
    "culture_max_proposals": 7,
    "culture_vote_noise": 0.5,
}
MIXED = {
    "culture_trains_on": "own",
    "culture_repeats": 2.0,
    "culture_max_share": 0.1,
    "culture_restart_quota": 100,
    "culture_transfer_quizzes": 0,
    "culture_least_yield": 0.1,
}
BUILT = {
    "seed": 5,
    "agents": 3,
    "world": {"name": "grids", "height": 8, "width": 8},
    "model": {"d_model": 32, "n_layers": 2, "n_heads": 1, "d_mlp": 16},
    "train_optimizer": "adam",
    "train_batch_size": 32,
    "train_epoch_quizzes": 320,
    "train_test_quizzes": 100,
    "train_validation_quizzes": 100,
    "train_recombined_quizzes": 0,
}


def each(*groups):
    return [pytest.param({k: v}, id=k) for group in groups for k, v in group.items()]


@pytest.mark.parametrize("option", each(LEARNING))
def test_options_of_training_change_while_agents_train(unfinished, option):
    assert changed_options(TINY, change(unfinished, "train-agents", **option).config) != []


@pytest.mark.parametrize("option", each(LEARNING))
@pytest.mark.parametrize("command", ["train-agents"])
def test_options_of_training_are_refused_when_it_is_over(trained, command, option):
    with pytest.raises(UserError, match=REFUSED["trained"]):
        change(trained, command, **option)
    assert Run.open(trained.path).config == TINY


@pytest.mark.parametrize("option", each(LEARNING, MADE, MIXED))
@pytest.mark.parametrize("command", ["culture", "culture-round"])
def test_a_round_that_is_to_be_held_may_have_any(trained, command, option):
    change(trained, command, **option)


@pytest.mark.parametrize("option", each(LEARNING, MIXED))
def test_a_round_that_agents_train_on_may_have_options_of_training(in_round, option):
    change(in_round, "culture-round", **option)


@pytest.mark.parametrize("option", each(MADE))
def test_a_round_that_agents_train_on_is_held(in_round, option):
    with pytest.raises(UserError, match=REFUSED["held"]):
        change(in_round, "culture-round", **option)


@pytest.mark.parametrize("option", each(LEARNING, MADE, MIXED))
@pytest.mark.parametrize("command", ["culture", "culture-round"])
def test_a_run_whose_rounds_are_over_keeps_its_options(finished, command, option):
    kind = "trained" if option.keys() <= LEARNING.keys() else "held"
    with pytest.raises(UserError, match=REFUSED[kind]):
        change(finished, command, **option)
    assert Run.open(finished.path).config == TINY


@pytest.mark.parametrize("option", each(LEARNING, MADE, MIXED))
def test_a_further_round_may_have_any(finished, option):
    assert change(finished, "culture-round", rounds=2, **option).config.rounds == 2


@pytest.mark.parametrize(
    "option",
    [{"train_target": 0.99}, {"train_max_quizzes": 800_000}, {"train_target": 0.5}],
    ids=str,
)
@pytest.mark.parametrize("command", ["culture", "train-agents", "culture-round"])
def test_another_target_or_budget_is_never_refused(finished, command, option):
    change(finished, command, **option)


@pytest.mark.parametrize("option", each(LEARNING))
def test_with_a_higher_target_agents_train_on_otherwise(finished, option):
    change(finished, "culture-round", train_target=0.99, **option)


def test_what_agents_were_made_with_may_be_said_again(tmp_path):
    options = {"train": json.loads(json.dumps(config_to_dict(TINY)["train"]))}
    run = begin(tmp_path / "run", made=({"options": options},))
    spoiled = Run.start(run.path, with_options(TINY, train_learning_rate=1e38), "compact")
    assert change(spoiled, "train-agents", train_learning_rate=0.008).config == TINY
    with pytest.raises(UserError, match=REFUSED["trained"]):
        change(spoiled, "train-agents", train_learning_rate=0.5)


@pytest.mark.parametrize("option", each(BUILT))
def test_what_agents_were_built_from_is_fixed(unfinished, option):
    with pytest.raises(UserError, match=REFUSED["fixed"]):
        change(unfinished, "culture", **option)
    assert Run.open(unfinished.path).config == TINY


@pytest.mark.parametrize("option", each(LEARNING, MADE, MIXED, BUILT, {"rounds": 0}))
def test_before_the_first_checkpoint_all_may_change(tmp_path, option):
    change(Run.start(tmp_path / "run", TINY, "compact"), "culture", **option)


def test_rounds_that_were_held_are_not_undone(finished):
    store(finished, 2)
    finished = Run.start(finished.path, with_options(TINY, rounds=2), "compact")
    with pytest.raises(UserError, match=REFUSED["fewer"]):
        change(finished, "culture-round", rounds=1, train_target=0.99)


@pytest.mark.parametrize("command", STAGES)
@pytest.mark.parametrize(
    "option",
    each({"seed": 5, "train_learning_rate": 1, "culture_quota": 3, "sae_k": 5, "rounds": 3}),
)
def test_a_file_of_options_changes_only_what_the_command_takes(unfinished, command, option):
    (name,) = option
    if name.partition("_")[0] in commands[command].takes:
        return
    with pytest.raises(UserError, match=rf"^{command} takes no --"):
        change(unfinished, command, **option)


TRAINING_OF_SAES = {
    "sae_k": 5.0,
    "sae_training_tokens": 9000,
    "sae_learning_rate": 0.1,
    "sae_epochs_per_buffer": 2,
    "sae_dead_after": 3,
}
BESIDE = {
    "sae_sites": ["blocks.0.hook_resid_post"],
    "sae_widths": [64],
    "sae_architectures": ["gated"],
    "sae_seeds": 3,
    "sae_nulls": ["within_cell"],
    "sae_resamples": 5,
    "sae_min_firings": 5,
    "compare_on_culture": False,
}


@pytest.fixture
def with_saes(finished):
    """The run with the record of one SAE."""
    config = with_options(TINY, sae_sites=["blocks.1.hook_resid_post"])
    run = Run.start(finished.path, config, "compact")
    (dictionary,) = dictionary_configs(config)
    folder = run.path / "sae" / dictionary.site / dictionary.name / "0" / "0"
    folder.mkdir(parents=True)
    made_from = {"agent": fingerprint(run.load_agent(0)), "seed": 1, "baseline": None}
    record = {"made_from": {**made_from, **to_tree(dictionary)}}
    (folder / "training.json").write_text(json.dumps(record))
    return run


@pytest.mark.parametrize("option", each(TRAINING_OF_SAES))
@pytest.mark.parametrize("command", ["culture", "sae"])
def test_saes_keep_the_options_they_were_trained_with(with_saes, command, option):
    with pytest.raises(UserError, match=r"the SAEs in .* are trained with another --sae.*; remove"):
        change(with_saes, command, **option)


@pytest.mark.parametrize("option", each(BESIDE))
@pytest.mark.parametrize("command", ["culture", "sae"])
def test_others_beside_them_and_other_comparisons_are_made(with_saes, command, option):
    change(with_saes, command, **option)


@pytest.mark.parametrize("option", each(TRAINING_OF_SAES))
def test_saes_of_agents_that_train_on_are_made_again_anyway(with_saes, option):
    change(with_saes, "culture", rounds=2, **option)


def test_saes_of_agents_that_have_trained_on_are_made_again_anyway(with_saes):
    model = build_model(TINY.model, TINY.world, seed=9).state_dict()
    state = with_saes.agent_state(0)
    save_checkpoint(with_saes.agent_path(0), model, model, state.to_json())
    change(with_saes, "sae", sae_k=5.0)


@pytest.mark.parametrize("name", presets.names())
def test_nothing_is_changed_by_the_same_options(name):
    assert changed_options(presets[name](), presets[name]()) == []
