"""SAEs trained for real, in seconds: weights, folders, quality, resumption."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from stat import S_IMODE

import numpy as np
import pytest
import torch
from datasets import Dataset
from sae_lens import SAE, ActivationsStore
from sae_lens.evals import EvalConfig, run_evals
from sae_lens.saes.sae import SAEMetadata
from sae_lens.training.activation_scaler import ActivationScaler

from agents.model import shift
from agents.scoring import graded_mask, score
from sae.activations.codes import agent_codes, encode
from sae.activations.harvest import ActivationStream, activations, kept_tokens, token_rows
from sae.activations.quizzes import held_out_quizzes, training_source
from sae.artifacts import FILES, current_record
from sae.comparison.nulls.quizzes import Quizzes
from sae.comparison.nulls.within_cell import WithinCell
from sae.config import SAEConfig
from sae.dictionaries.architectures import architectures
from sae.dictionaries.baselines import baselines
from sae.dictionaries.quality import FREQUENT, measure_qualities, measure_quality
from sae.dictionaries.slots import SAESlot, sae_done, train_slots, with_one_source
from sae.dictionaries.training import RECORD, load_sae, save_sae, train_sae
from tests.helpers.damage import DAMAGES, lose, mend
from tests.sae.conftest import SITE
from world import Stream
from world.core.errors import UserError
from world.core.files import read_json

STREAM = Stream(0, "test-training")
CONFIG = SAEConfig(
    sites=(SITE,),
    widths=(48,),
    k=6.0,
    training_tokens=200_000,
    epochs_per_buffer=5,
    buffer_quizzes=320,
    batch_size=512,
    dead_after=16,
    learning_rate=3e-3,
    comparison_quizzes=200,
    min_firings=10,
    baselines=(),
    nulls=(WithinCell(), Quizzes()),
    permutations=2,
    resamples=20,
)
(DICTIONARY,) = CONFIG.dictionaries([SITE])


@pytest.fixture(scope="module")
def held_out(small_world):
    return held_out_quizzes(small_world, STREAM, 200)


@pytest.fixture(scope="module")
def trained(agents, small_world, held_out, tmp_path_factory):
    path = tmp_path_factory.mktemp("sae") / SITE / "0" / "0"
    source = training_source(small_world, STREAM)
    seen = []
    (record,) = train_slots(
        agents[0],
        small_world,
        source,
        held_out,
        DICTIONARY,
        [SAESlot(0, "0", 11, path)],
        "agent 0",
        lambda done, total, explained: seen.append((done, total, explained)),
    )
    return path, record, seen


def test_folder_is_in_the_format_of_sae_lens(trained):
    path, record, _ = trained
    sae = SAE.load_from_disk(path)
    assert sae.cfg.architecture() == "jumprelu"
    assert sae.cfg.metadata.hook_name == SITE
    assert sae.cfg.metadata.model_name == "agent 0"
    assert read_json(path / "training.json", "") == record
    assert [p.name for p in path.parent.iterdir()] == ["0"]


EVERYTHING = EvalConfig(
    batch_size_prompts=8,
    compute_kl=True,
    compute_ce_loss=True,
    n_eval_reconstruction_batches=4,
    compute_variance_metrics=True,
    compute_sparsity_metrics=True,
    n_eval_sparsity_variance_batches=4,
)


def store_of(sae, model, quizzes):
    """sae_lens's own store of a quiz's tokens, as the model reads them."""
    tokens = shift(torch.from_numpy(quizzes.tokens).long())
    dataset = Dataset.from_dict({"tokens": tokens.tolist()})
    options = {"streaming": False, "total_tokens": len(quizzes), "train_batch_size_tokens": 64}
    return ActivationsStore.from_sae(model, sae, dataset, **options)


@pytest.mark.filterwarnings("ignore:To copy construct from a tensor:UserWarning:sae_lens")
def test_evaluations_of_sae_lens_take_it_as_saved(trained, agents, held_out):
    """Its store gives what the agent computes; its figures follow from that."""
    sae, hooked = SAE.load_from_disk(trained[0]), agents[0].to_transformer_lens()
    quizzes = held_out[:32]
    found = store_of(sae, hooked, quizzes).get_activations(
        shift(torch.from_numpy(quizzes.tokens).long())
    )
    x = agents[0].capture(torch.from_numpy(quizzes.tokens).long(), [SITE])[SITE]
    torch.testing.assert_close(found.reshape(x.shape), x, atol=1e-4, rtol=0)
    figures, _ = run_evals(
        sae, store_of(sae, hooked, quizzes), hooked, ActivationScaler(), EVERYTHING
    )
    codes = sae.encode(x)
    l0 = float((codes > 0).sum(dim=2).float().mean())
    assert figures["sparsity"]["l0"] == pytest.approx(l0, abs=0.05)
    recovered = figures["model_performance_preservation"]["ce_loss_score"]
    assert recovered == pytest.approx(1, abs=0.5)
    assert figures["reconstruction_quality"]["explained_variance"] > 0.7


@pytest.mark.parametrize("model", ["bridge", "hooked"])
@pytest.mark.filterwarnings("ignore:To copy construct from a tensor:UserWarning:sae_lens")
def test_the_store_takes_an_agent_in_either_form(trained, agents, held_out, model):
    sae = SAE.load_from_disk(trained[0])
    forms = {"bridge": agents[0].to_transformer_bridge, "hooked": agents[0].to_transformer_lens}
    store = store_of(sae, forms[model](), held_out[:64])
    assert store.get_batch_tokens(8).shape == (8, held_out.tokens.shape[1])
    assert next(iter(store.get_data_loader())).shape == (64, 32)


def test_quality_is_sane(trained):
    quality = trained[1]["quality"]
    assert 3 < quality["l0"] < 9
    assert quality["explained_variance"] > 0.8
    assert quality["dead"] < 0.5
    assert quality["tokens"] == 200 * 100
    # What a small SAE leaves out may be noise to so small an agent: above 1 is no fault.
    assert quality["ce_recovered"] == pytest.approx(1, abs=0.3)
    assert max(quality["ce_clean"], quality["ce_sae"]) < quality["ce_ablated"]


def test_quality_agrees_with_the_definitions(trained, agents, small_world, held_out):
    sae = load_sae(trained[0])
    quality = measure_quality(agents[0], small_world, held_out, SITE, sae)
    x = activations(agents[0], small_world, held_out, SITE)
    codes = sae.encode(x)
    residual = (x - sae.decode(codes)).pow(2).sum(dim=1).mean()
    variance = (x - x.mean(dim=0)).pow(2).sum(dim=1).mean()
    assert quality.explained_variance == pytest.approx(float(1 - residual / variance), abs=1e-5)
    assert quality.l0 == pytest.approx(float((codes > 0).sum(dim=1).float().mean()), abs=1e-6)
    assert quality.dead == pytest.approx(float((codes == 0).all(dim=0).float().mean()))
    firings = (codes != 0).sum(dim=0)
    assert 0 < quality.frequent < 1
    assert quality.frequent == pytest.approx(float((firings >= FREQUENT).float().mean()))
    exact = score(agents[0], small_world, held_out).correct
    assert quality.accuracy_clean == pytest.approx(exact.mean())
    gap = quality.ce_ablated - quality.ce_clean
    assert quality.ce_recovered == pytest.approx((quality.ce_ablated - quality.ce_sae) / gap)


class Unchanged(torch.nn.Module):
    """An SAE that loses nothing: splicing it in must change nothing."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.cfg = type("Config", (), {"d_sae": d})

    def encode(self, x):
        return x

    def decode(self, codes):
        return codes

    def forward(self, x):
        return x


class Negated(Unchanged):
    """Gives the opposite of what it is given."""

    def decode(self, codes):
        return -codes


@pytest.mark.parametrize(
    "site",
    [
        "hook_embed",
        "blocks.0.hook_resid_post",
        "blocks.0.hook_mlp_out",
        "blocks.1.attn.hook_z",
        "blocks.1.hook_resid_post",
    ],
)
def test_blocks_before_the_site_are_run_once(site, agents, small_world, held_out):
    """Figures are those of whole passes with the activations replaced."""
    batch, model = held_out[:50], agents[0]
    width = activations(model, small_world, batch[:1], site).shape[1]
    opposite, lossless = Negated(width), Unchanged(width)
    first, second = measure_qualities(model, small_world, batch, site, [opposite, lossless])
    tokens = torch.from_numpy(batch.tokens).long()
    kept = torch.from_numpy(kept_tokens(small_world, batch))

    def negated(x):
        wide = kept.view(*kept.shape, *[1] * (x.ndim - 2))
        return torch.where(wide, -x, x)

    answer = torch.from_numpy(graded_mask(small_world, batch))
    with model.intervene({site: negated}):
        logits = model(tokens)[answer]
    expected = torch.nn.functional.cross_entropy(logits, tokens[answer])
    assert first.ce_sae == pytest.approx(float(expected), rel=1e-4)
    assert first.ce_sae != pytest.approx(first.ce_clean, rel=1e-3)
    assert second.ce_sae == pytest.approx(second.ce_clean, rel=1e-4)
    assert second == measure_quality(model, small_world, batch, site, lossless)


def test_lossless_sae_recovers_everything(agents, small_world, held_out):
    quality = measure_quality(agents[0], small_world, held_out, SITE, Unchanged(32))
    assert quality.ce_recovered == pytest.approx(1.0, abs=1e-6)
    assert quality.explained_variance == pytest.approx(1.0)
    assert quality.accuracy_sae == quality.accuracy_clean


def test_quality_needs_answers(trained, agents, small_world, held_out):
    generating = small_world.arrange(held_out, small_world.writing_layout)
    with pytest.raises(ValueError, match="layout with an answer"):
        measure_quality(agents[0], small_world, generating, SITE, load_sae(trained[0]))


def test_progress_ends_at_the_total(trained):
    done, total, explained = trained[2][-1]
    assert done == 200_000 // 512 * 512
    assert total == DICTIONARY.training_tokens
    assert explained > 0.8


def test_codes_do_not_depend_on_the_batch(trained, agents, small_world, held_out):
    sae = load_sae(trained[0])
    x = activations(agents[0], small_world, held_out, SITE)
    codes = encode(sae, x)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(codes[:7].toarray(), encode(sae, x[:7]).toarray(), rtol=0, atol=1e-5)
    (whole,) = agent_codes(agents[0], small_world, held_out, SITE, [sae])
    assert whole.shape == (len(token_rows(small_world, held_out)), DICTIONARY.d_sae)
    np.testing.assert_allclose(whole.toarray(), codes.toarray(), rtol=0, atol=1e-5)


def test_complete_sae_is_left_alone_and_outdated_one_is_not(trained, agents, small_world, held_out):
    path, record, _ = trained
    source = training_source(small_world, STREAM)
    slot = SAESlot(0, "0", 11, path)
    before = (path / "sae_weights.safetensors").stat().st_mtime_ns
    (again,) = train_slots(agents[0], small_world, source, held_out, DICTIONARY, [slot], "agent 0")
    assert again == record
    assert (path / "sae_weights.safetensors").stat().st_mtime_ns == before
    assert not sae_done(agents[1], DICTIONARY, slot)
    assert not sae_done(agents[0], DICTIONARY, replace(slot, seed=12))
    assert not sae_done(agents[0], DICTIONARY, replace(slot, role="frozen_decoder"))
    assert not sae_done(agents[0], replace(DICTIONARY, k=5.0), slot)
    assert not sae_done(agents[0], DICTIONARY, replace(slot, path=path.parent / "1"))


def test_same_seed_same_weights_other_seed_other_weights(agents, small_world):
    source = training_source(small_world, STREAM)
    short = replace(DICTIONARY, training_tokens=4096, buffer_quizzes=64)
    state = torch.get_rng_state()

    def weights(agent, seed):
        stream = ActivationStream(agents[agent], small_world, source, SITE, 64, 1, 512)
        return train_sae(stream.batches(seed), short, seed, "x").W_dec.detach()

    first, again = weights(0, 1), weights(0, 1)
    assert torch.equal(first, again)
    for other in (weights(0, 2), weights(1, 3)):
        cosine = torch.nn.functional.cosine_similarity(first, other, dim=1)
        assert cosine.abs().mean() < 0.5  # 1 where weights are equal
    assert torch.equal(torch.get_rng_state(), state)


SHORT = replace(DICTIONARY, training_tokens=60_000, learning_rate=3e-3)
QUICK = replace(DICTIONARY, training_tokens=60 * 512, buffer_quizzes=80, epochs_per_buffer=2)


def slots_in(folder, roles):
    return [SAESlot(0, role, seed, folder / role) for seed, role in enumerate(roles)]


@pytest.mark.parametrize("architecture", ["batch_topk", "topk", "gated"])
def test_saes_together_are_those_trained_alone(
    architecture, agents, small_world, held_out, tmp_path
):
    """Each sees its own order of the same quizzes, which are drawn once for all."""
    source, drawn = training_source(small_world, STREAM), []

    def counted(start, count):
        drawn.append(start)
        return source(start, count)

    config = replace(QUICK, architecture=architectures[architecture]())
    roles = ["0", "1", "frozen_decoder"]
    together, alone = (slots_in(tmp_path / name, roles) for name in ("together", "alone"))
    known = agents[0], small_world, counted, held_out[:40], config
    records = train_slots(*known, together, "agent 0")
    blocks = 60 * 512 // (2 * 80 * 100) + 1
    assert drawn == [80 * n for n in range(blocks)]
    for slot, record in zip(alone, records, strict=True):
        (own,) = train_slots(*known, [slot], "agent 0")
        assert own["quality"] == pytest.approx(record["quality"])
    for one, other in zip(together, alone, strict=True):
        ours, theirs = (load_sae(slot.path).state_dict() for slot in (one, other))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_only_what_is_missing_is_trained(agents, small_world, held_out, tmp_path):
    source = training_source(small_world, STREAM)
    slots = slots_in(tmp_path, ["0", "1", "frozen_decoder"])
    known = agents[0], small_world, source, held_out[:40], QUICK
    train_slots(*known, [slots[1]], "agent 0")
    weights = slots[1].path / "sae_weights.safetensors"
    before = weights.stat().st_mtime_ns
    records = train_slots(*known, slots, "agent 0")
    assert [record["made_from"]["seed"] for record in records] == [0, 1, 2]
    assert weights.stat().st_mtime_ns == before


def test_agents_that_never_learned_have_a_source_of_their_own(
    agents, small_world, held_out, tmp_path
):
    slots = slots_in(tmp_path, ["untrained", "0", "1", "frozen_decoder"])
    groups = [[slot.role for slot in group] for group in with_one_source(slots)]
    assert groups == [["0", "1", "frozen_decoder"], ["untrained"]]
    source = training_source(small_world, STREAM)
    with pytest.raises(ValueError, match="the same activations"):
        train_slots(agents[0], small_world, source, held_out, QUICK, slots, "agent 0")


@pytest.mark.parametrize("name", architectures.names())
def test_every_architecture_trains_and_is_loaded_by_sae_lens(
    name, agents, small_world, held_out, tmp_path
):
    config = replace(SHORT, architecture=architectures[name]())
    slot = SAESlot(0, "0", 3, tmp_path / "0")
    source = training_source(small_world, STREAM)
    (record,) = train_slots(agents[0], small_world, source, held_out, config, [slot], "agent 0")
    assert record["quality"]["explained_variance"] > 0.4
    assert 0 < record["quality"]["l0"] < config.d_sae
    store_of(SAE.load_from_disk(slot.path), agents[0].to_transformer_lens(), held_out)
    sae = SAE.load_from_disk(slot.path).requires_grad_(False)
    assert sae.cfg.d_sae == config.d_sae
    x = activations(agents[0], small_world, held_out, SITE)
    explained = 1 - (x - sae(x)).pow(2).sum() / (x - x.mean(dim=0)).pow(2).sum()
    assert float(explained) == pytest.approx(record["quality"]["explained_variance"], abs=1e-4)


def test_a_frozen_decoder_stays_as_it_started(agents, small_world):
    source = training_source(small_world, STREAM)
    short = replace(SHORT, training_tokens=4096, buffer_quizzes=64)
    stream = ActivationStream(agents[0], small_world, source, SITE, 64, 1, 512)
    kept = []

    def freeze(sae):
        baselines["frozen_decoder"].prepare(sae)
        kept.append(sae.W_dec.detach().clone())

    trained = train_sae(stream.batches(1), short, 1, "x", prepare=freeze).W_dec.detach()
    cosine = torch.nn.functional.cosine_similarity(kept[0], trained, dim=1)
    assert cosine.min() > 1 - 1e-5


def test_damaged_folder_is_one_clear_line(trained, tmp_path):
    path = tmp_path / "0"
    path.mkdir()
    with pytest.raises(UserError, match="holds no readable SAE"):
        load_sae(path)
    for name in ("cfg.json", "sae_weights.safetensors"):
        (path / name).write_bytes((trained[0] / name).read_bytes()[:-20])
        with pytest.raises(UserError, match="remove it and run sae again"):
            load_sae(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0.0}, "k must be between"),
        ({"k": 600.0}, "k must be between"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"training_tokens": 10}, "at least batch_size"),
        ({"nulls": ()}, "nulls is empty"),
        ({"widths": (0,)}, "widths must be at least 1"),
        ({"sites": ("x", "x")}, "sites names x twice"),
    ],
)
def test_impossible_options_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        SAEConfig(**change)


def test_wide_codes_are_made_a_few_rows_at_a_time(
    trained, agents, small_world, held_out, monkeypatch
):
    """Dense codes of all tokens at once would take gigabytes."""
    sae = load_sae(trained[0])
    x = activations(agents[0], small_world, held_out, SITE)
    whole, quality = encode(sae, x), measure_quality(agents[0], small_world, held_out, SITE, sae)
    rows = 37
    monkeypatch.setattr("sae.activations.codes.CACHED", rows * DICTIONARY.d_sae)
    encoded = sae.encode
    sizes = []
    monkeypatch.setattr(sae, "encode", lambda part: sizes.append(len(part)) or encoded(part))
    np.testing.assert_allclose(encode(sae, x).toarray(), whole.toarray(), rtol=0, atol=1e-5)
    again = measure_quality(agents[0], small_world, held_out, SITE, sae)
    assert max(sizes) == rows
    assert again.as_dict() == pytest.approx(quality.as_dict(), rel=1e-4)


def test_the_hashes_of_an_sae_are_in_its_record(trained, tmp_path):
    path = shutil.copytree(trained[0], tmp_path / "0")
    record = read_json(path / RECORD, "")
    assert set(record[FILES]) == {"cfg.json", "sae_weights.safetensors"}
    options = json.loads((path / "cfg.json").read_text())
    assert [*options] == sorted(options)  # sae_lens has them in another order each time
    assert {S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {
        S_IMODE((path / "cfg.json").stat().st_mode)
    }
    for name in (*record[FILES], RECORD):
        whole = (path / name).read_bytes()
        for damage in DAMAGES:
            if name == RECORD and damage is lose:
                continue  # nothing says then what it was
            damage(path / name)
            with pytest.raises(
                UserError, match=f"{name} .*; remove it and run sae again"
            ) as caught:
                load_sae(path)
            assert "\n" not in str(caught.value)
            assert current_record(path / RECORD, {}) is None  # so it is trained again
            mend(path / name, whole)
    assert current_record(path / RECORD, {}) == record


def test_a_link_to_a_folder_on_another_disk_is_followed(tmp_path):
    """Where files are put, and that what was there is replaced."""
    (tmp_path / "disk" / "sae").mkdir(parents=True)
    (tmp_path / "disk" / "sae" / "earlier").write_text("")
    link = tmp_path / "0"
    link.symlink_to(tmp_path / "disk" / "sae")

    (dictionary,) = CONFIG.dictionaries([SITE])
    sae = dictionary.architecture(16, dictionary, SAEMetadata(model_name="a", hook_name=SITE))
    for number in (1, 2):
        save_sae(sae, link, lambda _, number=number: {"number": number})
        assert link.is_symlink()
        assert read_json(link / RECORD, "")["number"] == number
        load_sae(link)
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["sae"]
    assert not (link / "earlier").exists()
