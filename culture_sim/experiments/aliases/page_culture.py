"""What the page shows of populations whose agents train on different cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from culture_sim.experiments.aliases import Aliases, plots
from culture_sim.experiments.aliases.apart import AGENTS, EXAM, EXAM_SHARE, NOBODY, OTHERS
from culture_sim.experiments.aliases.culture_rows import Told, accuracy, taken_up
from culture_sim.experiments.aliases.results import Found
from culture_sim.experiments.aliases.rounds import KINDS, Rounds
from culture_sim.experiments.findings import Plot, Section, Shown


def culture(found: Found) -> Section:
    """What was kept, what became of it, and what agents answered after it."""
    kept = [
        line
        for unit, rounds in found.populations.items()
        for told in rounds[1:]
        for line in _kept(unit, told)
    ]
    taken = [_taken(unit, rounds) for unit, rounds in found.populations.items()]
    return Section(
        "Culture among agents that know different cells",
        _text(found.options),
        [
            Shown(
                "Rows voted on and kept, by who trains on their cell",
                ("population", "voted on", "right", "kept", "if independent", "of them right"),
                kept,
            ),
            Shown(
                "Answers of kept rows that agents took up, of those that they had not given, in "
                "all rounds",
                ("population", "of right rows", "of wrong rows"),
                taken,
            ),
            Shown(
                "Cells answered, all agents of a population together",
                ("population", OTHERS, NOBODY, EXAM),
                [*_answered(found.populations), *_pooled(found)],
            ),
        ],
        [
            Plot(
                "culture",
                f"Cells answered by round that {OTHERS} and not the agent itself, and cells of the "
                f"exam; a line a population, dashed the agent that trains on all",
                partial(plots.culture, found=found),
                (7.2, 2.8),
            )
        ],
    )


def _text(options: Aliases) -> list[str]:
    known = options.allotment(0).known
    return [
        f"Five agents of one table do without {options.missing:.0%} of its cells each, others "
        f"each: {known:.0%} of the cells are trained on by {options.owners} of the {AGENTS}, "
        f"{1 - known - EXAM_SHARE:.0%} by nobody, and {EXAM_SHARE:.0%} are an exam that no lesson "
        f"shows. They learn for {options.member_steps:,} steps; then, {options.rounds} times, "
        f"{options.proposals:,} rows are proposed, all vote, and every agent takes "
        f"{options.lesson} steps on its own cells, of which {options.culture_share:.0%} give way "
        f"to what was kept: rows on which four of five agree (full), as many of those voted on "
        f"by chance (random_filter), or nothing (none).",
        "“If independent” is the share that would be kept if every agent agreed as often, but "
        "whatever the others do. The share of right rows among those voted on is what a "
        "filter by chance keeps.",
    ]


def _kept(unit: Rounds, told: Told) -> list[list[str]]:
    lines = []
    for kind in KINDS:
        figures = told["rows"][kind]
        (voted, right), (kept, kept_right) = figures["voted"], figures["kept"]
        if voted:
            lines.append(
                [
                    f"seed {unit.seed}, {unit.arm}, round {told['round']}, {kind}",
                    f"{voted:,}",
                    f"{right / voted:.1%}",
                    f"{kept:,} ({kept / voted:.1%})",
                    f"{figures['independent']:.1%}",
                    f"{kept_right / kept:.1%}" if kept else "-",
                ]
            )
    return lines


def _taken(unit: Rounds, rounds: Sequence[Told]) -> list[str]:
    counts = (taken_up(rounds, name) for name in ("right", "wrong"))
    return [f"seed {unit.seed}, {unit.arm}", *(f"{hits:,} of {total:,}" for hits, total in counts)]


def _answered(populations: Mapping[Rounds, Sequence[Told]]) -> list[list[str]]:
    return [
        [
            f"seed {unit.seed}, {unit.arm}",
            *(f"{accuracy(rounds[0], kind):.1%} → {accuracy(rounds[-1], kind):.1%}" for kind in OF),
        ]
        for unit, rounds in populations.items()
    ]


OF = (OTHERS, NOBODY, EXAM)


def _pooled(found: Found) -> list[list[str]]:
    lines = []
    for member, answers in found.pooled.items():
        shares = (f"{hits / total:.1%}" if total else "-" for hits, total in answers.values())
        lines.append([f"seed {member.seed}, one that trains on all of theirs", *shares])
    return lines
