"""The page of the experiment, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from agents.circuits.statistics import Interval
from culture_sim.experiments.findings import Plot, Section, Shown
from culture_sim.experiments.names import plots
from culture_sim.experiments.names.agent import IO_AGAIN, OTHER_CLAUSE
from culture_sim.experiments.names.circuit import GIVER, LEARN_BY, SENT
from culture_sim.experiments.names.claims import ANSWERS, CLAIMS, FAILS, HOLDS
from culture_sim.experiments.names.heads import (
    DIRECT,
    INHIBITION,
    KINDS,
    MARGIN,
    MOVER,
    QUERIES,
    RAISES_IO,
    RAISES_S,
    SUPPRESSOR,
)
from culture_sim.experiments.names.ladder import RUNGS
from culture_sim.experiments.names.results import Found, Made, counted
from world.names import flips
from world.names.options import OF_TWO, TASKS

NOTHING = "-"


def sections(found: Found) -> list[Section]:
    """All that the page shows."""
    shown = [_emergence(found), _claims(found), _learn_by(found), _sent(found)]
    return [*shown, _heads(found), _accuracy(found), *_pictures(found)]


def _name(made: Made) -> str:
    return f"rung {made.agent.rung}, {_layers(made.layers)}, seed {made.agent.seed}"


def _layers(number: int) -> str:
    return f"{number} layer{'s' * (number > 1)}"


def _emergence(found: Found) -> Section:
    rows = []
    for rung in found.options.rungs:
        for layers in found.options.layers:
            own = found.of(rung, layers)
            learned = [each for each in own if each.measured is not None]
            ends = sorted(max(each.examined.course) for each in learned)
            rows.append(
                [
                    f"rung {rung}, {_layers(layers)}",
                    f"{len(learned)} of {len(own)}",
                    f"{ends[0]:,} to {ends[-1]:,}" if ends else NOTHING,
                    *(counted(own, kind) for kind in KINDS),
                ]
            )
    ladder = [[f"rung {rung}", RUNGS[rung]] for rung in found.options.rungs]
    return Section(
        "Which parts emerge where",
        [
            f"An agent has learned if it answers {found.options.learned:.0%} of fresh sentences of "
            f"pairs of names that it never saw; of these, so many have heads of each kind. What is "
            f"missing is a result as well.",
        ],
        [
            Shown("Agents with heads of a kind", ["", "learned", "after quizzes", *KINDS], rows),
            Shown("The ladder: each rung has one thing more", ["", "has more"], ladder),
        ],
        [
            Plot(
                "emergence",
                "Share of the agents that learned which have heads of a kind, by rung and number "
                "of layers; grey where none learned",
                partial(plots.emergence, found=found),
                (8.2, 3.2),
            )
        ],
    )


def _claims(found: Found) -> Section:
    rows = []
    for claim in CLAIMS:
        cells = []
        for rung in found.options.rungs:
            answers = [e.judged[claim.name].answer for e in found.of(rung) if e.judged]
            cells.append(_counts(answers))
        rows.append([claim.name, *cells])
    heads = [claim.name for claim in CLAIMS]
    by_agent = [
        [_name(each), *(each.judged[name].answer for name in heads)] for each in found.learned
    ]
    because = [
        [f"{_name(each)}: {name}", each.judged[name].answer, each.judged[name].because]
        for each in found.learned
        for name in heads
        if each.agent.seed == 0 and each.judged[name].answer in (HOLDS, FAILS)
    ]
    return Section(
        "The six claims, by agent",
        [
            f"Effects are shares of the difference of logits between the two names, or of an "
            f"attention; below {MARGIN:.0%} they are none. Sentence and rule of every claim stand "
            f"with its verdict above."
        ],
        [
            Shown(
                f"Agents of every rung in which a claim: {' / '.join(ANSWERS)}",
                ["claim", *(f"rung {rung}" for rung in found.options.rungs)],
                rows,
            ),
            Shown("Answers by agent", ["agent", *heads], by_agent),
            Shown(
                "What decided, where a claim holds or fails, in agents of seed 0",
                ["", "answer", "because"],
                because,
            ),
        ],
    )


def _counts(answers: Sequence[str]) -> str:
    counts = Counter(answers)
    return " / ".join(str(counts[each]) for each in ANSWERS) if answers else NOTHING


def _learn_by(found: Found) -> Section:
    rows = [
        [_name(each), *(_cell(each.measured.effects[way][GIVER]) for way in LEARN_BY.values())]
        for each in found.learned
        if each.measured and LEARN_BY["q"] in each.measured.effects
    ]
    ways = ["told at the end, to queries", "read at S2, by keys", "read at S2, by values"]
    return Section(
        "How heads that work for IO learn who gives",
        [
            f"In sentences in which the other of the two gives, only S2 is another. That a {MOVER} "
            f"or {SUPPRESSOR} learns of it in one of three ways: what its queries read at the end, "
            f"or what its keys or values read at S2, is taken from these sentences. The rest is as "
            f"it was: the change of the difference of logits. No claim is judged by this."
        ],
        [Shown("Effects by way", ["agent", *ways], rows)],
    )


def _sent(found: Found) -> Section:
    having = [each for each in found.learned if each.has(INHIBITION)]
    kinds = [kind for kind in flips.FLIPS if kind not in (flips.S1, flips.S2)]
    rows = [
        [_name(each), *(_cell(each.measured.effects[SENT].get(kind)) for kind in kinds)]
        for each in having
        if each.measured
    ]
    changes = [[kind, flips.FLIPS[kind]] for kind in kinds]
    text = "What they write at the end is taken from sentences in which one thing is another, and "
    text += "read by the movers' queries alone: the change of the difference of logits."
    if not rows:
        text = "No agent has such heads, or none has movers whose queries they could be read by."
    tables = [Shown("Effects by what is changed", ["agent", *kinds], rows)] if rows else []
    return Section(
        "What S-inhibition heads tell movers",
        [text],
        [*tables, Shown("What is changed", ["", "in the sentence"], changes)],
    )


def _cell(found: Interval | None) -> str:
    return NOTHING if found is None else f"{found.mean:+.2f}"


def _heads(found: Found) -> Section:
    rows = []
    for each in found.learned:
        measured = each.measured
        if measured is None:
            continue
        kinds = {
            head: [kind for kind in KINDS if head in measured.kinds[kind]]
            for head in measured.scores
        }
        for head, own in kinds.items():
            if own:
                numbers = measured.parts[head]
                told = (DIRECT, RAISES_IO, RAISES_S, QUERIES)
                cells = [_cell(numbers.get(name)) for name in told]
                rows.append([f"{_name(each)}: {head}", ", ".join(own), *cells])
    columns = ["head", "kinds", DIRECT, RAISES_IO, RAISES_S, QUERIES]
    return Section(
        "Heads",
        [
            f"A {MOVER} works for IO more by raising it than by lowering S, a {SUPPRESSOR} more by "
            f"lowering S."
        ],
        [Shown("All heads that are of a kind, by layer and number", columns, rows)],
        [
            Plot(
                "names",
                "What heads that act on the logits add to either name, as a share of the "
                "difference: a point a head. Movers are at the right, S suppressors below, heads "
                "that move both names above at the right",
                partial(plots.working, found=found),
                (5.0, 3.6),
            )
        ],
    )


def _accuracy(found: Found) -> Section:
    kinds = [*TASKS[:3], TASKS[-1], OTHER_CLAUSE, IO_AGAIN]
    rows = []
    for each in found.agents:
        exam = each.examined.exam
        cells = [_share(exam.get(kind)) for kind in kinds]
        rows.append([_name(each), *cells, _share(each.examined.by_heart)])
    return Section(
        "Accuracy on fresh quizzes",
        [
            f"Sentences of {OF_TWO[0]} and {OF_TWO[1]} ask for one of two names, so that half of "
            f"them can be guessed by who has a name. Pairs of names and templates are held out; "
            f"the last column is what a lookup of all sentences learned from answers of them all. "
            f"With {OTHER_CLAUSE}, or where {IO_AGAIN}, is what no agent learned."
        ],
        [Shown("Answered, by kind", ["agent", *kinds, "known by heart"], rows)],
        [
            Plot(
                "courses",
                "Held-out quizzes of all kinds answered as agents learn: a line an agent",
                partial(plots.courses, found=found),
                (8.2, 2.6),
            )
        ],
    )


def _share(counts: tuple[int, int] | None) -> str:
    return f"{counts[0] / counts[1]:.0%}" if counts and counts[1] else NOTHING


def _pictures(found: Found) -> list[Section]:
    """Of the first agent of the highest rung that was learned, of every depth."""
    shown = []
    for layers in found.options.layers:
        learned = [each for each in found.learned if each.layers == layers]
        if learned:
            last = max(each.agent.rung for each in learned)
            shown.append(next(each for each in learned if each.agent.rung == last))
    if not shown:
        return []
    made = [
        Plot(
            f"attention-{each.layers}",
            f"Mean attention, from the position at the left to that below, {_name(each)}: a panel "
            f"a head. After S1 may stand S2 itself",
            partial(plots.attention, found=found, made=each),
            (6.6, 1.1 + 1.3 * each.layers),
        )
        for each in shown
    ]
    return [Section("Where heads look", plots=made)]
