"""What is claimed of links, and the rules by which it is judged, fixed beforehand.

The source hoped that links join what two tables show; it reports no result. The null is two tables
without links: as much to learn from, and as many steps, but for the links.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from culture_sim.experiments.aliases.agent import accuracy
from culture_sim.experiments.aliases.arms import ALONE, DERANGED, JOINED, LINKED, TAGGED, TWO
from culture_sim.experiments.aliases.exam import NEITHER, OTHER, SURE, UNSURE
from culture_sim.experiments.aliases.features import BY_CHANCE, READ
from culture_sim.experiments.aliases.inside import (
    DOUBTED,
    LINKED_ALIAS,
    OTHER_ALIAS,
    TRUSTED,
)
from culture_sim.experiments.aliases.results import NEVER, Found
from culture_sim.experiments.findings import Answer, Verdict
from culture_sim.study.results import interval

SEEDS = 3
"""Fewer seeds decide nothing."""
MARGIN = 0.05
"""A difference in accuracy below it is none."""


def judge(found: Found) -> list[Verdict]:
    """Of all claims."""
    return [
        _a_window(found),
        _difference(found, LINKED, TWO, "Links help more than a second table does"),
        _difference(found, DERANGED, TWO, "Links that mislead help more than none"),
        _difference(
            found,
            JOINED,
            TWO,
            "Evidence of both tables would help if their alphabets were one",
            evidence=(NEITHER,),
        ),
        _alignment_first(found),
        _stands_for(found),
        *_features(found),
        *_tags(found),
    ]


def _a_window(found: Found) -> Verdict:
    """Is there a share at which links make the difference?"""
    said, linked_where_alone_fails = [], []
    for share in found.compared:
        alone, linked = (found.learned(arm, share) for arm in (ALONE, LINKED))
        said.append(f"at {share:g}: {_counted(alone)} alone, {_counted(linked)} linked")
        if not any(alone):
            linked_where_alone_fails.append(linked)
    enough = found.options.seeds >= SEEDS and bool(linked_where_alone_fails)
    answer: Answer = "open" if any(map(any, linked_where_alone_fails)) else "refuted"
    if any(map(all, linked_where_alone_fails)):
        answer = "confirmed"
    return Verdict(
        "There is a share held out at which one table alone is not learned, and two that are "
        "linked are",
        f"confirmed where at some share no seed alone and every seed linked learns the table; "
        f"refuted where no linked seed learns it at any share at which none does alone; without "
        f"such a share, or with fewer than {SEEDS} seeds, open",
        answer if enough else "open",
        "; ".join(said) or "no share was compared",
    )


def _counted(steps: Sequence[int | None]) -> str:
    learned = [step for step in steps if step is not None]
    after = f" after {min(learned):,} to {max(learned):,} steps" if learned else f" ({NEVER})"
    return f"{len(learned)} of {len(steps)} learn it{after}"


def _difference(
    found: Found,
    one: str,
    other: str,
    claim: str,
    evidence: Sequence[str] = (),
) -> Verdict:
    """Is one arm's final accuracy above another's, over seeds, at the shares compared?"""
    of = f" that are {evidence[0]}" if evidence else ""
    what = (
        f"the difference in accuracy on held-out numbers{of} between the arms {one!r} and {other!r}"
    )
    return _over_shares(
        claim,
        what,
        [found.final(one, s, evidence) - found.final(other, s, evidence) for s in found.compared],
    )


def _stands_for(found: Found) -> Verdict:
    """Does the alias of x do for x, as the network reads it?"""
    kept = partial(found.inside, LINKED)
    sites = ("exchanged", "blocks.0.hook_resid_pre")
    return _over_shares(
        "An alias that is linked with a number does for it in a row of numbers",
        "of linked agents and their right answers to cells trained on, the share that stays when "
        "the alias linked with x is read for x, less that with another alias",
        [kept(s, *sites, LINKED_ALIAS) - kept(s, *sites, OTHER_ALIAS) for s in found.compared],
    )


def _tags(found: Found) -> list[Verdict]:
    """Does a network believe the links that are tagged reliable?"""
    kept = partial(found.inside, TAGGED)
    sites = ("exchanged", "blocks.0.hook_resid_pre")
    return [
        _over_shares(
            "An alias linked as reliable does for its number more than one linked as unreliable",
            "of agents whose links are tagged and their right answers to cells trained on, the "
            "share that stays when x is read as its own alias, where that is linked with it as "
            "reliable, less the same where it is linked with it as unreliable",
            [kept(s, *sites, TRUSTED) - kept(s, *sites, DOUBTED) for s in found.compared],
        ),
        _over_shares(
            "Held-out cells of numbers with reliable links are answered more often",
            f"the difference in accuracy of agents whose links are tagged on held-out numbers that "
            f"are {OTHER}, where {SURE} and where {UNSURE}",
            [
                found.final(TAGGED, s, (SURE,)) - found.final(TAGGED, s, (UNSURE,))
                for s in found.compared
            ],
        ),
    ]


def _features(found: Found) -> list[Verdict]:
    """Do features fire for linked letters alike?"""
    alike = partial(found.alike, where=READ)
    linked = [alike(LINKED, s) for s in found.compared]
    told = "of agents with links, the mean correlation over numbers of what features are at a "
    return [
        _over_shares(
            "Features fire alike for a number and the alias linked with it",
            f"{told}number and at the alias linked with it, {READ}, less that of permuted pairings",
            [
                one - alike(LINKED, s, BY_CHANCE)
                for one, s in zip(linked, found.compared, strict=True)
            ],
        ),
        _over_shares(
            "They do so more than where there are no links",
            f"{told}number and at the alias linked with it, {READ}, less that in agents of two "
            f"tables without links",
            [one - alike(TWO, s) for one, s in zip(linked, found.compared, strict=True)],
        ),
    ]


def _over_shares(claim: str, what: str, by_share: Sequence[np.ndarray]) -> Verdict:
    """Is a difference above 0? by_share: for each share compared, float64 [seeds]."""
    mean = np.mean(by_share, axis=0) if by_share else np.zeros(0)
    what = f"{what}, when training ends, a mean over the shares compared"
    return over_seeds(claim, what, mean)


def over_seeds(claim: str, what: str, differences: np.ndarray) -> Verdict:
    """Is a difference above 0? differences: float64 [seeds], NaN where there is none."""
    rule = (
        f"{what}, by seed: confirmed if its 95 % interval is above 0, refuted if it is below "
        f"{MARGIN:g}; with fewer than {SEEDS} seeds open"
    )
    known = pd.Series(differences, dtype=np.float64).dropna()
    if len(known) < SEEDS:
        return Verdict(claim, rule, "open", f"seeds that can be compared: {len(known)}")
    told = interval(known)
    low, high = told["low"], told["high"]
    assert low is not None
    assert high is not None
    answer: Answer = "confirmed" if low > 0 else "refuted" if high < MARGIN else "open"
    return Verdict(claim, rule, answer, f"{told['value']:+.3f} ({low:+.3f} to {high:+.3f})")


def _alignment_first(found: Found) -> Verdict:
    """Do embeddings of linked letters become alike before held-out cells are answered?"""
    orders = []
    for share in found.compared:
        for curve in found.of(LINKED, share):
            if max(accuracy(point) for point in curve) < 0.5:
                continue
            alike = [p["alignment"]["linked"] - p["alignment"]["any"] for p in curve]
            answered = next(k for k, point in enumerate(curve) if accuracy(point) >= 0.5)
            half = max(alike) / 2
            orders.append(half > 0 and any(value >= half for value in alike[:answered]))
    rule = (
        "of linked agents that answer half of the held-out numbers at some time: confirmed if in "
        "all of them embeddings of linked letters are half as much more alike than any pair as "
        "they ever get at an earlier examination than that; refuted if in none; with fewer than "
        f"{SEEDS} such agents open"
    )
    answer: Answer = "open"
    if len(orders) >= SEEDS:
        answer = "confirmed" if all(orders) else "open" if any(orders) else "refuted"
    return Verdict(
        "Linked letters are embedded alike before held-out cells are answered",
        rule,
        answer,
        f"in {sum(orders)} of {len(orders)} agents",
    )
