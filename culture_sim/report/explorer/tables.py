"""The tables of a comparison, lined up for the explorer: one row a compared feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from culture_sim.features.folders import CULTURE, SUMMARY, read_table
from culture_sim.features.on_culture.figures import TIMES
from culture_sim.report.explorer.effects import Effects, line_up, read_effects
from culture_sim.report.page.damage import damage_named
from sae.comparison.correspondence import Correspondence
from sae.comparison.examples import QUIZZES
from sae.comparison.significance import MAX_Q
from sae.concepts.tables import TOP

NEEDED = ("matches", "families", "features", "concepts", "quizzes", "examples", "family_examples")
ORIGINS = ("agents", "world", "many", "never")
"""Whose quizzes a feature may fire more on; agents' ``TIMES`` as often; never on the world's."""


@dataclass(frozen=True)
class Occurrence:
    """How often F features fire on quizzes that agents made and on those of the world.

    share, share_other: float64 [F], of the tokens of either, directions weighted alike in both. q:
    float64 [F], of their difference. NaN where it was not tested.
    """

    share: NDArray[np.float64]
    share_other: NDArray[np.float64]
    q: NDArray[np.float64]

    @property
    def ratio(self) -> NDArray[np.float64]:
        """float64 [F]: times more often on agents' quizzes, inf where the world's have none of it;
        NaN where the difference may be chance."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.q <= MAX_Q, self.share / self.share_other, np.nan)

    @property
    def origins(self) -> NDArray[np.bool_]:
        """bool [F, 4]: which of ``ORIGINS`` a feature fires more on."""
        ratio = self.ratio
        return np.stack([ratio > 1, ratio < 1, ratio > TIMES, np.isinf(ratio)], axis=1)


@dataclass(frozen=True)
class Tables:
    """F compared features of A agents, M families; rows of features are named by their place.

    quizzes: those that are shown. features: the F examples with their names. families: the M.
    frequency: float64 [F], share of tokens on which a feature fires. match: int64 [F, A], the
    place of its best match in each agent, -1 for none. r, null_r: float64 [F, A], NaN for none.
    kind: int64 [F, A], place in ``kinds``, 0 for none. kinds: what becomes of features.
    concepts: str [F, TOP], concept_f1: float64 [F, TOP]. shown: int64 [F, QUIZZES], family_shown:
    int64 [M, QUIZZES], places of quizzes, -1 for none. members: int64 [M, A], places of features,
    -1 for none. effects: what ablating features and families changes; None: not known.
    occurrence: what agents' own quizzes do to features; None: not known.
    """

    quizzes: pd.DataFrame
    features: pd.DataFrame
    families: pd.DataFrame
    frequency: NDArray[np.float64]
    match: NDArray[np.int64]
    r: NDArray[np.float64]
    null_r: NDArray[np.float64]
    kind: NDArray[np.int64]
    kinds: tuple[str, ...]
    concepts: NDArray[np.object_]
    concept_f1: NDArray[np.float64]
    shown: NDArray[np.int64]
    family_shown: NDArray[np.int64]
    members: NDArray[np.int64]
    effects: Effects | None
    occurrence: Occurrence | None

    def family_blobs(self, start: int, stop: int, size: int) -> list[bytes]:
        """Activations of families ``start`` .. ``stop``, ``size`` bytes an agent, 0 for one that
        has no member."""
        rows = zip(self.members[start:stop], self.families.activations[start:stop], strict=True)
        blobs = []
        for members, blob in rows:
            lines = np.zeros((len(members), size), dtype=np.uint8)
            lines[members >= 0] = np.frombuffer(blob, np.uint8).reshape(-1, size)
            blobs.append(lines.tobytes())
        return blobs


def read_tables(folder: Path, run: str) -> Tables | None:
    """The tables of one comparison; None where they have no examples, or no feature is compared.

    Raises UserError when one is damaged.
    """
    if not all((folder / f"{name}.parquet").exists() for name in NEEDED):
        return None
    occurs = _read_occurrence(folder / "occurrence.parquet", run)
    effects = read_effects(folder, run)
    remedy = f"make it again with: culture-sim sae --run {run}"
    found = {name: read_table(folder, SUMMARY, name, run) for name in NEEDED}
    with damage_named(f"the tables in {folder} are", f"remove them; {remedy}"):
        return lined_up(found, effects, occurs) if len(found["examples"]) else None


def _read_occurrence(path: Path, run: str) -> pd.DataFrame | None:
    """How often features fire on agents' quizzes and on the world's, None where it is not known."""
    if not path.exists() or not path.with_name(CULTURE).exists():
        return None
    columns = ("agent", "feature", "share", "share_other", "q")
    groups = [("groups", "==", "agents_world")]
    found = read_table(path.parent, CULTURE, path.stem, run, columns, groups)
    return found if len(found) else None


def lined_up(
    found: Mapping[str, pd.DataFrame],
    effects: tuple[pd.DataFrame, pd.DataFrame | None] | None = None,
    occurs: pd.DataFrame | None = None,
) -> Tables:
    """The tables ``NEEDED`` of a comparison by name, with what is known beside them."""
    features = found["examples"].merge(
        found["features"][["agent", "feature", "name", "candidate", "f1"]],
        on=["agent", "feature"],
        how="left",
        validate="one_to_one",
    )
    places = _Places(features)
    agents = sorted(set(found["matches"].agent_a))
    kinds = ("", *(kind.value for kind in Correspondence))
    matches = _matches(found["matches"], places, agents, kinds)
    families = _families(found["families"], found["family_examples"])
    texts, f1 = _concepts(found["concepts"], places)
    quiz = pd.Series(np.arange(len(found["quizzes"])), index=found["quizzes"].quiz)
    return Tables(
        quizzes=found["quizzes"],
        features=features,
        families=families,
        frequency=(1 - features.zero).to_numpy(np.float64),
        kinds=kinds,
        concepts=texts,
        concept_f1=f1,
        shown=_shown(features.quizzes, quiz),
        family_shown=_shown(families.quizzes, quiz),
        members=_members(families, places, agents),
        effects=None if effects is None else _effects(*effects, places),
        occurrence=None if occurs is None else _occurrence(occurs, places),
        **matches,
    )


class _Places:
    """Which row a feature of an agent has."""

    def __init__(self, features: pd.DataFrame) -> None:
        self.size = len(features)
        keys = pd.MultiIndex.from_arrays([features.agent, features.feature])
        self._index = pd.Series(np.arange(self.size), index=keys)

    def of(self, agent: pd.Series, feature: pd.Series) -> NDArray[np.int64]:
        """int64: their rows, -1 for one that is missing or not compared."""
        keys = pd.MultiIndex.from_arrays([agent, feature.fillna(-1).astype(np.int64)])
        return self._index.reindex(keys).fillna(-1).to_numpy(np.int64)


def _matches(
    matches: pd.DataFrame, places: _Places, agents: Sequence[int], kinds: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """The fields of Tables that say what becomes of a feature in each agent."""
    row = places.of(matches.agent_a, matches.feature_a)
    column = np.searchsorted(agents, matches.agent_b)
    kept = row >= 0
    at = row[kept], column[kept]
    shape = places.size, len(agents)
    found = {
        "match": np.full(shape, -1, dtype=np.int64),
        "r": np.full(shape, np.nan),
        "null_r": np.full(shape, np.nan),
        "kind": np.zeros(shape, dtype=np.int64),
    }
    found["match"][at] = places.of(matches.agent_b, matches.feature_b)[kept]
    found["r"][at], found["null_r"][at] = matches.r[kept], matches.null_r[kept]
    names = matches.kind.fillna("").astype(str)
    found["kind"][at] = names.map({kind: k for k, kind in enumerate(kinds)})[kept]
    return found


def _families(families: pd.DataFrame, examples: pd.DataFrame) -> pd.DataFrame:
    if not len(families):
        # An empty table was written without names.
        families = families.assign(name=[], candidate=[], name_f1=[])
    return families.merge(examples.drop(columns="agents"), on="family", validate="one_to_one")


def _concepts(
    concepts: pd.DataFrame, places: _Places
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """The best concepts of every feature and their F1, "" and NaN past the last."""
    rank = concepts.groupby(["agent", "feature"]).cumcount().to_numpy(np.int64)
    row = places.of(concepts.agent, concepts.feature)
    kept = (row >= 0) & (rank < TOP)
    texts = np.full((places.size, TOP), "", dtype=object)
    f1 = np.full((places.size, TOP), np.nan)
    texts[row[kept], rank[kept]] = concepts.concept.to_numpy()[kept]
    f1[row[kept], rank[kept]] = concepts.f1.to_numpy()[kept]
    return texts, f1


def _shown(lists: pd.Series, quiz: pd.Series) -> NDArray[np.int64]:
    """int64 [rows, QUIZZES]: lists of quizzes as places, -1 past the last."""
    found = np.full((len(lists), QUIZZES), -1, dtype=np.int64)
    if len(lists):
        count = lists.map(len).to_numpy(np.int64)
        found[np.arange(QUIZZES) < count[:, None]] = quiz.loc[np.concatenate(lists.to_list())]
    return found


def _members(families: pd.DataFrame, places: _Places, agents: Sequence[int]) -> NDArray[np.int64]:
    found = np.full((len(families), len(agents)), -1, dtype=np.int64)
    if len(families):
        each = families[["agents", "features"]].explode(["agents", "features"])
        row = np.repeat(np.arange(len(families)), families.agents.map(len))
        column = np.searchsorted(agents, each.agents.astype(np.int64))
        found[row, column] = places.of(each.agents.astype(np.int64), each.features)
    return found


def _effects(features: pd.DataFrame, families: pd.DataFrame | None, places: _Places) -> Effects:
    row = places.of(features.agent, features.feature)
    return line_up(features, families, row, places.size)


def _occurrence(occurs: pd.DataFrame, places: _Places) -> Occurrence:
    """The same rows by place; NaN for features that were not tested."""
    tested = occurs[occurs.q.notna()]
    row = places.of(tested.agent, tested.feature)
    tested, row = tested[row >= 0], row[row >= 0]
    share, share_other, q = (np.full(places.size, np.nan) for _ in range(3))
    share[row], share_other[row], q[row] = tested.share, tested.share_other, tested.q
    return Occurrence(share, share_other, q)
