"""What a study measured, and what it comes to: means over agents, intervals over seeds.

Agents of one seed share their quizzes, so a seed is one observation; and arms of one seed begin
with the same agents, so arms are compared within seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from accelerate import Accelerator
from numpy.typing import NDArray

from agents.evaluation import evaluate
from agents.scoring import score
from culture_sim.culture.figures import read_summary
from culture_sim.culture.records import array_of, hashes_of, quizzes_of
from culture_sim.culture.store import CultureStore
from culture_sim.features.folders import dictionary_configs
from culture_sim.run.run import Run
from culture_sim.study.arms import CONTROL, EXAM, FULL
from culture_sim.study.runs import BASE, StudyRuns
from world import QuizBatch, concatenate
from world.core.errors import UserError

EXAMS = {
    "world": "unseen quizzes of the world",
    "transfer": "tasks that no agent trained on",
    "culture": "quizzes that the agents kept as they began",
}
"""What agents are examined on: the accuracy is a measure by the exam's name, the loss another."""
LOSS = "{} loss"
"""Name of the measure of an exam's loss, in nats a token: it tells arms apart at 0 % or 100 %."""
FEATURES = {"universality": "value", "shared r": "cross", "ceiling r": "ceiling"}
"""Measures of the comparison of features, by their names in its summary."""
BY_PART = ("culture failed", "culture solved")
"""Accuracies on the exam of culture: of each quiz by the agent that failed it as it began, and by
those that solved it. The first is learned, the second kept or forgotten."""
MEASURES = (*EXAMS, *BY_PART, *(LOSS.format(name) for name in EXAMS), "yield", *FEATURES)


def measure(study: StudyRuns, features: bool) -> pd.DataFrame:
    """A row for every accuracy and loss: seed, arm, round, agent, measure, value; and one for every
    yield, with agent -1. Round 0 of every arm is where its agents began.

    features: with what the comparison of features found, agent -1, too.
    """
    rows: list[dict[str, Any]] = []
    for seed in range(study.seeds):
        exam, failed_by = make_exam(study, seed)
        for arm in study.arms:
            run = Run.open(study.path(seed, arm))
            of_run = [*_courses(run), *_yields(run), *_culture(study, seed, arm, exam, failed_by)]
            if features:
                of_run += [*_features(study, seed, 0, BASE)]
                of_run += [*_features(study, seed, study.options.rounds, arm)]
            rows += [{"seed": seed, "arm": arm, **row} for row in of_run]
    return pd.DataFrame(rows)


def _courses(run: Run) -> list[dict[str, Any]]:
    """What was measured on the world and on held-out tasks after every round."""
    rows = []
    for agent in run.agents:
        state = run.agent_state(agent)
        course = state.course if state else ()
        if not course:
            raise UserError(f"agent {agent} of {run.path} is not trained; run the study again")
        # What agents began with was measured when their first round began.
        began = {"transfer_after": course[1]["transfer_before"]} if len(course) > 1 else {}
        for entry in [{**course[0], **began}, *course[1:]]:
            exams = {"world": entry["final_test"], "transfer": entry["transfer_after"]}
            for name, exam in exams.items():
                if exam is not None:
                    rows += _both(entry["round"], agent, name, exam["accuracy"], exam["loss"])
    return rows


def _yields(run: Run) -> list[dict[str, Any]]:
    store = CultureStore(run.path / "culture")
    return [
        _row(number, -1, "yield", read_summary(store, number)["yield"]) for number in store.rounds()
    ]


def make_exam(study: StudyRuns, seed: int) -> tuple[QuizBatch, NDArray[np.int16]]:
    """The culture that a seed's agents are examined on, B quizzes asked in both directions.

    What they kept as they began, before any arm: so that one of them fails each quiz holds for all
    arms alike. Nothing that an arm kept is among it. Also int16 [2 B], which agent failed it.
    """
    world = study.options.quiz_world
    store = CultureStore(study.path(seed, EXAM) / "culture")
    table = store.table(1).filter(store.table(1)["keep"])
    arms = [CultureStore(study.path(seed, arm) / "culture").hashes() for arm in study.arms]
    fresh = ~np.isin(hashes_of(table), np.concatenate(arms))
    exam, failed_by = quizzes_of(table)[fresh], array_of(table, "dissenter")[fresh]
    asked = concatenate([world.arrange(exam, layout) for layout in world.directions])
    return asked, np.tile(failed_by, len(world.directions))


def _culture(
    study: StudyRuns, seed: int, arm: str, exam: QuizBatch, failed_by: NDArray[np.int16]
) -> list[dict[str, Any]]:
    """What agents make of the exam: as they began and as they ended."""
    if not len(exam):
        return []
    accelerator, rounds = Accelerator(cpu=True), study.options.rounds
    rows = []
    for number, name in ((0, BASE), (rounds, arm)):
        run, correct = Run.open(study.path(seed, name)), []
        for agent in run.agents:
            model = run.load_agent(agent)
            evaluation = evaluate(model, study.options.world, exam, accelerator)
            rows += _both(number, agent, "culture", evaluation.accuracy, evaluation.loss)
            correct.append(score(model, study.options.world, exam).correct)
        failed = failed_by == np.arange(len(correct))[:, None]
        for measured, chosen in zip(BY_PART, (failed, ~failed), strict=True):
            rows.append(_row(number, -1, measured, float(np.array(correct)[chosen].mean())))
    return rows


def _features(study: StudyRuns, seed: int, number: int, name: str) -> Iterator[dict[str, Any]]:
    """What the agents of a run share, by the first comparison that the study asks for."""
    run = Run.open(study.path(seed, name))
    first = dictionary_configs(run.config)[0]
    place = f"{first.site}/{first.name}"  # there may be others, of earlier options
    universality = run.summary()["features"][place]["universality"]
    for measured, key in FEATURES.items():
        if universality[key] is not None:
            yield _row(number, -1, measured, universality[key])


def _both(number: int, agent: int, exam: str, accuracy: float, loss: float) -> list[dict[str, Any]]:
    return [
        _row(number, agent, exam, accuracy),
        _row(number, agent, LOSS.format(exam), loss),
    ]


def _row(number: int, agent: int, name: str, value: float) -> dict[str, Any]:
    return {"round": number, "agent": agent, "measure": name, "value": value}


def compare(results: pd.DataFrame, rounds: int) -> list[dict[str, Any]]:
    """For each arm and measure: the mean after the last round, what it gained since round 0, how
    far it is from the control, and how far full culture is from it, each with its 95 % interval
    over seeds.

    Intervals are Student's t over the seeds' means (over agents); None with a single seed.
    """
    means = results.groupby(["measure", "arm", "round", "seed"])["value"].mean()
    comparisons = []
    for name in MEASURES:
        for arm in results["arm"].unique():
            last = _by_seed(means, name, arm, rounds)
            if last is None:
                continue
            first = _by_seed(means, name, arm, 1 if name == "yield" else 0)
            control, full = (_by_seed(means, name, other, rounds) for other in (CONTROL, FULL))
            comparisons.append(
                {
                    "measure": name,
                    "arm": arm,
                    "seeds": len(last),
                    "after": interval(last),
                    "gained": None if first is None else interval(last - first),
                    "against_control": None if control is None else interval(last - control),
                    "full_against": None if full is None else interval(full - last),
                    "by_seed": None if control is None else (last - control).tolist(),
                }
            )
    return comparisons


def _by_seed(means: pd.Series, name: str, arm: str, number: int) -> pd.Series | None:
    """Means by seed, None where nothing was measured."""
    try:
        return means.loc[name, arm, number]
    except KeyError:
        return None


def interval(values: pd.Series) -> dict[str, float | None]:
    """``value``, the mean, and ``low`` and ``high``, Student's 95 % interval of it; without NaN."""
    values = values.dropna()
    mean = float(values.mean())
    if len(values) < 2:
        return {"value": mean, "low": None, "high": None}
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    from scipy import stats  # takes a second to load

    reach = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return {"value": mean, "low": mean - reach, "high": mean + reach}
