"""The work of this package as two steps: train one SAE, and compare those of all agents.

Both do only what is missing. Agents and quizzes come in as they are, results go to paths, so
nothing here knows of runs or of culture.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sae_lens import SAE

from agents.model import AgentModel
from sae.codes import agent_codes
from sae.compare import Comparison, Tick, compare_features
from sae.config import SAEConfig
from sae.examples import top_examples
from sae.features import Features, select_features
from sae.files import write_json, write_parquet
from sae.harvest import ActivationStream, check_site, token_rows
from sae.quality import measure_quality
from sae.quizzes import QuizSource
from sae.results import family_table, match_table, summary
from sae.threads import side_by_side
from sae.training import Progress, load_sae, read_record, save_sae, train_sae
from world import UNKNOWN_TASK, QuizBatch, Stream, World
from world.errors import UserError

TRAINING_FIELDS = (
    "site",
    "d_sae",
    "k",
    "training_tokens",
    "passes",
    "block_quizzes",
    "batch_size",
    "learning_rate",
    "warmup_steps",
    "dead_after",
    "aux_coefficient",
)
"""Options that an SAE's weights depend on; a change of any of them makes it out of date."""
COMPARISON_FIELDS = ("min_firings", "nulls", "permutations", "resamples")
"""Options that a comparison of given SAEs depends on."""
METHOD = 2
"""Raised when the same inputs come to give other figures, so that older results are remade."""
GRADED_QUIZZES = 400
"""Held-out quizzes on which a fresh SAE is graded."""

SUMMARY = "summary.json"
"""Written last into a comparison's folder."""
TABLES = ("matches.parquet", "families.parquet", "examples.json")
"""The rest of it."""


def fingerprint(model: AgentModel) -> str:
    """A hash of an agent's weights, hexadecimal: SAEs of other weights are out of date."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def sae_done(model: AgentModel, config: SAEConfig, seed: int, path: Path) -> bool:
    """True when the SAE at ``path`` is complete and of these weights, options and seed."""
    record = read_record(path)
    return record is not None and record["made_from"] == _made_from(model, config, seed)


def _made_from(model: AgentModel, config: SAEConfig, seed: int) -> dict[str, Any]:
    options = {name: getattr(config, name) for name in TRAINING_FIELDS}
    return {"agent": fingerprint(model), "seed": seed, **options}


def train_one(
    model: AgentModel,
    world: World,
    source: QuizSource,
    held_out: QuizBatch,
    config: SAEConfig,
    path: Path,
    seed: int,
    name: str,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train, grade and save one SAE of one agent, unless it is there; returns its record.

    source: training quizzes in answer structures. held_out: other quizzes, to grade it on.
    seed: of its initial weights and the order of its data, different for every SAE. name:
    the agent's, for the metadata. path: its folder. Raises UserError on an unknown site.
    """
    check_site(model, config.site)
    if sae_done(model, config, seed, path):
        return read_record(path) or {}
    began = time.time()
    stream = ActivationStream(
        model, world, source, config.site, config.block_quizzes, config.passes, config.batch_size
    )
    sae = train_sae(stream.batches(seed), config, seed, name, progress)
    spent = round(time.time() - began, 1)

    def record(saved: SAE[Any]) -> dict[str, Any]:
        graded = held_out[:GRADED_QUIZZES]
        quality = measure_quality(model, world, graded, config.site, saved)
        made_from = _made_from(model, config, seed)
        return {"made_from": made_from, "seconds": spent, "quality": quality.as_dict()}

    return save_sae(sae, path, record)


def compare_agents(
    agents: Mapping[int, AgentModel],
    saes: Mapping[int, Sequence[Path]],
    world: World,
    batch: QuizBatch,
    config: SAEConfig,
    out_dir: Path,
    stream: Stream,
    tick: Tick | None = None,
) -> dict[str, Any]:
    """Compare agents on one batch and write ``out_dir``, unless it is there; returns the summary.

    agents, saes: by agent number; the folders of an agent's SAEs, the compared one first.
    batch: held-out quizzes in answer structures, the world's and (task -1) culture's. stream:
    for permutations and resamples. tick: called with (steps done, steps in all). The summary
    is written last, so a folder that has one is complete.
    """
    made_from = _compared_from(agents, saes, batch, config, stream)
    done = _read_summary(out_dir)
    whole = all((out_dir / name).exists() for name in TABLES)
    if done is not None and whole and done.get("made_from") == made_from:
        return done
    steps = len(agents) + len(agents) * (len(agents) - 1) // 2
    jobs = [partial(_features, agents[n], saes[n], world, batch, config) for n in sorted(agents)]
    features = {}
    for number, found in zip(sorted(agents), side_by_side(jobs), strict=True):
        features[number] = found
        if tick:
            tick(len(features), steps)
    rows = token_rows(world, batch)
    pair_tick = (lambda n, _: tick(len(agents) + n, steps)) if tick else None
    comparison = compare_features(features, rows, config, stream, pair_tick)
    _write_tables(comparison, features, world, batch, out_dir)
    culture = int((batch.task == UNKNOWN_TASK).sum())
    tree = summary(comparison, config, _sae_figures(saes, features), culture)
    tree = {**tree, "made_from": made_from}
    write_json(out_dir / SUMMARY, tree)
    return _read_summary(out_dir) or {}


def _compared_from(
    agents: Mapping[int, AgentModel],
    saes: Mapping[int, Sequence[Path]],
    batch: QuizBatch,
    config: SAEConfig,
    stream: Stream,
) -> dict[str, Any]:
    """What a comparison's figures depend on, in plain types."""
    trained = {str(n): [_record(path)["made_from"] for path in saes[n]] for n in sorted(agents)}
    quizzes = hashlib.blake2b(digest_size=16)
    for array in (batch.tokens, batch.structure, batch.task):
        quizzes.update(array.tobytes())
    options = {name: getattr(config, name) for name in COMPARISON_FIELDS}
    tree = {
        "method": METHOD,
        "saes": trained,
        "quizzes": quizzes.hexdigest(),
        "seed": str(stream.seed()),
        **options,
    }
    return dict(json.loads(json.dumps(tree)))


def _record(path: Path) -> dict[str, Any]:
    record = read_record(path)
    if record is None:
        raise UserError(f"there is no SAE at {path}; train it first")
    return record


def _features(
    agent: AgentModel,
    paths: Sequence[Path],
    world: World,
    batch: QuizBatch,
    config: SAEConfig,
) -> list[Features]:
    device = str(next(agent.parameters()).device)
    loaded = [load_sae(path, device) for path in paths]
    codes = agent_codes(agent, world, batch, config.site, loaded)
    return [select_features(found, config.min_firings) for found in codes]


def _write_tables(
    comparison: Comparison,
    features: Mapping[int, Sequence[Features]],
    world: World,
    batch: QuizBatch,
    out_dir: Path,
) -> None:
    matches = [comparison.directions[pair].match for pair in sorted(comparison.directions)]
    write_parquet(out_dir / "matches.parquet", match_table(matches))
    write_parquet(out_dir / "families.parquet", family_table(comparison.families))
    first = {agent: seeds[0] for agent, seeds in features.items()}
    rows = token_rows(world, batch)
    examples = top_examples(comparison.families, first, world, batch, rows)
    write_json(out_dir / "examples.json", examples, indent=None)


def _sae_figures(
    saes: Mapping[int, Sequence[Path]], features: Mapping[int, Sequence[Features]]
) -> list[dict[str, Any]]:
    """By agent and SAE: the figures it was graded with, and how many features are compared."""
    return [
        {
            "agent": agent,
            "sae": place,
            "features": found.size,
            "compared": len(found.index),
            "silent": float((found.firings == 0).mean()),
            "seconds": _record(path)["seconds"],
            **_record(path)["quality"],
        }
        for agent in sorted(saes)
        for place, (path, found) in enumerate(zip(saes[agent], features[agent], strict=True))
    ]


def _read_summary(out_dir: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads((out_dir / SUMMARY).read_text()))
    except (OSError, ValueError):
        return None
