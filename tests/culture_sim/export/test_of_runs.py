"""Agents, SAEs and features of a run, exported, are what the run holds, and their cards say so."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sae_lens
import torch
from datasets import Dataset
from huggingface_hub import ModelCard
from sae_lens import SAE, ActivationsStore, HookedSAETransformer
from sae_lens.loading import pretrained_sae_loaders
from transformers import AutoModel, AutoModelForCausalLM

import culture_sim
from agents.model import shift
from culture_sim.commands import commands
from culture_sim.export.told import _flags
from culture_sim.presets import presets
from culture_sim.run.config import config_to_dict
from culture_sim.run.lookup import read_lookup, write_lookup
from culture_sim.run.run import Run
from sae.activations.harvest import kept_tokens
from tests.helpers.exporting import command, error_line, tree
from tests.helpers.hub import Hub
from tests.helpers.neuronpedia import columns_differ, wrong_in

SITE, NAME = "blocks.1.hook_resid_post", "batch_topk-64"
KINDS = ("agents", "saes", "features")
pytestmark = pytest.mark.filterwarnings(
    "ignore:To copy construct from a tensor:UserWarning:sae_lens",
    "ignore:HookedTransformer is deprecated:DeprecationWarning",  # cards make one by hand
)


def export(kind, runs, out, *options):
    """The command's words, on agents 0 and 2 unless the options say otherwise."""
    place = ["--run", "smoke", "--runs", str(runs), "--out", str(out)]
    few = ("--top", "5", "--of-interval", "1") if kind == "features" else ()
    return ["export", kind, *place, "--agents", "0", "2", *few, *options]


@pytest.fixture(scope="module")
def opened(runs):
    return culture_sim.open_run(runs / "smoke")


@pytest.fixture(scope="module")
def folders(runs, tmp_path_factory):
    """Every kind of export, of agents 0 and 2; not to be changed."""
    place = tmp_path_factory.mktemp("exports")
    for kind in KINDS:
        assert command(*export(kind, runs, place / kind)) == 0
    return place


@pytest.fixture(scope="module")
def tokens(opened):
    return torch.from_numpy(opened.quizzes(6).batch.tokens).long()


def card(folder):
    return (folder / "README.md").read_text()


def blocks(folder, **places):
    """The Python of a card, with the places that a reader fills in."""
    text = card(folder).replace("PLACE", str(folder))
    for name, place in places.items():
        text = text.replace(name, str(place))
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def quality(runs, number):
    """How good the run says that an agent's SAE is."""
    folder = runs / "smoke" / "sae" / SITE / NAME / str(number) / "0"
    return json.loads((folder / "training.json").read_text())["quality"]


def run_block(code):
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    return names


# Agents


@torch.no_grad()
def test_an_agent_opens_in_transformers_without_code_or_network(folders, opened, tokens):
    for number in (0, 2):
        model = AutoModelForCausalLM.from_pretrained(
            folders / "agents", subfolder=f"agent-{number}", trust_remote_code=False
        )
        expected = opened.agents[number](tokens)
        logits = model(shift(tokens)).logits
        assert (logits - expected).abs().max() <= 1e-5 * expected.abs().max()
    body = AutoModel.from_pretrained(folders / "agents" / "agent-2", trust_remote_code=True)
    site = "blocks.1.hook_resid_pre"
    torch.testing.assert_close(
        body(shift(tokens), output_hidden_states=True).hidden_states[1],
        opened.agents[2].capture(tokens, [site])[site],
        atol=1e-5,
        rtol=0,
    )
    assert not [*(folders / "agents").rglob("*.py")]


@torch.no_grad()
def test_the_code_of_the_agents_card_opens_every_form(folders, opened, tokens):
    in_transformers, in_lens, ours = map(run_block, blocks(folders / "agents"))
    agent = opened.agents[0]
    asked, expected = in_transformers["tokens"], torch.zeros_like(tokens[:1])
    n = asked.shape[1]
    expected[:, :n] = asked
    for t in range(n, expected.shape[1]):
        expected[:, t] = agent(expected)[:, t].argmax(dim=-1)
    assert torch.equal(in_transformers["written"][:, 1:], expected)
    logits = agent(tokens)
    assert (in_lens["hooked"](shift(tokens)) - logits).abs().max() <= 1e-5 * logits.abs().max()
    assert torch.equal(ours["agent"](tokens), logits)
    assert ours["world"] == opened.world


# SAEs


def test_an_sae_is_the_runs_with_more_metadata(folders, opened, runs):
    for number in (0, 2):
        folder = folders / "saes" / f"agent-{number}" / SITE / NAME
        assert {path.name for path in folder.iterdir()} == {"cfg.json", "sae_weights.safetensors"}
        sae, ours = SAE.load_from_disk(folder), opened.saes()[number]
        weights = ours.state_dict()
        assert sae.state_dict().keys() == weights.keys()
        assert all(torch.equal(weights[name], x) for name, x in sae.state_dict().items())
        told = sae.cfg.metadata
        assert (told.hook_name, told.hook_layer, told.prepend_bos) == (SITE, 1, False)
        assert (told.model_name, told.context_size) == (f"smoke/agent-{number}", 148)
        assert told.sae_lens_version == sae_lens.__version__
        record = json.loads(
            (runs / "smoke/sae" / SITE / NAME / f"{number}/0/training.json").read_text()
        )
        assert told.l0 == record["quality"]["l0"]
        assert told.culture_sim["world"]["name"] == "grids"


def test_sae_lens_finds_it_in_a_repository(folders, opened, monkeypatch):
    """What SAE.from_pretrained calls for a repository, whose download takes files from here."""

    def download(repo_id, filename, **_):
        assert repo_id == "user/saes"
        path = folders / "saes" / filename
        if not path.exists():
            raise pretrained_sae_loaders.EntryNotFoundError(filename)
        return str(path)

    monkeypatch.setattr(pretrained_sae_loaders, "hf_hub_download", download)
    load = pretrained_sae_loaders.sae_lens_huggingface_loader
    config, weights, _ = load("user/saes", f"agent-2/{SITE}/{NAME}")
    assert torch.equal(weights["W_enc"], opened.saes()[2].W_enc)
    assert config["metadata"]["hook_name"] == SITE


@torch.no_grad()
def test_in_one_line_an_agent_has_its_sae_in_place(folders, opened, tokens):
    hooked = opened.hooked_sae_transformer(agent=2)
    assert isinstance(hooked, HookedSAETransformer)
    agent, sae = opened.agents[2], opened.saes()[2]
    with agent.intervene({SITE: sae}):
        expected = agent(tokens)
    assert (expected - agent(tokens)).abs().max() > 1e-3
    assert (hooked(shift(tokens)) - expected).abs().max() <= 1e-5
    hooked.reset_saes()
    assert (hooked(shift(tokens)) - agent(tokens)).abs().max() <= 1e-5


@torch.no_grad()
def test_the_code_of_the_saes_card_runs(folders, opened, tokens, runs, monkeypatch):
    monkeypatch.chdir(runs.parent)
    places = {"AGENTS": folders / "agents", '"runs/': f'"{runs}/'}
    load, attach, at_hand = blocks(folders / "saes", **places)
    bridge = run_block(load + attach)["model"]
    hooked = run_block(at_hand)["model"]
    assert (bridge(shift(tokens)) - hooked(shift(tokens))).abs().max() <= 1e-5


def test_sae_lenss_store_takes_agent_and_sae_as_exported(folders, opened, tokens):
    hooked = run_block(blocks(folders / "agents")[1])["hooked"]
    sae = SAE.load_from_disk(folders / "saes" / "agent-0" / SITE / NAME)
    dataset = Dataset.from_dict({"tokens": shift(tokens).tolist()})
    options = {"streaming": False, "total_tokens": len(tokens), "train_batch_size_tokens": 4}
    store = ActivationsStore.from_sae(hooked, sae, dataset, **options)
    found = store.get_activations(shift(tokens))
    x = opened.agents[0].capture(tokens, [SITE])[SITE]
    torch.testing.assert_close(found.reshape(x.shape), x, atol=1e-4, rtol=0)


# Features


@pytest.fixture(scope="module")
def dashboards(folders):
    """Of agent 2: what its files of features hold, and which features they skip."""
    folder = folders / "features" / "agent-2" / SITE / NAME
    batches = [json.loads(path.read_text()) for path in sorted(folder.glob("batch-*.json"))]
    return batches, json.loads((folder / "skipped_indexes.json").read_text())


def test_features_are_in_neuronpedias_format(dashboards):
    batches, skipped = dashboards
    assert [what for batch in batches for what in wrong_in(batch)] == []
    indices = [f["feature_index"] for batch in batches for f in batch["features"]]
    assert sorted([*indices, *skipped["skipped_indexes"]]) == [*range(64)]
    assert {(b["model_id"], b["layer"]) for b in batches} == {("culture-sim-smoke-agent-2", 1)}


def test_what_the_format_has_fits_the_columns_of_neuronpedias_database():
    assert columns_differ() == []


def test_what_is_wrong_in_the_format_is_found(dashboards):
    batch = json.loads(json.dumps(dashboards[0][0]))
    feature = batch["features"][3]
    feature["pos_values"].append(0.5)
    feature["activations"][0]["values"][7] = None
    del feature["activations"][1]["qualifying_token_index"]
    feature["activations"][2]["qualifying_token_index"] = 148
    feature["frac_nonzero"] = True
    feature["more"] = 1
    del batch["sae_set"], batch["sae_id_suffix"]
    wrong = wrong_in(batch)
    for what in (
        *("sae_set is missing", "sae_id_suffix", "more is unknown", "frac_nonzero is True"),
        *("'pos_values') differ", "values is [", "is nowhere"),
        "qualifying_token_index is missing",
    ):
        assert any(what in line for line in wrong), what


@pytest.fixture(scope="module")
def dense(opened):
    """Codes [Q, T, F] of agent 2 on the compared quizzes, 0 where tokens do not count."""
    quizzes = opened.comparison().quizzes
    tokens = torch.from_numpy(quizzes.tokens).long()
    x = opened.agents[2].capture(tokens, [SITE])[SITE]
    codes = opened.saes()[2].encode(x).numpy()
    kept = kept_tokens(opened.world, quizzes)
    return quizzes.tokens, codes * kept[..., None], kept


def test_activations_are_those_of_the_agent(dashboards, dense, opened):
    """Sought among all quizzes by what is shown of them: not by the export's own indices."""
    tokens, codes, kept = dense
    vocab = np.array(opened.world.vocab)
    read = {("<start>", *vocab[row[:-1]]): i for i, row in enumerate(tokens)}
    for feature in dashboards[0][0]["features"][:8]:
        of = codes[..., feature["feature_index"]]
        assert feature["frac_nonzero"] == pytest.approx((of > 0).sum() / kept.sum())
        assert sum(feature["freq_hist_data_bar_heights"]) == (of > 0).sum()
        shown = [of[read[tuple(a["tokens"])]] for a in feature["activations"]]
        for activation, row in zip(feature["activations"], shown, strict=True):
            np.testing.assert_allclose(activation["values"], row, atol=1e-4)
            here = activation["values"][activation["qualifying_token_index"]]
            assert activation["bin_min"] - 1e-4 <= here <= activation["bin_max"] + 1e-4
        top = [a for a in feature["activations"] if a["bin_min"] == -1]
        assert len(top) == 5
        assert max(top[0]["values"]) == pytest.approx(of.max(), abs=1e-4)
        peaks = np.sort([max(a["values"]) for a in top])[::-1]
        best = np.sort(of.max(axis=1))[::-1]
        assert (peaks <= best[:5] + 1e-4).all()
        edges = np.linspace(0, of.max(), 6)
        for activation in feature["activations"]:
            if activation not in top:
                which = int(np.abs(edges - activation["bin_max"]).argmin())
                low, high = edges[which - 1], np.inf if which == 5 else edges[which]
                inside = ((of > low) & (of <= high)).sum() / kept.sum()
                assert activation["bin_contains"] == pytest.approx(inside, abs=1e-4)


def test_promoted_tokens_are_those_of_transformer_lens(dashboards, opened):
    """The direction through the folded norm and unembedding of a HookedTransformer."""
    hooked = opened.agents[2].to_transformer_lens()
    hooked.process_weights_()
    decoder = opened.saes()[2].W_dec
    logits = (decoder - decoder.mean(dim=1, keepdim=True)) @ hooked.W_U
    logits = (logits - logits.mean(dim=1, keepdim=True)).detach()
    vocab = opened.world.vocab
    for feature in dashboards[0][0]["features"]:
        of = logits[feature["feature_index"]]
        values = [float(of[vocab.index(name)]) for name in feature["pos_str"]]
        np.testing.assert_allclose(feature["pos_values"], values, atol=2e-4)
        assert feature["pos_values"][0] == pytest.approx(float(of.max()), abs=2e-4)
        assert feature["neg_values"][0] == pytest.approx(float(of.min()), abs=2e-4)
        assert sum(feature["logits_hist_data_bar_heights"]) == len(vocab)


def test_the_code_of_the_features_card_runs(folders):
    (code,) = blocks(folders / "features")
    assert run_block(code)["feature"]["activations"]


# Cards


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_tells_what_was_measured(folders, runs, kind):
    text = card(folders / kind)
    ModelCard(text).data.to_dict()  # its metadata is YAML
    run = runs / "smoke"
    for number in (0, 2):
        state = json.loads((run / "agents" / str(number) / "state.json").read_text())
        test, fresh = state["test"], state["final_test"]
        row = f"| {number} | {test['accuracy']:.1%} | {100 * test['low']:.1f} to "
        assert row + f"{100 * test['high']:.1f} | {fresh['accuracy']:.1%} |" in text
        assert f"| {state['quizzes']:,} | 1 |" in text
    assert "| 1 | 0.0%" not in text.partition("Culture rounds")[0]  # agent 1 is not here
    lookup = json.loads((run / "lookup.json").read_text())
    assert f"| lookup | {lookup['accuracy']:.1%} |" in text
    assert f"| lookup that copies | {lookup['copying']['accuracy']:.1%} |" in text
    votes = pd.read_parquet(run / "culture" / "round-0001.parquet")
    assert f"| 1 | {len(votes)} | {votes.keep.sum()} | four_of_five | hot_then_cold |" in text
    assert "culture-sim culture --preset smoke --run smoke\n" in text


def test_a_task_without_a_quiz_in_the_test_has_no_figure(runs, tmp_path):
    shutil.copytree(runs / "smoke", tmp_path / "runs" / "smoke")
    run = Run.open(tmp_path / "runs" / "smoke")
    found = read_lookup(run)
    *others, last = found.by_task
    write_lookup(run, replace(found, by_task={task: found.by_task[task] for task in others}))
    assert command(*export("agents", run.path.parent, tmp_path / "out")) == 0
    (row,) = (x for x in card(tmp_path / "out").splitlines() if x.startswith(f"| {last} |"))
    assert row.endswith(" - |")


def test_the_saes_card_tells_quality_and_null(folders, runs):
    text = card(folders / "saes")
    of = quality(runs, 2)
    row = next(line for line in text.splitlines() if line.startswith("| `agent-2/"))
    assert f" {of['l0']:.1f} | {of['explained_variance']:.1%} |" in row
    summary = json.loads((runs / "smoke/features" / SITE / NAME / "summary.json").read_text())
    for name in ("cross", "null", "ceiling"):
        assert f" {summary['universality'][name]:.3f} |" in text


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_of_a_card_writes_the_same_again(folders, runs, tmp_path, kind):
    line = next(
        x for x in card(folders / kind).splitlines() if x.startswith("    culture-sim export")
    )
    words = line.split()[1:-1]
    assert command(*words, str(tmp_path / "again"), "--runs", str(runs)) == 0
    assert tree(tmp_path / "again") == tree(folders / kind)


def test_options_of_a_run_are_told_as_flags_that_make_them():
    words = [
        *("--preset", "smoke", "--world", "strings", "--world.length", "4", "--agents", "3"),
        *("--culture.rule", "all_but_k", "--culture.rule.k", "2", "--sae.widths", "32", "64"),
        *("--culture.proposers", "hot_then_cold", "mutation", "--no-compare-on-culture"),
        *("--model.architecture", "culture_gpt", "--model.architecture.base", "100.0"),
    ]
    options = commands["culture"].parse(words, "", "").options
    usual = config_to_dict(presets["smoke"]())
    as_json = [json.loads(json.dumps(each)) for each in (config_to_dict(options), usual)]
    flags = [*_flags(*as_json)]
    assert len(flags) < 40
    again = commands["culture"].parse(["--preset", "smoke", *flags], "", "").options
    assert again == options


# The Hub, and what is refused


@pytest.mark.parametrize(("kind", "repo_type"), [("agents", "model"), ("features", "dataset")])
def test_an_export_is_uploaded_unless_other_data_is_there(
    runs, tmp_path, capsys, monkeypatch, kind, repo_type
):
    hub = Hub(monkeypatch, repo_type)
    least = ("--top", "1", "--of-interval", "0") if kind == "features" else ()
    push = ("--agents", "2", *least, "--push-to-hub", "user/quizzes")
    hub.files = dict(other := {"model.safetensors": b"precious", "agent-9/x": b"old"})
    assert command(*export(kind, runs, tmp_path / "out", *push)) == 2
    assert "holds other data" in error_line(capsys)
    assert hub.files == other
    assert list(tmp_path.iterdir()) == []
    assert command(*export(kind, runs, tmp_path / "out", *push, "--overwrite", "--private")) == 0
    assert "uploaded to https://huggingface.co/" in capsys.readouterr().out
    assert hub.files == {**tree(tmp_path / "out"), "model.safetensors": b"precious"}
    assert hub.calls[-1][1]["repo_type"] == repo_type
    before = tree(tmp_path / "out")
    assert command(*export(kind, runs, tmp_path / "out", *push)) == 0  # the same again is no other
    assert "wrote" not in capsys.readouterr().out
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("agents", ("--agents", "5"), "has agents 0 to 4, not 5"),
        ("agents", ("--forms", "onnx"), "unknown form 'onnx'; known: transformers"),
        ("agents", ("--forms",), "--forms must name some of"),
        ("agents", ("--private",), "--private needs --push-to-hub"),
        ("agents", ("--run", "none"), "there is no run at"),
        ("saes", ("--site", "blocks.0.hook_resid_post"), f"known in .*: {SITE} {NAME}"),
        ("features", ("--dictionary", "topk-9"), f"known in .*: {SITE} {NAME}"),
        ("features", ("--top", "0"), "--top must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_line(
    runs, tmp_path, capsys, kind, options, says
):
    assert command(*export(kind, runs, tmp_path / "out", *options)) == 2
    assert re.search(says, error_line(capsys))
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_yet_names_the_command(runs, tmp_path, capsys):
    shutil.copytree(runs / "smoke", tmp_path / "runs" / "smoke")
    run = tmp_path / "runs" / "smoke"
    shutil.rmtree(run / "features")
    assert command(*export("features", run.parent, tmp_path / "out")) == 2
    assert "run first: culture-sim sae --run smoke" in error_line(capsys)
    shutil.rmtree(run / "sae" / SITE / NAME / "2" / "0")
    assert command(*export("saes", run.parent, tmp_path / "out")) == 2
    assert "of agent 2 of" in (error := error_line(capsys))
    assert "run first: culture-sim sae --run smoke" in error
    assert command(*export("saes", run.parent, tmp_path / "out", "--agents", "0")) == 0
    shutil.rmtree(run / "agents" / "2")
    assert command(*export("agents", run.parent, tmp_path / "more")) == 2
    assert "agent 2 of" in error_line(capsys)
    assert not (tmp_path / "more").exists()
