"""A run of what others published: their agents, examined here, and their culture, voted on here.

The run is made beside its place and renamed when it is whole.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from agents.config import ModelConfig
from agents.evaluation import evaluate
from agents.model import AgentModel, build_model
from agents.precision import make_accelerator
from agents.training import Learner
from culture_sim.imports.agents import PublishedAgent, read_agent
from culture_sim.imports.autoencoder import PublishedSAE, read_sae, write_sae
from culture_sim.imports.culture import SiftedRound, dropped, read_culture, sift
from culture_sim.imports.dataset import CULTURE, PublishedQuizzes, read_dataset, write_quizzes
from culture_sim.imports.rounds import write_rounds
from culture_sim.imports.sources import Sources, find_sources
from culture_sim.population.exams import Exams, stopping_test
from culture_sim.presets.faithful import faithful
from culture_sim.report.summary import culture_summary, training_summary
from culture_sim.run.config import RunConfig
from culture_sim.run.formats import formats_here
from culture_sim.run.lookup import write_lookup
from culture_sim.run.provenance import made_by
from culture_sim.run.reporting import Report
from culture_sim.run.run import Run
from culture_sim.run.state import AgentState
from sae.activations.harvest import comparable_sites
from world import Stream, concatenate
from world.core.errors import UserError
from world.grids.world import GridsWorld

GRADED_QUIZZES = 400
"""On which an SAE is graded at most."""
WIDER = ("mlp.hook_pre", "mlp.hook_post")
"""Sites whose vectors are as wide as an MLP."""
LOCK = ".run.lock"


@dataclass(frozen=True)
class Published:
    """Everything that was given, read and found in order.

    agents: without their weights, which are read again when they are written: together they may
    not fit into memory. origin: name and hash of the file of ``rounds``.
    """

    agents: Sequence[PublishedAgent]
    rounds: Sequence[SiftedRound]
    origin: Mapping[str, str]
    quizzes: PublishedQuizzes | None
    saes: Sequence[PublishedSAE]


def import_culture_gpt(
    path: Path, paths: Sequence[Path], options: RunConfig, most: int | None, report: Report
) -> Run:
    """Make the run at ``path`` of files of the published experiment.

    options: of the run, where the files do not decide: they do on the network, the number of
    agents, and the rounds before ``rounds`` further ones; and the target is the lowest accuracy of
    the agents if that is below ``train.target``. most: quizzes of a round to train on, and as many
    to test with; None for all. report: called with what is being done. Raises UserError, and leaves
    nothing behind, for files that are not what they should be.
    """
    if path.exists():
        raise UserError(f"there is a run at {path} already; choose another --run")
    sources = find_sources(paths)
    report("reading")
    published, config = _read(sources, options, most)
    aside = path.with_name(f".{path.name}.import")
    with Run.lock(aside):
        try:
            _empty(aside)
            _write(aside, config, published, report)
            os.rename(aside, path)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    return Run.open(path)


def _empty(folder: Path) -> None:
    """Remove what an import left that was killed."""
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != LOCK:
            left.unlink()


def _read(sources: Sources, options: RunConfig, most: int | None) -> tuple[Published, RunConfig]:
    world = _grids(options)
    agents = [replace(read_agent(path, world.vocab_size), weights={}) for path in sources.agents]
    for agent in agents:
        if agent.size != agents[0].size:
            raise UserError(
                f"{agents[0].path} and {agent.path} are of different sizes; all agents of a run "
                f"are of one"
            )
    rounds, origin = _read_rounds(sources.culture, options, most)
    dataset = read_dataset(sources.datasets, world) if sources.datasets else None
    config = _fitted(options, agents, len(rounds))
    saes = [_read_sae(folder, config, agents) for folder in sources.saes]
    _refuse_same_place(saes)
    return Published(agents, rounds, origin, dataset, saes), config


def _grids(options: RunConfig) -> GridsWorld:
    if not isinstance(options.world, GridsWorld):
        raise UserError(f"published agents live in grids, not in the world {options.world.name!r}")
    return options.world


def _read_rounds(
    path: Path | None, options: RunConfig, most: int | None
) -> tuple[list[SiftedRound], dict[str, str]]:
    if path is None:
        return [], {}
    culture, exams = read_culture(path, _grids(options)), Exams(options, 0, None)
    examined = concatenate([exams.test, exams.validation, exams.final_test])
    rounds = sift(culture, _grids(options), examined, most)
    return rounds, {"from": path.name, "sha256": culture.sha256}


def _fitted(options: RunConfig, agents: Sequence[PublishedAgent], rounds: int) -> RunConfig:
    """The options of a run of these agents, features by default from their middle."""
    model, sites = agents[0].size.model(), options.sae.sites
    if sites == faithful().sae.sites:
        sites = (f"blocks.{model.n_layers // 2}.hook_resid_post",)
    return replace(
        options,
        agents=len(agents),
        rounds=rounds + options.rounds,
        model=model,
        sae=replace(options.sae, sites=sites),
    )


def _read_sae(folder: Path, config: RunConfig, agents: Sequence[PublishedAgent]) -> PublishedSAE:
    model, numbers = config.model, [agent.number for agent in agents]
    sites = [s for s in comparable_sites(_narrow(model, config)) if not s.endswith(WIDER)]
    sae = read_sae(folder, model.d_model, sites)
    if numbers.count(sae.agent) != 1:
        names = ", ".join(agent.path.name for agent in agents)
        raise UserError(f"{folder} is of agent {sae.agent}, which is not one of these: {names}")
    return sae


def _refuse_same_place(saes: Sequence[PublishedSAE]) -> None:
    for one, other in combinations(saes, 2):
        if (one.agent, one.folder) == (other.agent, other.folder):
            raise UserError(
                f"{one.path} and {other.path} are of one agent, site and width; name one of them"
            )


def _narrow(model: ModelConfig, config: RunConfig) -> AgentModel:
    """A network with the same sites, at no cost."""
    return build_model(replace(model, d_model=2 * model.n_heads, d_mlp=1), config.world, seed=0)


def _write(path: Path, config: RunConfig, published: Published, report: Report) -> None:
    run = Run.start(path, config, "faithful")
    run = replace(run, formats=formats_here(run))
    accelerator = make_accelerator(config.train, run.formats)
    lowest = _write_agents(run, published, accelerator, report)
    target = min(config.train.target, math.floor(100 * lowest) / 100)
    config = replace(config, train=replace(config.train, target=target))
    run = replace(Run.start(path, config, "faithful"), formats=run.formats)
    figures: dict[str, Any] = {"agents": [agent.origin for agent in published.agents]}
    models = [run.load_agent(agent).to(accelerator.device) for agent in run.agents]
    if published.rounds:
        write_rounds(run, published.rounds, published.origin, models, accelerator, report)
        figures["culture"] = {**published.origin, "dropped": dropped(published.rounds)}
    if published.quizzes is not None:
        report("agents answer the dataset")
        figures["dataset"] = _write_dataset(run, published.quizzes, models, accelerator)
    report("grading SAEs")
    figures["saes"] = _write_saes(run, published, models)
    write_lookup(run, None)  # nobody knows which pairs these agents have seen
    run.add_summary("imported", figures)
    run.add_summary("training", training_summary(run))
    if published.rounds:
        run.add_summary("culture", culture_summary(run))
    run.log("import", note=f"{len(published.agents)} agents imported", done=True)


def _write_agents(
    run: Run, published: Published, accelerator: Accelerator, report: Report
) -> float:
    """Every agent as a checkpoint, examined; returns the lowest accuracy."""
    exam, made = stopping_test(run.config), made_by(run, "import", ())
    accuracies = []
    for number, agent in enumerate(published.agents):
        report(f"{agent.path.name} answers {len(exam):,} quizzes")
        learner = _learner(run, number, accelerator)
        weights = dict(read_agent(agent.path, run.config.world.vocab_size).weights)
        for model in (learner.model, learner.averaged):
            model.load_state_dict(weights)
        test = learner.evaluate(exam)
        accuracies.append(test.accuracy)
        state = AgentState(
            number,
            round=len(published.rounds),
            test=test,
            tests=1,
            reached=True,  # the target becomes what all of them have reached
            imported=agent.origin,
        )
        learner.save(run.agent_path(number), state.made_with(made).with_course().to_json())
    return min(accuracies)


def _learner(run: Run, number: int, accelerator: Accelerator) -> Learner:
    config, stream = run.config, Stream(run.config.seed, "", agent=number)
    return Learner(
        config.model, config.train, config.world, stream, accelerator, formats=run.formats
    )


def _write_dataset(
    run: Run, found: PublishedQuizzes, models: Sequence[AgentModel], accelerator: Accelerator
) -> dict[str, Any]:
    """The rows, and by agent the accuracy on some of those that are of the world."""
    world = _grids(run.config)
    write_quizzes(run.path, found.quizzes, world)
    of_world = found.quizzes[found.quizzes.task >= 0]
    rng = Stream(run.config.seed, "imported-exam").generator()
    chosen = rng.permutation(len(of_world))[: run.config.train.test_quizzes]
    asked = world.for_exam(of_world[chosen])
    evaluations = [
        evaluate(model, world, asked, accelerator).as_dict() for model in models if len(asked)
    ]
    names = (*world.tasks, CULTURE)
    counts = {names[task]: count for task, count in sorted(found.counts.items())}
    return {"quizzes": counts, "dropped": found.dropped, "agents": evaluations}


def _write_saes(
    run: Run, published: Published, models: Sequence[AgentModel]
) -> list[dict[str, Any]]:
    config, numbers = run.config, [agent.number for agent in published.agents]
    size = min(GRADED_QUIZZES, config.train.test_quizzes)
    graded = config.world.for_exam(
        config.world.draw(Stream(config.seed, "imported-sae"), 0, size, "sae")
    )
    return [
        write_sae(run.path / "sae", sae, place, models[place], config.world, graded)
        for sae in published.saes
        for place in [numbers.index(sae.agent)]
    ]
