"""The population in training: agents side by side, one per process, the weakest first.

A process claims an agent by locking a file, trains it for one epoch and lets go, so that no
process idles while an agent that nobody trains is below target. An agent's course depends on
its own seed and quizzes alone: which process trained it, and when, changes nothing.

Where there are more processes than agents, a group of them does what one process does otherwise:
its leader claims, logs and saves, and every member makes a share of each step. Sums are then
taken in another order, so the weights are those of one process up to rounding only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from accelerate import Accelerator
from filelock import FileLock, Timeout

from agents.checkpoint import read_state, recover
from agents.replicas import make_replicas
from agents.training import Draw, Learner, mixed_draw, task_weights_for, unseen_quizzes
from culture_sim.culture.curriculum import Curriculum
from culture_sim.run.progress import BESIDE, EXAMINED, agent_done
from culture_sim.run.run import Run
from world import ExplainedWorld, Stream, concatenate
from world.core.errors import UserError

HEARTBEAT_S = 3.0
MOST_LEARNERS = 5
"""Agents that a process holds in memory, as many as the experiment has. It comes to train any, and
each takes 16 bytes a parameter and more: of more agents, those used longest ago are read from their
checkpoints again, bit for bit the same."""
AFTER = ("final_test", *(f"{what}_after" for what in EXAMINED))
"""What is measured when training for a round ends."""
ROUND_RESULTS = ("test", "tests", "reached", *AFTER)
COURSE = ("round", "quizzes", "reached", "test", "tests", "final_test", *BESIDE)
"""What is remembered of every round."""


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
        self.accelerator = accelerator
        self.replicas = make_replicas(accelerator.state, run.config.agents)
        self.round = round_
        self.curriculum = curriculum
        self.restart = restart
        config, world = run.config.train, run.config.world
        root = Stream(run.config.seed, "")
        count = config.test_quizzes
        self.test = unseen_quizzes(world, root.with_role("world-test"), count)
        self.validation = unseen_quizzes(
            world, root.with_role("world-gate"), config.validation_quizzes, [self.test]
        )
        # Training goes on until the test is passed, so a passed test flatters: quizzes that
        # decide nothing tell the truth.
        self.final_test = unseen_quizzes(
            world, root.with_role("world-confirmation"), count, [self.test, self.validation]
        )
        self._held_out = None
        if round_ and run.config.culture.transfer_quizzes and isinstance(world, ExplainedWorld):
            self._held_out = world.held_out_world()
        self._learners: dict[int, Learner] = {}  # the one used last is the last

    def train(self) -> None:
        """Work until every agent is done; other processes may be doing the same."""
        while True:
            with ExitStack() as held:
                choice = self._choose(held) if self.replicas.leads else (False, None)
                waiting, agent = self.replicas.agree(choice)
                if agent is not None:
                    self._train_epoch(agent)
            if not waiting:
                return
            if agent is None:
                time.sleep(0.2)

    def _choose(self, held: ExitStack) -> tuple[bool, int | None]:
        """Whether agents are below target, and the weakest that nobody trains, now claimed."""
        waiting = [a for a in self.run.agents if not self._done(a)]
        for agent in sorted(waiting, key=self._accuracy):
            with ExitStack() as tried:
                if tried.enter_context(self._claim(agent)) and not self._done(agent):
                    held.push(tried.pop_all())
                    return True, agent
        return bool(waiting), None

    def _done(self, agent: int) -> bool:
        return agent_done(self.run, agent, self.round)

    def _accuracy(self, agent: int) -> tuple[float, int]:
        state = self.run.agent_state(agent)
        return (state["validation"]["accuracy"] if state else -1.0, agent)

    @contextmanager
    def _claim(self, agent: int) -> Iterator[bool]:
        """Hold the agent's lock if nobody does; the system frees it if this process dies."""
        path = self.run.agent_path(agent)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{agent}.lock"))
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            recover(path)
            yield True
        finally:
            lock.release()

    def _train_epoch(self, agent: int) -> None:
        learner, state = self._learner(agent)
        if state["round"] < self.round:
            before = self._beside_the_world(learner, "before")
            # What an earlier round ended with is not to be taken for this one's.
            gone = (*ROUND_RESULTS, "validation") if self.restart else ROUND_RESULTS
            state = {k: v for k, v in state.items() if k not in gone}
            if self.restart:
                state["generation"] = self.round
                learner = self._learners[agent] = self._fresh(agent, state)
            state |= {"round": self.round, "round_began": learner.quizzes, **before}
        began, last = time.time(), 0.0
        draw = self._draw(learner, state)
        for progress in learner.train_epoch(draw):
            if time.time() - last > HEARTBEAT_S:
                last = time.time()
                self._log(
                    agent,
                    event="step",
                    quizzes=progress.quizzes,
                    loss=float(progress.loss),
                    round_began=state["round_began"],
                )
        state["seconds"] = state["seconds"] + time.time() - began
        self._examine(agent, learner, state)

    def _examine(self, agent: int, learner: Learner, state: dict[str, Any]) -> None:
        """Evaluate, decide whether the target is reached, save."""
        began = time.time()
        validation = learner.evaluate(self.validation)
        state = {k: v for k, v in state.items() if k not in AFTER}
        state |= {"validation": validation.as_dict(), "reached": False}
        spent = learner.quizzes - state["round_began"]
        last = spent >= self.run.config.train.max_quizzes
        if validation.accuracy >= self.run.config.train.target or last:
            test = learner.evaluate(self.test)
            state |= {"test": test.as_dict(), "tests": state.get("tests", 0) + 1}
            state["reached"] = test.accuracy >= self.run.config.train.target
        if state["reached"] or last:
            state["final_test"] = learner.evaluate(self.final_test).as_dict()
            state |= self._beside_the_world(learner, "after")
        state["seconds"] += time.time() - began
        if state["reached"] or last:
            state["course"] = self._course(learner, state)
        if self.replicas.leads:
            learner.save(self.run.agent_path(agent), state)
        self.replicas.agree(None)  # the others read what is saved
        self._log(
            agent,
            event="epoch",
            quizzes=learner.quizzes,
            seconds=state["seconds"],
            validation=state["validation"],
            test=state.get("test"),
            reached=state["reached"],
            round_began=state["round_began"],
        )

    def _beside_the_world(self, learner: Learner, moment: str) -> dict[str, Any]:
        """``culture_before`` and ``transfer_before``, or after; None where there is none."""
        found = (self._culture_accuracy(learner), self._transfer_accuracy(learner))
        return {f"{what}_{moment}": each for what, each in zip(EXAMINED, found, strict=True)}

    def _culture_accuracy(self, learner: Learner) -> dict[str, Any] | None:
        """Accuracy on held-out culture, asked forward and backward as in the vote."""
        if self.curriculum is None or not len(self.curriculum.held_out):
            return None
        world = self.run.config.quiz_world
        asked = [world.arrange(self.curriculum.held_out, layout) for layout in world.directions]
        return learner.evaluate(concatenate(asked)).as_dict()

    def _transfer_accuracy(self, learner: Learner) -> dict[str, Any] | None:
        """Accuracy on tasks that no agent was ever trained on."""
        if self._held_out is None:
            return None
        stream = Stream(self.run.config.seed, "science")
        count = self.run.config.culture.transfer_quizzes
        batch = unseen_quizzes(self._held_out, stream, count)
        return learner.evaluate(batch, self._held_out).as_dict()

    def _course(self, learner: Learner, state: dict[str, Any]) -> list[dict[str, Any]]:
        """What was measured in every round so far, this one's last."""
        earlier = [each for each in state.get("course", []) if each["round"] != self.round]
        now = {**state, "quizzes": learner.quizzes}
        return [*earlier, {key: now.get(key) for key in COURSE}]

    def _learner(self, agent: int) -> tuple[Learner, dict[str, Any]]:
        """The agent as its checkpoint left it; kept in memory while nobody else moved it on."""
        saved = read_state(self.run.agent_path(agent))
        self._check_agreement(agent, saved)
        fresh = {
            "agent": agent,
            "generation": 0,
            "round": self.round,
            "round_began": 0,
            "seconds": 0.0,
        }
        learner = self._remembered(agent, saved)
        if learner is None:
            learner = self._fresh(agent, saved or fresh)
            saved = learner.load(self.run.agent_path(agent))
        self._learners[agent] = learner
        return learner, saved or fresh

    def _remembered(self, agent: int, saved: dict[str, Any] | None) -> Learner | None:
        """The agent if it is in memory as it was saved; else None, and there is room for it."""
        learner = self._learners.pop(agent, None)
        if learner is not None and saved is not None:
            now = (learner.steps, learner.stream.round)
            if now == (saved["steps"], saved["generation"]):
                return learner
        while len(self._learners) >= MOST_LEARNERS:
            del self._learners[next(iter(self._learners))]
        return None

    def _fresh(self, agent: int, state: dict[str, Any]) -> Learner:
        """An agent that knows nothing; since it last began anew it has other random numbers."""
        config = self.run.config
        stream = Stream(config.seed, "", agent=agent, round=state["generation"])
        return Learner(
            config.model, config.train, config.world, stream, self.accelerator, self.replicas
        )

    def _check_agreement(self, agent: int, saved: dict[str, Any] | None) -> None:
        """Members of a group that start from different weights would train nonsense."""
        if len(set(self.replicas.gather((saved or {}).get("sha256")))) > 1:
            raise UserError(
                f"processes that share agent {agent} read different checkpoints of it from "
                f"{self.run.path}; the folder's file system must show a file to all machines as "
                f"soon as it is written; run the command again to go on"
            )

    def _draw(self, learner: Learner, state: dict[str, Any]) -> Draw:
        """The quizzes of the next epoch: what it failed at in the last examination, more often."""
        config, world = self.run.config, self.run.config.world
        by_task = state["validation"]["accuracy_by"]["task"] if "validation" in state else {}
        task_weights = task_weights_for(by_task, world.tasks, config.train.error_weighting)
        if self.curriculum is None:
            return mixed_draw(world, learner.stream, task_weights=task_weights)
        # By default every kept quiz is seen about once an epoch, as in the source, up to the cap.
        wanted = config.culture.repeats * self.curriculum.kept / config.train.epoch_quizzes
        share = min(config.culture.max_share, wanted)
        if state["generation"] == self.round:
            # From new weights, half and half in the source's later variant.
            share = config.culture.max_share
        culture = self.curriculum.by_agent[state["agent"]]
        return mixed_draw(world, learner.stream, culture, share, task_weights)

    def _log(self, agent: int, **figures: Any) -> None:
        if self.replicas.leads:
            self.run.log("train", round=self.round, agent=agent, **figures)
