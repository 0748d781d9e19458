"""What is claimed of culture among agents that train on different cells, and how it is judged.

Arms propose from the same seeds and take the same steps; they differ in what lessons show. So the
null of full culture is no culture, and that of its rule as much culture drawn by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from culture_sim.experiments.aliases.apart import OTHERS
from culture_sim.experiments.aliases.claims import over_seeds
from culture_sim.experiments.aliases.culture_rows import Told, accuracy, right_of, taken_up
from culture_sim.experiments.aliases.rounds import RANDOM, Rounds
from culture_sim.experiments.findings import Verdict
from culture_sim.study.arms import CONTROL, FULL

FEWEST = 20
"""Wrong rows and agents that could take them up, in an arm, below which a population is not
counted."""


def judge_culture(populations: Mapping[Rounds, Sequence[Told]]) -> list[Verdict]:
    """Of all claims; by populations, which have a seed each."""
    arms = {
        arm: [told for unit, told in populations.items() if unit.arm == arm]
        for arm in (CONTROL, RANDOM, FULL)
    }
    after = {arm: np.array([accuracy(r[-1]) for r in told]) for arm, told in arms.items()}
    kept, voted = (np.array([right_of(r, name) for r in arms[FULL]]) for name in ("kept", "voted"))
    wrong = {arm: np.array([_wrong(r) for r in told]) for arm, told in arms.items()}
    answered = f"after the last round, the share of cells that {OTHERS}, and not the agent itself, "
    return [
        over_seeds(
            "Culture spreads evidence",
            f"{answered}that agents of full culture answer, less that without culture",
            after[FULL] - after[CONTROL],
        ),
        over_seeds(
            "It is the agreement of four that spreads it",
            f"{answered}that agents of full culture answer, less that with rows drawn by chance",
            after[FULL] - after[RANDOM],
        ),
        over_seeds(
            "Rows on which four of five agree are right more often than those proposed",
            "in all rounds of full culture, the share of right rows among those kept, less that "
            "among those voted on",
            kept - voted,
        ),
        over_seeds(
            "Culture spreads wrong rows",
            "of wrong rows that were kept and agents that had answered otherwise, how many answer "
            "so after the lesson, in all rounds of full culture, less the same without culture, "
            f"where no lesson shows them (populations with fewer than {FEWEST} not counted)",
            wrong[FULL] - wrong[CONTROL],
        ),
    ]


def _wrong(rounds: Sequence[Told]) -> float:
    hits, total = taken_up(rounds, "wrong")
    return hits / total if total >= FEWEST else float("nan")
