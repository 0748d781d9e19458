"""The population in training: agents side by side, one per process, the weakest first.

A process claims an agent, trains it for one epoch, examines it and lets go. An agent's course
depends on its own seed and quizzes alone: which process trained it, and when, changes nothing.

Where there are more processes than agents, a group of them does what one process does otherwise:
its leader claims, logs and saves, and every member makes a share of each step. Sums are then
taken in another order, so the weights are those of one process up to rounding only.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from accelerate import Accelerator

from agents.divergence import DivergenceError, raised_options
from agents.replicas import make_replicas
from agents.training import Draw, Learner, mixed_draw, task_weights_for
from culture_sim.culture.curriculum import Curriculum
from culture_sim.population.collapse import collapse
from culture_sim.population.exams import Exams
from culture_sim.population.learners import Learners
from culture_sim.population.schedule import claim_weakest
from culture_sim.population.standstill import standstill
from culture_sim.run.alarms import COLLAPSE, DIVERGENCE, STANDSTILL, raise_alarm
from culture_sim.run.provenance import made_by
from culture_sim.run.run import Run
from culture_sim.run.state import AgentState
from world.core.errors import UserError

HEARTBEAT_S = 3.0
TRAINING_OPTIONS = ("seed", "world", "model", "train")
ROUND_OPTIONS = (*TRAINING_OPTIONS, "culture")
"""Sections of the configuration that agents are trained by, at first and in a round."""


class Population:
    """Brings every agent of a run to the target, again after each culture round."""

    def __init__(
        self,
        run: Run,
        accelerator: Accelerator,
        round_: int,
        curriculum: Curriculum | None = None,
        restart: bool = False,
    ) -> None:
        """restart: agents forget all they know when they begin with the round."""
        self.run = run
        self.round = round_
        self.curriculum = curriculum
        self.restart = restart
        self.replicas = make_replicas(accelerator.state, run.config.agents)
        self.exams = Exams(run.config, round_, curriculum)
        self.learners = Learners(run, accelerator, self.replicas)
        stage = f"round-{round_}" if round_ else "train"
        self._made = made_by(run, stage, ROUND_OPTIONS if round_ else TRAINING_OPTIONS)

    def train(self) -> None:
        """Work until every agent is done; other processes may be doing the same."""
        while True:
            with ExitStack() as claims:
                choice: tuple[bool, int | None] = (False, None)
                if self.replicas.leads:
                    choice = claim_weakest(self.run, self.round, claims)
                waiting, agent = self.replicas.agree(choice)
                if agent is not None:
                    self.train_epoch(agent)
            if not waiting:
                return
            if agent is None:
                time.sleep(0.2)

    def train_epoch(self, agent: int) -> None:
        """One epoch of an agent that this process has claimed, and what it can do after it."""
        learner, state = self.learners.open(agent, self.round)
        if state.round < self.round:
            learner, state = self._enter_round(learner, state)
        state = state.made_with(self._made)
        began = time.monotonic()
        try:
            self._learn(learner, state)
            state = self.exams.after_epoch(learner, state)
        except DivergenceError as error:
            raise self._given_up(agent, error) from None
        self._save(learner, replace(state, seconds=state.seconds + time.monotonic() - began))

    def _given_up(self, agent: int, error: DivergenceError) -> UserError:
        """What to say of an agent whose training cannot be gone on with; its checkpoint stands."""
        saved = self.run.agent_state(agent)
        lower = " or ".join(raised_options(self.run.config.train))
        stands = f"its checkpoint of {saved.quizzes:,} quizzes stands, and " if saved else ""
        during = f" in round {self.round}" if self.round else ""
        text = (
            f"agent {agent} diverged{during}: {error}; {stands}the same command with a lower "
            f"{lower} goes {'on from there' if saved else 'on'}"
        )
        if self.replicas.leads:
            raise_alarm(self.run, DIVERGENCE, agent, self.round, error.quizzes, text)
        return UserError(text)

    def draw(self, learner: Learner, state: AgentState) -> Draw:
        """The quizzes of the next epoch: what it failed at in the last examination, more often."""
        config, world = self.run.config, self.run.config.world
        by_task = state.validation.accuracy_by["task"] if state.validation else {}
        task_weights = task_weights_for(by_task, world.tasks, config.train.error_weighting)
        if self.curriculum is None:
            return mixed_draw(world, learner.stream, task_weights=task_weights)
        # By default every kept quiz is seen about once an epoch, as in the source, up to the cap.
        wanted = config.culture.repeats * self.curriculum.kept / config.train.epoch_quizzes
        share = min(config.culture.max_share, wanted)
        if state.generation == self.round:
            # From new weights, half and half in the source's later variant.
            share = config.culture.max_share
        culture = self.curriculum.by_agent[state.agent]
        return mixed_draw(world, learner.stream, culture, share, task_weights)

    def _enter_round(self, learner: Learner, state: AgentState) -> tuple[Learner, AgentState]:
        """The agent at the start of the round, examined, and with new weights if it restarts."""
        culture, transfer = self.exams.culture(learner), self.exams.transfer(learner)
        if self.restart:
            state = replace(state, generation=self.round, validation=None, best=0.0, fallen=0)
            learner = self.learners.anew(state)
        state = state.entering(self.round, learner.quizzes)
        return learner, replace(state, culture_before=culture, transfer_before=transfer)

    def _learn(self, learner: Learner, state: AgentState) -> None:
        last = float("-inf")
        accuracy = state.validation.accuracy if state.validation else 0.0
        for progress in learner.train_epoch(self.draw(learner, state), accuracy):
            if time.monotonic() - last > HEARTBEAT_S:
                last = time.monotonic()
                self._log(state, event="step", quizzes=progress.quizzes, loss=float(progress.loss))

    def _save(self, learner: Learner, state: AgentState) -> None:
        if self.replicas.leads:
            learner.save(self.run.agent_path(state.agent), state.to_json())
        self.replicas.agree(None)  # the others read what is saved
        tree = state.to_json()
        keys = ("seconds", "validation", "recombined", "test", "reached")
        figures = {key: tree[key] for key in keys}
        self._log(state, event="epoch", quizzes=learner.quizzes, **figures)
        alarms = {COLLAPSE: collapse(state), STANDSTILL: standstill(state, self.run.config.train)}
        for kind, text in alarms.items():
            if text is not None and self.replicas.leads:
                raise_alarm(self.run, kind, state.agent, self.round, learner.quizzes, text)

    def _log(self, state: AgentState, **figures: Any) -> None:
        if self.replicas.leads:
            place = {"agent": state.agent, "round_began": state.round_began}
            self.run.log("train", round=self.round, **place, **figures)
