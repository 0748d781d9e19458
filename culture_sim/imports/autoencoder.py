"""The SAE of the published experiment: sae_lens's format of 2024, written in its present one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from sae_lens import StandardSAE, StandardSAEConfig
from sae_lens.saes.sae import SAEMetadata
from safetensors.torch import load_file
from torch import Tensor

from agents.model import AgentModel
from culture_sim.imports.reading import MOST_WEIGHTS, refuse_larger, refuse_other_floats
from sae.artifacts import FILES
from sae.dictionaries.quality import measure_quality
from sae.dictionaries.training import load_sae
from world import QuizBatch, World
from world.core.errors import UserError, first_line
from world.core.files import file_hash, hashes_of, write_json

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"
MOST_CONFIG = 1 << 20
REQUIRED = {
    "architecture": "standard",
    "dtype": "float32",
    "activation_fn_str": "relu",
    "apply_b_dec_to_input": False,
    "finetuning_scaling_factor": False,
    "normalize_activations": "none",
}
"""Entries of its configuration that decide how it encodes; another SAE is not read."""
OF_AGENT = re.compile(r"(?<!\d)(\d{1,9})$")
ROLE = "published"
"""Folder of the SAE beside those that are trained here; RECORD: what is known of it."""
RECORD = "imported.json"


@dataclass(frozen=True)
class PublishedSAE:
    """An SAE as it was published.

    agent: number of the agent that it is of, at the end of its model's name. site: where its
    activations were taken, by TransformerLens's name. tensors: W_enc, b_enc, W_dec, b_dec.
    """

    path: Path
    sha256: str
    agent: int
    site: str
    tensors: Mapping[str, Tensor]

    @property
    def d_sae(self) -> int:
        """Its features."""
        return len(self.tensors["b_enc"])

    @property
    def folder(self) -> Path:
        """Its place within the SAEs of a run; below it come its agent and role."""
        return Path(self.site) / f"standard-{self.d_sae}"


def read_sae(folder: Path, d_model: int, sites: list[str]) -> PublishedSAE:
    """The SAE in a folder; raises UserError, with one line, for one that is not of such agents.

    sites: those of the agents that have a vector of ``d_model`` numbers.
    """
    options = _options(folder / CONFIG)
    for name, value in REQUIRED.items():
        if options.get(name) != value:
            raise UserError(
                f"{folder / CONFIG}: {name} must be {value!r}, got {options.get(name)!r}"
            )
    site, named, d_sae = options.get("hook_name"), options.get("model_name"), options.get("d_sae")
    if site not in sites:
        raise UserError(f"{folder / CONFIG}: these agents have no site {site!r}")
    if options.get("d_in") != d_model or not isinstance(d_sae, int) or d_sae < 1:
        raise UserError(
            f"{folder / CONFIG}: d_in must be {d_model} and d_sae a number, got "
            f"{options.get('d_in')!r} and {d_sae!r}"
        )
    of_agent = OF_AGENT.search(named) if isinstance(named, str) else None
    if of_agent is None:
        raise UserError(
            f"{folder / CONFIG}: model_name must end in an agent's number, got {named!r}"
        )
    tensors = _tensors(folder / WEIGHTS, d_model, d_sae)
    return PublishedSAE(folder, file_hash(folder / WEIGHTS), int(of_agent[1]), str(site), tensors)


def _options(path: Path) -> dict[str, Any]:
    refuse_larger(path, MOST_CONFIG)
    try:
        tree = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({first_line(error)})") from None
    if not isinstance(tree, dict):
        raise UserError(f"{path} must hold a JSON object")
    return tree


def _tensors(path: Path, d_in: int, d_sae: int) -> dict[str, Tensor]:
    refuse_larger(path, MOST_WEIGHTS)
    try:
        tensors = load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} is damaged ({first_line(error)})") from None
    shapes = {"W_enc": (d_in, d_sae), "b_enc": (d_sae,), "W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    if tensors.keys() != shapes.keys():
        raise UserError(f"{path} must hold {', '.join(shapes)}, got {', '.join(sorted(tensors))}")
    for name, shape in shapes.items():
        refuse_other_floats(path, name, tensors[name], shape)
    return tensors


def write_sae(
    saes: Path, sae: PublishedSAE, place: int, model: AgentModel, world: World, graded: QuizBatch
) -> dict[str, Any]:
    """Write an SAE into a run's folder of SAEs, graded on quizzes in answer layouts; returns what
    is known of it.

    place: number of its agent, ``model``, in the run. As it was trained, other positions counted:
    the start, labels, and one behind the last of a quiz.
    """
    folder = saes / sae.folder / str(place) / ROLE
    metadata = SAEMetadata(
        model_name=f"culture-gpt-{sae.agent}",
        hook_name=sae.site,
        context_size=world.seq_len,
        prepend_bos=False,
    )
    config = StandardSAEConfig(
        d_in=len(sae.tensors["b_dec"]),
        d_sae=sae.d_sae,
        apply_b_dec_to_input=False,
        metadata=metadata,
    )
    with torch.random.fork_rng(devices=[]):  # its first weights are drawn, and replaced
        written = StandardSAE(config)
    written.load_state_dict(sae.tensors)
    written.save_model(folder)
    device = str(model.unembed.weight.device)
    quality = measure_quality(model, world, graded, sae.site, load_sae(folder, device))
    record = {
        "from": str(Path(*sae.path.parts[-2:])),
        "sha256": sae.sha256,
        "agent": place,
        "site": sae.site,
        "quality": quality.as_dict(),
    }
    write_json(folder / RECORD, {**record, FILES: hashes_of(folder, (CONFIG, WEIGHTS))})
    return record
