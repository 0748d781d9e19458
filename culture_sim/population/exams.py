"""What agents are examined on, and when: every epoch, at the target, and around culture rounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from agents.divergence import DivergenceError
from agents.evaluation import Evaluation
from agents.training import (
    Draw,
    Learner,
    mixed_draw,
    recombined_quizzes,
    task_weights_for,
    unseen_quizzes,
)
from culture_sim.culture.curriculum import Curriculum
from culture_sim.population.collapse import watched
from culture_sim.run.config import RunConfig
from culture_sim.run.state import AgentState
from world import ExplainedWorld, QuizBatch, Stream, World, concatenate


def stopping_test(config: RunConfig) -> QuizBatch:
    """The world quizzes that training stops by; no agent may propose them as culture."""
    stream = Stream(config.seed, "world-test")
    return unseen_quizzes(config.world, stream, config.train.test_quizzes)


def first_draw(config: RunConfig, stream: Stream) -> Draw:
    """The world's quizzes as the agent of a stream draws them while no task is known to be hard."""
    equal = task_weights_for({}, config.world.tasks, config.train.error_weighting)
    return mixed_draw(config.world, stream, task_weights=equal)


def first_epoch_recombined(config: RunConfig, stream: Stream) -> QuizBatch:
    """New quizzes of the pairs that the agent of a stream learned from in its first epoch."""
    train, found = config.train, stream.with_role("recombined")
    trained = first_draw(config, stream)(0, train.epoch_quizzes)
    return recombined_quizzes(config.world, found, trained, train.recombined_quizzes)


@dataclass(frozen=True)
class Exam:
    """Quizzes, and the world that they are of."""

    world: World
    quizzes: QuizBatch


def exam_beyond(config: RunConfig, what: str) -> Exam | None:
    """Quizzes of what a run's world never shows, by its name in ``BEYOND``; None without."""
    own = config.world
    world = {"other_scenes": own.other_scenes, "new_objects": own.new_objects}[what]()
    if world is None:
        return None
    stream = Stream(config.seed, what.replace("_", "-"))
    return Exam(world, unseen_quizzes(world, stream, config.train.validation_quizzes))


class Exams:
    """The quizzes that agents of a run are examined on, all unseen in training.

    validation: after every epoch. test: once validation is at the target. final_test: when
    training ends. Beside the world's, held-out culture, held-out tasks, and scenes and objects
    that the world never shows; and, to tell rules from memory, quizzes that recombine what an agent
    was trained on.
    """

    def __init__(self, config: RunConfig, round_: int, curriculum: Curriculum | None) -> None:
        """curriculum: of the culture kept, None before there is any."""
        self.config = config
        world, train, root = config.world, config.train, Stream(config.seed, "")
        self.test = stopping_test(config)
        self.validation = unseen_quizzes(
            world, root.with_role("world-gate"), train.validation_quizzes, [self.test]
        )
        # Training goes on until the test is passed, so a passed test flatters: quizzes that
        # decide nothing tell the truth.
        self.final_test = unseen_quizzes(
            world,
            root.with_role("world-confirmation"),
            train.test_quizzes,
            [self.test, self.validation],
        )
        self._recombined: dict[int, QuizBatch] = {}  # by agent
        self._beyond: dict[str, Exam | None] = {}  # by name
        self._held_out_culture = curriculum.held_out if curriculum is not None else None
        self._held_out_tasks = None
        if round_ and config.culture.transfer_quizzes and isinstance(world, ExplainedWorld):
            self._held_out_tasks = world.held_out_world()

    def after_epoch(self, learner: Learner, state: AgentState) -> AgentState:
        """Validate; test if that is at the target or the budget is spent; if the test is, or the
        budget, the round's training ends and all else is measured.

        Raises DivergenceError where the agent gives answers no probability.
        """
        train = self.config.train
        validation = learner.evaluate(self.validation)
        if not math.isfinite(validation.loss):
            raise DivergenceError(
                learner.quizzes, "its answers have no finite probability any more"
            )
        recombined = self.recombined(learner)
        state = replace(
            watched(state, validation),
            quizzes=learner.quizzes,
            validation=validation,
            recombined=recombined,
            reached=False,
            final_test=None,
            other_scenes=None,
            new_objects=None,
            culture_after=None,
            transfer_after=None,
        )
        spent = learner.quizzes - state.round_began >= train.max_quizzes
        if validation.accuracy >= train.target or spent:
            test = learner.evaluate(self.test)
            reached = test.accuracy >= train.target
            state = replace(state, test=test, tests=state.tests + 1, reached=reached)
        if not (state.reached or spent):
            return state
        return replace(
            state,
            final_test=learner.evaluate(self.final_test),
            other_scenes=self.beyond(learner, "other_scenes"),
            new_objects=self.beyond(learner, "new_objects"),
            culture_after=self.culture(learner),
            transfer_after=self.transfer(learner),
        ).with_course()

    def recombined(self, learner: Learner) -> Evaluation | None:
        """Accuracy on new quizzes of pairs of the first epoch; None where there are none.

        An agent that began anew with a round has learned culture since its first quiz: None too.
        """
        stream = learner.stream
        if stream.round or not self.config.train.recombined_quizzes:
            return None
        if stream.agent not in self._recombined:
            self._recombined[stream.agent] = first_epoch_recombined(self.config, stream)
        quizzes = self._recombined[stream.agent]
        return learner.evaluate(quizzes) if len(quizzes) else None

    def beyond(self, learner: Learner, what: str) -> Evaluation | None:
        """Accuracy on what the agent's world never shows, by its name; None without."""
        if what not in self._beyond:
            self._beyond[what] = exam_beyond(self.config, what)
        exam = self._beyond[what]
        return None if exam is None else learner.evaluate(exam.quizzes, exam.world)

    def culture(self, learner: Learner) -> Evaluation | None:
        """Accuracy on held-out culture, asked in all directions as in the vote; None without."""
        if self._held_out_culture is None or not len(self._held_out_culture):
            return None
        world, quizzes = self.config.quiz_world, self._held_out_culture
        asked = [world.arrange(quizzes, layout) for layout in world.directions]
        return learner.evaluate(concatenate(asked))

    def transfer(self, learner: Learner) -> Evaluation | None:
        """Accuracy on tasks that no agent was ever trained on; None without."""
        if self._held_out_tasks is None:
            return None
        return learner.evaluate(self._of_held_out_tasks, self._held_out_tasks)

    @cached_property
    def _of_held_out_tasks(self) -> QuizBatch:
        assert self._held_out_tasks is not None
        stream, count = Stream(self.config.seed, "science"), self.config.culture.transfer_quizzes
        return unseen_quizzes(self._held_out_tasks, stream, count)
