"""What the page shows of the inside of agents."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from culture_sim.experiments.aliases import plots
from culture_sim.experiments.aliases.agent import read_spectra
from culture_sim.experiments.aliases.arms import FEATURED, LINKED, TAGGED, TWO
from culture_sim.experiments.aliases.exam import SURE, UNSURE
from culture_sim.experiments.aliases.features import ANSWERED, PAIRINGS, READ
from culture_sim.experiments.aliases.inside import (
    ALL,
    DOUBTED,
    KEYS,
    LINKED_ALIAS,
    MISLED,
    OTHER_ALIAS,
    RANDOM,
    REST,
    TRUSTED,
    WAVES,
)
from culture_sim.experiments.aliases.results import Found
from culture_sim.experiments.findings import Plot, Section, Shown
from world.aliases.options import LINKS, TASKS

STANDS = (LINKED_ALIAS, OTHER_ALIAS)
BY_TAG = (TRUSTED, DOUBTED, MISLED, OTHER_ALIAS)
"""What stands for x where links have tags."""
SPECTRA_OF = (TWO, LINKED)
"""Arms whose spectra are drawn."""


def embeddings(found: Found) -> Section:
    """How alike linked letters are, and whether one does for the other."""
    stands = [
        [f"{arm}, {share:.0%}, {site}", *_stays(found, arm, share, site)]
        for share in found.compared
        for arm, options in found.options.arms.items()
        if TASKS[LINKS] in options["tasks"]
        for site in found.curves[found.options.agent(arm, share, 0)][-1]["exchanged"]
    ]
    return Section(
        "Embeddings",
        [
            "The mean cosine of the embeddings of a number and the alias that is linked with it, "
            "less that of a number and any alias. And of answers to cells trained on that are "
            "right: how many stay when the network holds at x what it holds where an alias is read."
        ],
        [Shown("Answers that stay, a mean over seeds", ["x is", *STANDS], stands)],
        [
            Plot(
                "alignment",
                "How alike linked letters are embedded (solid), and held-out numbers answered "
                "(dashed), of linked agents",
                partial(plots.alignments, found=found),
                (7.2, 2.8),
            )
        ],
    )


def _stays(found: Found, arm: str, share: float, site: str) -> list[str]:
    return [percent(found.inside(arm, share, "exchanged", site, name)) for name in STANDS]


def waves(found: Found) -> Section:
    """What waves embeddings hold, and what answers hang on them."""
    share, options = found.compared[0], found.options
    held = (ALL, WAVES, REST, RANDOM)
    rows = []
    for arm in options.arms:
        for of in found.curves[options.agent(arm, share, 0)][-1]["waves"]:
            losses = (found.inside(arm, share, "waves", of, name).mean() for name in held)
            explained = percent(found.inside(arm, share, "waves", of, "share"))
            rows.append([f"{arm}, of {of}", explained, *(f"{loss:.2f}" for loss in losses)])
    spectra = {arm: read_spectra(found.place, options.agent(arm, share, 0)) for arm in SPECTRA_OF}
    return Section(
        "Waves",
        [
            f"Networks that add modulo p embed n as waves of a few frequencies (Nanda et al., "
            f"2023). Of the {KEYS} that explain most of the numbers' embeddings: their share of "
            f"the variance, and the loss on held-out cells, in nats, with embeddings that hold "
            f"these waves alone, all but them, or as many random ones. {share:.0%} of the cells "
            f"held out, means over seeds when training ends. Where squares are added, waves may "
            f"be of n² too."
        ],
        [Shown("Waves of numbers", ["arm", "share", *held], rows)],
        [
            Plot(
                "spectra",
                "Share of the variance of embeddings that each frequency explains, seed 0: of "
                "numbers, of aliases, and of the difference between the two that are linked",
                partial(plots.spectra, spectra=spectra),
                (7.2, 4.4),
            ),
            Plot(
                "progress",
                "Loss on held-out cells by step: with all that embeddings hold (solid), with the "
                "waves alone (dashed) and without them (dotted), a mean over seeds",
                partial(plots.progress, found=found, share=share),
                (7.2, 2.8),
            ),
        ],
    )


def tags(found: Found) -> Section:
    """Whether links that are tagged reliable do more."""
    site = "blocks.0.hook_resid_pre"
    shares = found.compared
    stay = [
        [name, *(percent(found.inside(TAGGED, share, "exchanged", site, name)) for share in shares)]
        for name in BY_TAG
    ]
    answered = [
        [f"{share:.0%}", *(percent(found.final(TAGGED, share, (name,))) for name in (SURE, UNSURE))]
        for share in found.compared
    ]
    return Section(
        "Links that are said to be reliable",
        [
            "Links of half of the numbers have the tag reliable, and are true. The others have the "
            "tag unreliable: one in three is true, two are with the alias of another number. The "
            "tables show which tag is to be trusted. Is a true link that is tagged reliable used "
            "more than one that is tagged unreliable?",
        ],
        [
            Shown(
                "Answers to cells trained on that stay when x is read as an alias, a mean over "
                "seeds, by the alias and its link",
                ["held out", *(f"{share:.0%}" for share in shares)],
                stay,
            ),
            Shown(
                "Held-out cells that are in the other table, a mean over seeds",
                ["held out", SURE, UNSURE],
                answered,
            ),
        ],
        [
            Plot(
                "tags",
                "Answers that stay when x is read as an alias, a point a seed, by the alias and "
                "the tag of its link",
                partial(plots.tags, found=found, site=site, names=BY_TAG),
                (7.2, 2.8),
            )
        ],
    )


def features(found: Found) -> Section:
    """Whether features that fire for a number fire for its alias."""
    heads = ["arm, held out, where", *PAIRINGS]
    return Section(
        "Features",
        [
            "An autoencoder was trained on what each agent holds behind its last block, on rows "
            "that the agent did not train on. A feature has a mean activation at every number and "
            "at every alias. How do the two go together over numbers, and is the alias at which a "
            "feature is strongest that of the number at which it is? Each number is held against "
            "the alias linked with it (where there are no links, its own), its own, and, the null, "
            "any: the mean of permuted pairings. Means over features that tell letters apart, and "
            "over seeds; a feature of one alphabet alone counts as 0.",
        ],
        [
            Shown(
                "Correlation of features at numbers and at aliases",
                heads,
                _features(found, "correlation", lambda values: f"{values.mean():+.3f}"),
            ),
            Shown(
                "Features whose strongest letters go together",
                heads,
                _features(found, "strongest", percent),
            ),
        ],
        [
            Plot(
                "features",
                "Correlation of features at numbers and at aliases, a point a seed, by which "
                "aliases are held against the numbers",
                partial(plots.features, found=found),
                (7.2, 2.8),
            )
        ],
    )


def _features(
    found: Found, figure: str, said: Callable[[NDArray[np.float64]], str]
) -> list[list[str]]:
    """Rows of a table. said: how values by seed are."""
    return [
        [
            f"{arm}, {share:.0%}, {where}",
            *(said(found.alike(arm, share, name, where=where, figure=figure)) for name in PAIRINGS),
        ]
        for share in found.compared
        for arm in FEATURED
        for where in (READ, ANSWERED)
    ]


def percent(values: NDArray[np.float64]) -> str:
    """A mean over seeds, of those that have a value."""
    known = values[~np.isnan(values)]
    return f"{known.mean():.1%}" if len(known) else "-"
