"""Probes at many sites and places, with their controls, as one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Integer, Shaped
from numpy.typing import NDArray

from agents.circuits.probes.cases import Case, Predictor, Scores, case_of, folds_of, lookup
from agents.circuits.probes.harvest import residual_sites, vectors
from agents.circuits.probes.linear import LinearProbe, ProbeOptions, fit_linear
from agents.circuits.probes.targets import Target
from agents.model import AgentModel
from world import QuizBatch, Stream
from world.core.errors import UserError

AGENT, UNTRAINED, POSITION, SHUFFLED = "agent", "untrained", "position", "shuffled"
NEVER = -50.0
"""Log-probability of a class that no quiz fitted to has."""
Mask = Bool[NDArray[np.bool_], "n T"]


def probe_sites(
    model: AgentModel,
    batch: QuizBatch,
    targets: Sequence[Target],
    sites: Sequence[str] | None = None,
    places: Mapping[str, Mask] | None = None,
    groups: Integer[NDArray[np.integer], " n"] | None = None,
    held_out: Bool[NDArray[np.bool_], " n"] | None = None,
    untrained: AgentModel | None = None,
    given: Mapping[str, Shaped[NDArray[np.generic], "n ..."]] | None = None,
    options: ProbeOptions | None = None,
) -> pd.DataFrame:
    """How well each target can be read at each site and place of n quizzes, beside controls.

    sites: ``residual_sites`` by default. places: by name, the tokens that one probe is fitted to
    and scored on; all by default; ``at`` and ``each_position`` make some. groups: quizzes of equal
    number are never split between fitting and scoring; by default those of equal tokens;
    ``world.canonical_hash`` puts more together. held_out: quizzes scored apart by probes fitted to
    all others, such as those of a length. untrained: a network of the same shape with initial
    weights (``build_model``). given: by name, what else could tell the target, [n] or [n, T], such
    as the length of a quiz: a control that knows it and the position.

    Columns: site, place, target; probe ("agent", "untrained", "shuffled"; "position" and the names
    ``given``, which are no probes but the best that can be told from these alone); minus ("", or
    the control whose score is subtracted, on the same resamples); split ("folds": cross-validated,
    "held out"); metric (see ``scores.resampled_scores``); value, low and high (95 % percentile
    bootstrap over groups), NaN where the target does not vary; tokens, groups (of the place, in
    all splits). Raises UserError on a site, place, target or option that does not fit.
    """
    options = options or ProbeOptions()
    n, T = batch.tokens.shape
    places = places or {"all": np.ones((n, T), dtype=np.bool_)}
    _check_shapes(batch, targets, places)
    number = _equal_tokens(batch) if groups is None else np.unique(groups, return_inverse=True)[1]
    fold = folds_of(number, np.zeros(n, np.bool_) if held_out is None else held_out, options)
    where = _any_of(targets, places)
    rows = _rows(where)
    asked = [
        (place, target, case_of(target, mask, rows, number, fold))
        for place, mask in places.items()
        for target in targets
    ]
    known = [_without_activations(case, given or {}, options) for *_, case in asked]
    chosen = residual_sites(model) if sites is None else tuple(dict.fromkeys(sites))
    records = []
    for site, x, other in _harvested(model, untrained, batch, chosen, where, options):
        for (place, target, case), controls in zip(asked, known, strict=True):
            names = {"site": site, "place": place, "target": target.name}
            scores = _of_activations(case, x, other, options) | controls
            size = {"tokens": len(case.y), "groups": len(np.unique(case.group))}
            records += [names | record | size for record in _records(case, scores)]
    return pd.DataFrame(records)


def fit_probe(
    model: AgentModel,
    batch: QuizBatch,
    target: Target,
    site: str,
    where: Mask | None = None,
    options: ProbeOptions | None = None,
) -> LinearProbe:
    """A probe of one target at a site, fitted to all tokens ``where`` it has a value.

    Nothing is scored; use it on other quizzes. Raises UserError where the target does not vary.
    """
    case, x = _one(model, batch, target, site, where, options or ProbeOptions())
    return _fitted(site, case, x, options or ProbeOptions())


def fit_shuffled(
    model: AgentModel,
    batch: QuizBatch,
    target: Target,
    site: str,
    where: Mask | None = None,
    options: ProbeOptions | None = None,
) -> list[LinearProbe]:
    """The same probe fitted to shuffled labels, once for each of the permutations: a control."""
    options = options or ProbeOptions()
    case, x = _one(model, batch, target, site, where, options)
    return [_fitted(site, other, x, options) for other in _shufflings(case, options)]


def _one(
    model: AgentModel,
    batch: QuizBatch,
    target: Target,
    site: str,
    where: Mask | None,
    options: ProbeOptions,
) -> tuple[Case, NDArray[np.float32]]:
    place = np.ones(batch.tokens.shape, dtype=np.bool_) if where is None else where
    _check_shapes(batch, [target], {"all": place})
    place = place & ~np.isnan(target.values)
    (_, x), *_ = vectors(model, batch, [site], place, options.memory)
    quizzes = _equal_tokens(batch)
    case = case_of(target, place, _rows(place), quizzes, np.zeros(len(batch), dtype=np.int64))
    if len(np.unique(case.y)) < 2:
        raise UserError(f"{target.name!r} does not vary there, so that no probe can be fitted")
    return case, x


def _fitted(site: str, case: Case, x: NDArray[np.float32], options: ProbeOptions) -> LinearProbe:
    y = case.y if case.kind == "number" else case.classes[case.y.astype(np.int64)]
    return fit_linear(site, case.kind, x[case.index], y, options.penalty)


def _check_shapes(batch: QuizBatch, targets: Sequence[Target], places: Mapping[str, Mask]) -> None:
    shape = batch.tokens.shape
    named = {t.name: t.values.shape for t in targets} | {p: m.shape for p, m in places.items()}
    for name, got in named.items():
        if got != shape:
            raise UserError(f"{name!r} must be {list(shape)} like the tokens, got {list(got)}")
    if not _any_of(targets, places).any():
        raise UserError("no target has a value at any place")


def _any_of(targets: Sequence[Target], places: Mapping[str, Mask]) -> NDArray[np.bool_]:
    known = np.any([~np.isnan(target.values) for target in targets], axis=0)
    return np.asarray(known & np.any(list(places.values()), axis=0))


def _rows(where: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Quiz and position of every token, in the order in which they are harvested."""
    quiz, position = np.nonzero(where)
    return quiz, position


def _equal_tokens(batch: QuizBatch) -> NDArray[np.int64]:
    """[n]: equal for quizzes of equal tokens."""
    return np.unique(batch.tokens, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _harvested(
    model: AgentModel,
    untrained: AgentModel | None,
    batch: QuizBatch,
    sites: Sequence[str],
    where: Mask,
    options: ProbeOptions,
) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.float32] | None]]:
    """By site: activations of the agent, and of the untrained network."""
    own = vectors(model, batch, sites, where, options.memory)
    if untrained is None:
        yield from ((site, x, None) for site, x in own)
        return
    others = vectors(untrained, batch, sites, where, options.memory)
    yield from ((site, x, y) for (site, x), (_, y) in zip(own, others, strict=True))


def _without_activations(
    case: Case,
    given: Mapping[str, Shaped[NDArray[np.generic], "n ..."]],
    options: ProbeOptions,
) -> dict[str, Scores]:
    """Scores of what the position, alone and with other things, tells; the same at all sites."""
    if not case.askable:
        return {}
    found = {POSITION: case.scores(lookup(case, case.position), options)}
    for name, values in given.items():
        known = values[case.quiz, case.position] if values.ndim == 2 else values[case.quiz]
        _, number = np.unique(known, return_inverse=True)
        both = number * (case.position.max() + 1) + case.position
        found[name] = case.scores(lookup(case, both), options)
    return found


def _of_activations(
    case: Case,
    x: NDArray[np.float32],
    untrained: NDArray[np.float32] | None,
    options: ProbeOptions,
) -> dict[str, Scores]:
    if not case.askable:
        return {}
    found = {AGENT: case.scores(_probing(case, x, options), options)}
    if untrained is not None:
        found[UNTRAINED] = case.scores(_probing(case, untrained, options), options)
    runs = [
        other.scores(_probing(other, x, options), options)
        for other in _shufflings(case, options)
        if other.askable
    ]
    if runs:
        found[SHUFFLED] = {key: np.mean([run[key] for run in runs], axis=0) for key in runs[0]}
    return found


def _shufflings(case: Case, options: ProbeOptions) -> list[Case]:
    stream = Stream(options.seed, "probe-labels")
    return [case.shuffled(stream.generator(i)) for i in range(options.permutations)]


def _probing(case: Case, x: NDArray[np.float32], options: ProbeOptions) -> Predictor:
    """Predicts by a probe of the activations harvested."""

    def predict(fit: NDArray[np.bool_], test: NDArray[np.bool_]) -> NDArray[np.float64]:
        probe = fit_linear("", case.kind, x[case.index[fit]], case.y[fit], options.penalty)
        unseen = x[case.index[test]]
        if case.kind == "number":
            return probe.read(unseen)
        odds = np.full((len(unseen), len(case.classes)), NEVER)
        odds[:, probe.classes] = probe.log_odds(unseen)
        return odds

    return predict


def _records(case: Case, scores: Mapping[str, Scores]) -> Iterator[dict[str, object]]:
    """Rows of the table: every score, and how far the agent's is above each control."""
    if AGENT not in scores:
        metrics = ("r2",) if case.kind == "number" else ("auroc", "balanced_accuracy")
        empty = np.full(2, np.nan)
        for metric in metrics:
            yield _record(AGENT, "", ("folds", metric), empty)
        return
    for probe, found in scores.items():
        for key, values in found.items():
            yield _record(probe, "", key, values)
            if probe != AGENT:
                yield _record(AGENT, probe, key, scores[AGENT][key] - values)


def _record(
    probe: str, minus: str, key: tuple[str, str], values: NDArray[np.float64]
) -> dict[str, object]:
    known = values[1:][~np.isnan(values[1:])]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    split, metric = key
    value = {"value": float(values[0]), "low": float(low), "high": float(high)}
    return {"probe": probe, "minus": minus, "split": split, "metric": metric, **value}
