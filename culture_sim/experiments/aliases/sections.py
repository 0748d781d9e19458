"""The page of the experiment, part by part."""

from __future__ import annotations

from functools import partial

from culture_sim.experiments.aliases import LEARNED, plots
from culture_sim.experiments.aliases.agent import read_picture
from culture_sim.experiments.aliases.arms import ALONE, HALF, JOINED, LINKED, TWO
from culture_sim.experiments.aliases.claims import MARGIN
from culture_sim.experiments.aliases.exam import BOTH, NEITHER, NONE, OTHER
from culture_sim.experiments.aliases.page_culture import culture
from culture_sim.experiments.aliases.page_inside import embeddings, features, percent, tags, waves
from culture_sim.experiments.aliases.results import NEVER, Found
from culture_sim.experiments.findings import Plot, Section, Shown

EVIDENCE = (OTHER, NEITHER)


def sections(found: Found) -> list[Section]:
    """All that the page shows."""
    shown = [_alone(found)]
    if found.compared:
        shown += [_arms(found), embeddings(found), tags(found), waves(found)]
        shown += [features(found)] if found.features else []
        shown.append(_pictures(found))
    shown += [culture(found)] if found.populations else []
    return shown


def _alone(found: Found) -> Section:
    options = found.options
    rows = [[f"{share:.0%}", *_ends(found, ALONE, share)] for share in options.shares]
    return Section(
        "One table alone",
        [
            f"Each agent learned from the cells of one table modulo {options.modulus} that are not "
            f"held out, for at most {options.steps:,} steps of {options.rows} rows. A cell is held "
            f"out with all others that have the same answer by a symmetry. The table counts as "
            f"learned once {LEARNED:.0%} of the held-out cells are answered."
        ],
        [Shown("By share of the cells held out", ["held out", *HEADS], rows)],
        [
            Plot(
                "shares",
                "Held-out numbers answered when training ended, a point a seed, by share held out",
                partial(plots.by_share, found=found),
            )
        ],
    )


HEADS = ("seeds that learn it", "at step", "accuracy in the end")


def _ends(found: Found, arm: str, share: float) -> list[str]:
    steps = found.learned(arm, share)
    learned = sorted(step for step in steps if step is not None)
    return [
        f"{len(learned)} of {len(steps)}",
        _span(learned),
        ", ".join(f"{value:.1%}" for value in found.final(arm, share)),
    ]


def _span(learned: list[int]) -> str:
    """The least and the most of these steps, which rise."""
    ends = dict.fromkeys((*learned[:1], *learned[-1:]))
    return " to ".join(f"{step:,}" for step in ends) or NEVER


def _arms(found: Found) -> Section:
    rows = []
    for share in found.compared:
        for arm in found.options.arms:
            cells = [_mean(found, arm, share, (one,)) for one in EVIDENCE]
            rows.append([f"{arm}, {share:.0%}", *_ends(found, arm, share), *cells])
    heads = [*HEADS, *EVIDENCE]
    halves = [
        [f"{share:.0%}", *(_mean(found, HALF, share, (one,)) for one in (BOTH, NONE))]
        for share in found.compared
    ]
    return Section(
        "Two tables",
        [
            "All arms of a seed hold out the same cells and take as many steps, with as many rows "
            "of each kind in each. Two tables without links are the null; joined, one alphabet is "
            "trained on the cells of both, and only cells that are in neither are held out. The "
            "last two columns are means over seeds, of cells by where else they are trained on. "
            "The benefit of links is how much better linked agents are than those of two tables, "
            "as a share of how much better joined ones are, on cells in neither table."
        ],
        [
            Shown("Held-out cells of the table of numbers", ["arm, held out", *heads], rows),
            Shown(
                "With half of the numbers linked: mean accuracy on held-out cells that are in the "
                "other table",
                ["held out", BOTH, NONE],
                halves,
            ),
            Shown(
                "Benefit of links", ["held out", "linked", "joined", "benefit"], _benefits(found)
            ),
        ],
        [
            Plot(
                "course",
                "Held-out numbers answered by step: a line a seed",
                partial(plots.courses, found=found),
                (7.2, 2.8),
            )
        ],
    )


def _mean(found: Found, arm: str, share: float, evidence: tuple[str, ...]) -> str:
    return percent(found.final(arm, share, evidence))


def _benefits(found: Found) -> list[list[str]]:
    rows = []
    for share in found.compared:
        linked, joined = (
            float(
                (found.final(arm, share, (NEITHER,)) - found.final(TWO, share, (NEITHER,))).mean()
            )
            for arm in (LINKED, JOINED)
        )
        benefit = f"{linked / joined:.2f}" if joined > MARGIN else "-"
        rows.append([f"{share:.0%}", f"{linked:+.1%}", f"{joined:+.1%}", benefit])
    return rows


def _pictures(found: Found) -> Section:
    share = found.compared[0]
    pictures = {
        arm: read_picture(found.place, found.options.agent(arm, share, 0)) for arm in (TWO, LINKED)
    }
    return Section(
        "A whole table",
        plots=[
            Plot(
                "table",
                f"The table of numbers of seed 0, {share:.0%} held out: x by y, cells trained on "
                f"(grey), answered (blue) and not (orange)",
                partial(plots.tables, pictures=pictures),
                (7.2, 3.8),
            )
        ],
    )
