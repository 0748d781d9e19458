"""Comparisons of a run are found in the order of its options."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest

from agents.config import ModelConfig, architectures
from agents.model import build_model
from culture_sim.features.folders import (
    CROSSCODER,
    EFFECTS,
    SUMMARY,
    compared_folders,
    dictionary_configs,
    features_path,
    find_table,
    read_table,
    write_figures,
)
from culture_sim.features.stage import sae_slots
from culture_sim.report.summary import features_summary
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from sae.activations.harvest import comparable_sites
from sae.comparison.schema import SCHEMA
from sae.config import SAEConfig
from sae.files import write_parquet
from world.core.errors import UserError

SITES = ("blocks.0.hook_resid_post", "hook_embed")
MODEL = ModelConfig(d_model=32, n_layers=2)


@pytest.fixture
def run(tmp_path):
    """A run that was asked for two sites and two widths; no agent is trained."""
    sae = SAEConfig(sites=SITES, widths=(64, 128))
    return Run.start(tmp_path / "run", RunConfig(model=MODEL, sae=sae), "compact")


def finish(folder):
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps({"schema": SCHEMA}))


def test_sites_are_in_the_order_of_the_network_widths_in_that_given(run):
    found = [(config.site, config.d_sae) for config in dictionary_configs(run.config)]
    assert found == [(site, width) for site in SITES[::-1] for width in (64, 128)]


def test_finished_comparisons_come_in_this_order_and_earlier_ones_last(run):
    assert compared_folders(run) == []
    asked = [features_path(run, config) for config in dictionary_configs(run.config)]
    earlier = [run.path / "features" / "blocks.1.hook_resid_post" / f"topk-{n}" for n in (32, 8)]
    for folder in (*earlier, asked[3], asked[0], asked[1]):
        finish(folder)
    assert compared_folders(run) == [asked[0], asked[1], asked[3], *earlier]
    # By name, what is now first would not be.
    assert compared_folders(run) != sorted(compared_folders(run))


def test_the_runs_summary_begins_with_what_its_options_ask_for(run):
    """By name, width 128 comes before 64."""
    asked = [features_path(run, config) for config in dictionary_configs(run.config)]
    earlier = run.path / "features" / SITES[0] / "batch_topk-32"
    for folder in (*asked, earlier):
        finish(folder)
    places = [str(folder.relative_to(run.path / "features")) for folder in (*asked, earlier)]
    assert list(features_summary(run)) == places != sorted(places)


def test_no_two_saes_of_a_run_start_alike(run):
    seeds = [p.seed for config in dictionary_configs(run.config) for p in sae_slots(run, config)]
    assert len(seeds) == len(set(seeds)) > 4 * 2 * len(run.agents)


@pytest.mark.parametrize("architecture", ["gpt", "culture_gpt"])
def test_every_site_of_the_agents_is_known(architecture):
    model = replace(MODEL, architecture=architectures[architecture]())
    config = RunConfig(model=model, sae=SAEConfig(sites=("*",)))
    known = comparable_sites(build_model(config.model, config.world, seed=0))
    assert [each.site for each in dictionary_configs(config)] == known


def test_a_site_that_agents_do_not_have_is_refused():
    config = RunConfig(model=MODEL, sae=SAEConfig(sites=("blocks.7.hook_resid_post",)))
    with pytest.raises(UserError, match=r"no site 'blocks\.7"):
        dictionary_configs(config)


@pytest.fixture
def beside(tmp_path):
    """A folder with the tables of a comparison, and of two commands on it."""
    for figures, stem in ((SUMMARY, "matches"), (EFFECTS, "effects"), (CROSSCODER, "crosscoder")):
        write_figures(tmp_path, figures, {}, {stem: pd.DataFrame({"name": [stem] * 3})})
    return tmp_path


COMMANDS = {"matches": "sae", "effects": "effects", "crosscoder": "crosscoder"}


@pytest.mark.parametrize("stem", COMMANDS)
def test_a_table_is_found_whichever_command_made_it(beside, stem):
    assert find_table(beside, stem, "run").name.tolist() == [stem] * 3


@pytest.mark.parametrize(("stem", "command"), COMMANDS.items())
def test_a_table_that_is_another_names_its_command(beside, stem, command):
    """Also one that is whole by itself, such as that of an earlier comparison."""
    write_parquet(beside / f"{stem}.parquet", pd.DataFrame({"name": ["another"]}))
    said = rf"{stem}.parquet cannot be read .*; make it again with: culture-sim {command} --run run"
    with pytest.raises(UserError, match=said):
        find_table(beside, stem, "run")


def test_a_table_is_not_read_beside_damaged_figures(beside):
    (beside / EFFECTS).write_text("{")
    said = "effects.json is damaged .*; make it again with: culture-sim effects --run run"
    for read in (read_table, lambda folder, _, *rest: find_table(folder, *rest)):
        with pytest.raises(UserError, match=said):
            read(beside, EFFECTS, "effects", "run")


def test_a_table_that_nobody_made_is_said_to_be_missing(beside):
    with pytest.raises(UserError, match="no command has made a table 'occurrence' in"):
        find_table(beside, "occurrence", "run")
