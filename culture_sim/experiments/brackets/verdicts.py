"""The claims of the experiment, and the rules by which each is confirmed or refuted.

All thresholds are here and were fixed before anything was measured. Intervals of what culture does
were over populations then; now they are over seeds, since populations of a seed share agents.
Functions take plain numbers, so that a test can hold each rule to both answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import pandas as pd
from scipy import stats

from culture_sim.experiments.brackets.rules import FIRST_SYMBOL, NESTING
from culture_sim.experiments.findings import Answer, Verdict
from culture_sim.study.results import interval

ENOUGH = 10
"""Agents of a setting without which its spread is left open; half of them for its mean."""
WIDE, NARROW = 0.5, 0.1
"""Spans of accuracy."""
COUNTS, NESTS = 0.05, 0.95
"""Accuracies out of distribution."""
MOST, HALF = 0.9, 0.5
"""Shares of agents."""
UNDECIDED = "unbalanced strings with equal counts that begin with an opening bracket"
"""To nest is to refuse them; who counts or looks at the first bracket takes them for balanced."""
CHANGED = 0.05
"""Change of accuracy out of distribution that counts as one when a head is ablated."""


def spread(accuracies: Sequence[float]) -> Verdict:
    """accuracies: out of distribution, of learned agents of one setting."""
    low, high = (min(accuracies), max(accuracies)) if accuracies else (0.0, 0.0)
    answer: Answer = "open"
    if len(accuracies) >= ENOUGH:
        answer = _either(high - low >= WIDE, high - low <= NARROW)
    return Verdict(
        "Networks of one setting, alike in distribution, differ widely out of it (two layers, "
        "no weight decay; published: 0.08 to 1).",
        f"of at least {ENOUGH} learned agents without strings of equal counts, the accuracies on "
        f"these span {WIDE} or more; refuted at {NARROW} or less",
        answer,
        _range(accuracies),
    )


def one_layer_counts(accuracies: Sequence[float]) -> Verdict:
    """accuracies: of learned agents of one layer, with weight decay."""
    answer: Answer = "open"
    because = _agents(len(accuracies))
    if accuracies:
        median = float(np.median(accuracies))
        because += f", median {median:.2f}"
        if len(accuracies) >= ENOUGH / 2:
            answer = _either(max(accuracies) <= COUNTS, median > COUNTS)
    return Verdict(
        "With one layer and weight decay every network counts (published: 0.00).",
        f"all learned agents are right on {COUNTS} of unbalanced strings with equal counts "
        f"at most; refuted where their median is above that",
        answer,
        because,
    )


def decay_nests(decayed: Sequence[float], plain: Sequence[float]) -> Verdict:
    """Accuracies of learned agents of two layers, with weight decay and without."""
    answer: Answer = "open"
    because = f"too few agents: {len(decayed)} and {len(plain)}"
    if min(len(decayed), len(plain)) >= ENOUGH / 2:
        value, low, high = welch(decayed, plain)
        answer = _either(low > 0, high < 0)
        because = f"difference {value:+.2f} ({low:+.2f} to {high:+.2f})"
    return Verdict(
        "With two layers, weight decay makes networks nest more (published medians: 0.88 against "
        "0.70).",
        "the mean accuracy on these strings is higher with it, by an interval "
        "(Welch, 95 %) above 0; refuted where that is below 0",
        answer,
        because,
    )


def welch(one: Sequence[float], other: Sequence[float]) -> tuple[float, float, float]:
    """The difference of two means and its 95 % interval (B. L. Welch, 1947)."""
    a, b = np.array(one), np.array(other)
    parts = [x.var(ddof=1) / len(x) for x in (a, b)]
    difference, error = float(a.mean() - b.mean()), sqrt(sum(parts))
    if error == 0:
        return difference, difference, difference
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(x) - 1) for part, x in zip(parts, (a, b), strict=True)
    )
    reach = float(stats.t.ppf(0.975, freedom)) * error
    return difference, difference - reach, difference + reach


def few_suffice(share: float, rules: Sequence[str]) -> Verdict:
    """share: the smallest that is not 0. rules: of learned agents that had so many."""
    nested = _mean([rule == NESTING for rule in rules])
    answer: Answer = "open"
    if len(rules) >= ENOUGH / 2:
        answer = _either(nested >= MOST, nested < HALF)
    return Verdict(
        f"A share of {share:g} of strings with equal counts is enough to make agents nest.",
        f"{MOST:.0%} of learned agents follow the nested rule; refuted below {HALF:.0%}",
        answer,
        _part([rule == NESTING for rule in rules]),
    )


def only_first_symbol(share: float, rules: Sequence[str]) -> Verdict:
    """share: the largest. rules: of learned agents that had so many."""
    first, nested = (_mean([rule == each for rule in rules]) for each in (FIRST_SYMBOL, NESTING))
    answer: Answer = "open"
    if len(rules) >= ENOUGH / 2:
        answer = _either(first >= HALF, nested >= HALF)
    return Verdict(
        "Training on unbalanced strings with equal counts only teaches that a string which begins "
        "with a closing bracket is unbalanced (the source's reading).",
        f"at the largest share, {share:g}, half of the learned agents follow the rule of the first "
        f"symbol; refuted where half follow the nested rule",
        answer,
        f"first symbol: {_part([rule == FIRST_SYMBOL for rule in rules])}; "
        f"nested: {_part([rule == NESTING for rule in rules])}",
    )


def scratchpads_nest(scribes: Sequence[float], plain: Sequence[float]) -> Verdict:
    """Accuracies of learned agents out of distribution, on identical strings, with scratchpads and
    without."""
    answer: Answer = "open"
    if min(len(scribes), len(plain)) > 1:
        worse = float(np.mean(scribes)) <= float(np.mean(plain))
        answer = _either(min(scribes) >= NESTS and max(plain) < NESTS, worse)
    return Verdict(
        "A scratchpad solves strings with equal counts where a classifier trained on the "
        "same strings does not.",
        f"every learned agent with one is right on {NESTS} of them at least, none without; refuted "
        f"where those with one are no better on average; of two agents each at least",
        answer,
        f"with: {_range(scribes)}; without: {_range(plain)}",
    )


def foretold(gain: tuple[float, float, float] | None) -> Verdict:
    """gain: the error from the inside less that from settings, with its interval."""
    answer: Answer = "open"
    because = "too few settings"
    if gain is not None:
        value, low, high = gain
        answer = _either(high < 0, low > 0)
        because = f"difference of mean absolute errors {value:+.3f} ({low:+.3f} to {high:+.3f})"
    return Verdict(
        "What an agent does on strings with equal counts is foretold better from its inside "
        "than from its settings, where its setting was left out.",
        "the error is smaller, by a 95 % interval over settings below 0; refuted above 0",
        answer,
        because,
    )


def heads_disagree(raising: Sequence[bool], lowering: Sequence[bool]) -> Verdict:
    """Whether some head's ablation raises accuracy on strings with equal counts, of agents that do
    not nest; and whether some head's lowers it, of agents that do."""
    answer: Answer = "open"
    up, down = _mean(raising), _mean(lowering)
    if min(len(raising), len(lowering)) >= ENOUGH / 2:
        answer = _either(up >= HALF and down >= HALF, up < HALF and down < HALF)
    return Verdict(
        "Some heads count, and without one accuracy on strings with equal counts rises; others "
        "notice violations, and without one it falls (published).",
        f"by {CHANGED} or more, in half of the agents that do not nest, and that do; refuted "
        f"where neither holds",
        answer,
        f"raised: {_part(raising)} that do not nest; lowered: {_part(lowering)} that do",
    )


def majority_decides(
    minority: Sequence[tuple[int, int]], majority: Sequence[tuple[int, int]]
) -> Verdict:
    """Of kept undecided strings, those with the right verdict and all, by seed: of populations in
    which fewer than half nest, and in which more do."""
    answer: Answer = "open"
    few, many = (
        _bounds([right / kept for right, kept in of if kept]) for of in (minority, majority)
    )
    if few and many:
        answer = _either(few[1] < 0.5 < many[0], few[0] > 0.5 or many[1] < 0.5)
    return Verdict(
        f"What a population keeps of {UNDECIDED} has the verdict of its majority: right where most "
        "agents nest, wrong where most do not.",
        "the share of right verdicts is above one half where most nest and below it where most do "
        "not, by 95 % intervals over seeds; refuted where one of them is on the other side",
        answer,
        f"right: {_of(minority)} where most do not, {_of(majority)} where most nest",
    )


def culture_moves(name: str, expected: int, differences: Sequence[float]) -> Verdict:
    """differences: what full culture changed in accuracy, less what the random filter did, by seed.
    expected: the sign. name: the populations."""
    answer: Answer = "open"
    because = f"too few seeds: {len(differences)}"
    if bounds := _bounds(differences):
        low, high = bounds
        ends = sorted((low * expected, high * expected))
        answer = _either(ends[0] > 0, ends[1] < 0)
        because = (
            f"difference {np.mean(differences):+.3f} ({low:+.3f} to {high:+.3f}), "
            f"{len(differences)} seeds"
        )
    does = "repairs a wrong rule" if expected > 0 else "locks a wrong rule in"
    return Verdict(
        f"Culture {does} where {name}.",
        f"full culture {'raises' if expected > 0 else 'lowers'} accuracy on these strings "
        "against the random filter, by a 95 % interval over seeds on that side of 0; refuted where "
        "it is on the other",
        answer,
        because,
    )


def dips_are_seen(nesting: Sequence[float], others: Sequence[float]) -> Verdict:
    """F1 of the features that tell best whether a string has dipped, by agent."""
    answer: Answer = "open"
    if nesting and others:
        lower = float(np.mean(nesting)) <= float(np.mean(others))
        answer = _either(min(nesting) > max(others), lower)
    return Verdict(
        "Agents that nest have features for “has been below zero”, agents that do not have none.",
        "the best features of every nesting agent tell it with a higher F1 than those of every "
        "other one; refuted where they do not do so on average",
        answer,
        f"nesting: {_range(nesting)}; others: {_range(others)}",
    )


def _bounds(values: Sequence[float]) -> tuple[float, float] | None:
    """Student's 95 % interval of a mean; None with fewer than two values."""
    found = interval(pd.Series(values, dtype="float64")) if values else {}
    low, high = found.get("low"), found.get("high")
    return None if low is None or high is None else (low, high)


def _of(counts: Sequence[tuple[int, int]]) -> str:
    """Hits and all of several, together."""
    return f"{sum(hits for hits, _ in counts)} of {sum(total for _, total in counts)}"


def _either(confirmed: bool, refuted: bool) -> Answer:
    if confirmed:
        return "confirmed"
    return "refuted" if refuted else "open"


def _mean(hits: Sequence[bool]) -> float:
    return sum(hits) / max(len(hits), 1)


def _part(hits: Sequence[bool]) -> str:
    return f"{_mean(hits):.0%} of {_agents(len(hits))}" if hits else _agents(0)


def _range(values: Sequence[float]) -> str:
    span = f", {min(values):.2f} to {max(values):.2f}" if values else ""
    return f"{_agents(len(values))}{span}"


def _agents(number: int) -> str:
    return f"{number or 'no'} agent{'s' * (number != 1)}"
