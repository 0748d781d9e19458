"""The published SAE: opened by sae_lens as it is stored here, with the codes that it always had."""

import pytest
import torch
from sae_lens import SAE
from safetensors.torch import load_file, save_file

from culture_sim.imports.autoencoder import read_sae
from tests.helpers.published import write_sae
from world.core.errors import UserError

SITES = ["blocks.1.hook_mlp_out"]


def test_an_sae_is_read_with_its_agent_and_site(tmp_path):
    weights = write_sae(tmp_path, agent=2)
    found = read_sae(tmp_path, 32, SITES)
    assert (found.agent, found.site, found.d_sae) == (2, SITES[0], 40)
    assert str(found.folder) == "blocks.1.hook_mlp_out/standard-40"
    assert all(torch.equal(found.tensors[name], weights[name]) for name in weights)


REFUSED = {
    "another architecture": ({"architecture": "gated"}, "architecture must be 'standard'"),
    "another activation": ({"activation_fn_str": "topk"}, "activation_fn_str must be 'relu'"),
    "inputs less a bias": ({"apply_b_dec_to_input": True}, "apply_b_dec_to_input must be False"),
    "normalised inputs": (
        {"normalize_activations": "layer_norm"},
        "normalize_activations must be 'none'",
    ),
    "half precision": ({"dtype": "float16"}, "dtype must be 'float32'"),
    "another site": ({"hook_name": "blocks.8.hook_mlp_out"}, "no site 'blocks.8.hook_mlp_out'"),
    "another width": ({"d_in": 31}, "d_in must be 32"),
    "no number of features": ({"d_sae": "many"}, "d_sae a number"),
    "nobody's": ({"model_name": "gpt2-small"}, None),
    "a number that is none": ({"model_name": "gpt-" + "9" * 5000}, None),
    "no name": ({"model_name": None}, "must end in an agent's number"),
    "other features": ({"d_sae": 41}, r"W_enc must have shape \[32, 41\]"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_saes_are_refused(case, tmp_path):
    changed, says = REFUSED[case]
    write_sae(tmp_path, **changed)
    with pytest.raises(UserError, match=says or "must end in an agent's number") as caught:
        read_sae(tmp_path, 32, SITES)
    assert "\n" not in str(caught.value)


def test_other_tensors_and_damage_are_refused(tmp_path):
    write_sae(tmp_path)
    path = tmp_path / "sae_weights.safetensors"
    weights = load_file(path)
    for broken, says in (
        ({k: v for k, v in weights.items() if k != "b_dec"}, "must hold W_enc"),
        ({**weights, "b_enc": weights["b_enc"].half()}, "b_enc must be float32"),
        ({**weights, "b_enc": weights["b_enc"] / 0}, "not finite"),
    ):
        save_file(broken, path)
        with pytest.raises(UserError, match=says):
            read_sae(tmp_path, 32, SITES)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="is damaged"):
        read_sae(tmp_path, 32, SITES)
    (tmp_path / "cfg.json").write_text("{")
    with pytest.raises(UserError, match=r"cfg\.json is damaged"):
        read_sae(tmp_path, 32, SITES)
    (tmp_path / "cfg.json").write_text("[]")
    with pytest.raises(UserError, match="must hold a JSON object"):
        read_sae(tmp_path, 32, SITES)


def test_codes_are_those_of_the_weights(imported, published):
    """In the run's folder, in sae_lens's present format."""
    (folder,) = (imported.path / "sae").glob("*/*/*/published")
    where = folder.relative_to(imported.path / "sae")
    assert where.parts == (SITES[0], "standard-40", "1", "published")
    weights = load_file(published / "sae" / "sae_weights.safetensors")
    sae = SAE.load_from_disk(folder)
    x = torch.randn(6, 32, generator=torch.Generator().manual_seed(0))
    codes = torch.relu(x @ weights["W_enc"] + weights["b_enc"])
    torch.testing.assert_close(sae.encode(x), codes)
    torch.testing.assert_close(sae.decode(codes), codes @ weights["W_dec"] + weights["b_dec"])
    assert sae.cfg.metadata.hook_name == SITES[0]
    (told,) = imported.summary()["imported"]["saes"]
    assert told["agent"] == 1
    assert told["quality"]["l0"] > 1
