"""The page of the experiment, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from culture_sim.experiments.birds import ARMS, plots
from culture_sim.experiments.birds.accuracy import BOTH, DIRECTIONS, IN_WORLD
from culture_sim.experiments.birds.drift import (
    FATES,
    KEPT,
    OF_FLYING,
    PROPOSED,
    REJECTED,
    SAMPLED,
    VERDICTS,
    frames_table,
)
from culture_sim.experiments.birds.patching import FOLLOWS, MOVED, PLACES
from culture_sim.experiments.birds.probing import KINDS
from culture_sim.experiments.birds.results import Found, over_seeds
from culture_sim.experiments.birds.rounds import quizzes_kept
from culture_sim.experiments.findings import Plot, Section, Shown
from world import QuizBatch

NONE = "-"
BY = ("bounces", "walls", "distance")
"""What accuracy in the agents' world is drawn by."""
TOLD = ("birds", *OF_FLYING, "flies", *VERDICTS.values(), "strays", "illegal", "empty", "still")
"""Measures of drift in the page's table."""
PICTURES = 6
"""Quizzes of each kind that the page draws."""


def sections(found: Found) -> list[Section]:
    """All that the page shows."""
    shown = [_agents(found), _accuracy(found), _drift(found), *_pictures(found)]
    if found.options.patched:
        shown.append(_patching(found))
    if found.options.probed:
        shown.append(_probes(found))
    return shown


def _agents(found: Found) -> Section:
    rows = []
    for agent, state in found.states.items():
        test = state.final_test
        accuracy = (
            NONE if test is None else f"{test.accuracy:.1%} ({test.low:.1%} to {test.high:.1%})"
        )
        seconds = f"{state.seconds:.0f}"
        rows.append([f"seed {agent.seed}, {agent.number}", f"{state.quizzes:,}", accuracy, seconds])
    table = Shown(
        "Agents as culture found them; Wilson's 95 % intervals over quizzes that ended no training",
        ["agent", "quizzes learned from", "answered exactly", "processor seconds"],
        rows,
    )
    return Section("Agents", tables=[table])


def _accuracy(found: Found) -> Section:
    whole = found.accuracy[found.accuracy["by"] == ""]
    before, after = (whole[whole["arm"] == ""], whole[whole["arm"] != ""])
    columns = [*DIRECTIONS, BOTH]
    told = over_seeds(before, ["exam", "law", "direction"])
    exams = Shown(
        "Answered exactly before culture: means of seeds, Student's 95 % intervals",
        ["quizzes", "answered by the law of", *columns],
        _pivot(told, ["exam", "law"], "direction", columns),
    )
    changed = over_seeds(after[after["direction"] == BOTH], ["exam", "law", "arm"])
    arms = Shown(
        "After the last round, by arm",
        ["quizzes", "answered by the law of", *ARMS],
        _pivot(changed, ["exam", "law"], "arm", list(ARMS)),
    )
    text = (
        "Walls are those met by the bird that meets most. Distance is in moves of a king, between "
        "the nearest cells of two birds in either frame; 4 stands for more, too. An agent is not "
        "told the speed, and the frames that it is given look alike at all speeds: it must fail "
        "quizzes of another one by their own law. By that which it learned they are quizzes of its "
        "world, which it may have learned from, or a bird covers another in the answer. Of one "
        "bird, and of two, there are few quizzes: many that are asked differ in colours alone."
    )
    own = found.accuracy[(found.accuracy["arm"] == "") & (found.accuracy["exam"] == IN_WORLD)]
    plot = Plot(
        "accuracy",
        "Unseen quizzes of the agents' world: means of seeds with Student's 95 % intervals.",
        partial(plots.accuracy_plot, table=own, by=BY),
        (7.2, 2.6),
    )
    return Section("Where agents fail", [text], [exams, arms], [plot])


def _drift(found: Found) -> Section:
    last = found.drift[found.drift["round"] == found.options.rounds]
    kinds = (PROPOSED, KEPT, REJECTED, SAMPLED)
    tables = []
    for arm in ARMS:
        told = over_seeds(last[last["arm"] == arm], ["measure", "quizzes"])
        fates = [f"{name} proposals" for name in FATES]
        told = told[told["measure"].isin([*TOLD, *fates])]
        rows = _pivot(told, ["measure"], "quizzes", list(kinds))
        tables.append(Shown(f"Arm {arm}, round {found.options.rounds}", ["", *kinds], rows))
    judged = [
        [each.claim.name, each.contrast.name, each.answer, each.because] for each in found.judged
    ]
    claims = Shown(
        "What full culture keeps, less what is proposed without culture; the two parts of this "
        "difference; and what full culture proposes, less what random culture does",
        ["claim", "contrast", "verdict", "by"],
        judged,
    )
    text = (
        "Proposed are the quizzes that were voted on; kept and rejected are parts of them. Sampled "
        "are quizzes of the agents after the round, unsifted: trivial ones and repeats count too. "
        "Birds, more birds and occluded are of the quizzes that fly by the law."
    )
    plot = Plot(
        "drift",
        "By round, proposed (dashed) and kept: means of seeds with Student's 95 % intervals.",
        partial(plots.drift_plot, drift=found.drift),
        (7.6, 4.6),
    )
    return Section("What culture drifts to", [text], [claims, *tables], [plot])


def _pictures(found: Found) -> Iterator[Section]:
    """Quizzes of full culture's last round, of the first seed, of whichever agents."""
    full = next(unit for unit in found.options.rounds_of(0) if unit.arm == ARMS[-1])
    kept, rejected = quizzes_kept(found.place, full, found.options.rounds)
    for name, quizzes in ((KEPT, kept), (REJECTED, rejected)):
        if len(quizzes):
            title = f"Quizzes that full culture {name} in the last round"
            apart = max(1, len(quizzes) // PICTURES)
            text = f"Some of the first seed's {len(quizzes):,}, at equal distances."
            yield Section(title, [text], pictures=list(_drawn(found, quizzes[::apart][:PICTURES])))


def _drawn(found: Found, quizzes: QuizBatch) -> Iterator[tuple[str, str]]:
    world = found.options.world
    told = frames_table(world, quizzes)
    for number in range(len(quizzes)):
        of = told.iloc[number]
        caption = f"{of['verdict']}; {of['birds']} birds, {of['hidden']} cells hidden"
        yield world.svg(quizzes, number), caption


def _patching(found: Found) -> Section:
    tables = []
    for measure in (MOVED, FOLLOWS):
        some = found.patched[found.patched["measure"] == measure]
        entered = some[some["site"] == some["site"].iloc[0]] if len(some) else some
        told = over_seeds(entered, ["place", "group"])
        cells = list(dict.fromkeys(told["group"]))
        tables.append(
            Shown(
                f"{measure.capitalize()}: cells of the answer, patched as they enter the network; "
                f"both changes and both directions together",
                ["patched in the given frame", *cells],
                _pivot(told, ["place"], "group", cells),
            )
        )
    text = (
        "In the given frame the cells of one bird, or others, hold what they hold for a quiz in "
        "which that bird flies elsewhere. Moved: total variation distance of what the agent "
        "expects at a cell. Follows: the most probable value is that of the other quiz's answer. "
        "Cells of the answer are named by when the bird has them: only before the patch, only "
        "after it, in both."
    )
    shown = [
        Plot(
            f"patching-{measure}",
            f"{measure.capitalize()} when {PLACES[0]}'s cells are patched, by site.",
            partial(plots.patching_plot, patched=found.patched, measure=measure),
            (7.2, 3.2),
        )
        for measure in (MOVED, FOLLOWS)
    ]
    return Section("One bird's cells, patched", [text], tables, shown)


def _probes(found: Found) -> Section:
    text = (
        "Rows and columns of heads by ridge regression (R²), heading and whether the bird meets a "
        "wall by logistic regression (balanced accuracy). Controls: an untrained network, "
        "shuffled labels, the position alone."
    )
    plot = Plot(
        "probes",
        "What is read of a bird at two moments, by place in the network.",
        partial(plots.probes_plot, probed=found.probed, targets=tuple(KINDS)),
        (7.6, 4.2),
    )
    return Section("What can be read of a bird", [text], plots=[plot])


def _pivot(told: pd.DataFrame, keys: list[str], across: str, columns: list[str]) -> list[list[str]]:
    """Rows of cells: the keys, then a figure for each column."""
    rows = []
    for names, some in told.groupby(keys, sort=False):
        by = {each[across]: each for each in some.to_dict("records")}
        rows.append([*names, *(_figure(by[name]) if name in by else NONE for name in columns)])
    return rows


def _figure(told: dict[str, float]) -> str:
    value, low, high = told["value"], told["low"], told["high"]
    return f"{value:.3f}" if pd.isna(low) else f"{value:.3f} ({low:.3f} to {high:.3f})"
