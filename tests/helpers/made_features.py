"""A comparison of features that no autoencoder has, in the files that the real one leaves.

Large ones cost seconds instead of hours, and what the report must show of them is known.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from culture_sim.features.folders import CULTURE, EFFECTS
from sae.comparison.correspondence import Correspondence
from sae.comparison.examples import BINS, QUIZZES
from sae.comparison.schema import SCHEMA
from sae.concepts.tables import TOP
from sae.files import write_parquet
from world import Stream
from world.core.files import write_json

AGENTS, SHOWN_QUIZZES, TOKENS = 5, 60, 20_000
WORDS = ("blue", "red", "the border", "a corner", "row 2", "column 5", "f(B)", "like the left")
CONCEPTS = [f"the {moment} cell is {word}" for moment in ("next", "last") for word in WORDS]
SITE, DICTIONARY = "blocks.2.hook_resid_post", "batch_topk-64"


SHARES = ((0.03, 0.02), (0.02, 0.03), (0.03, 0.002), (0.03, 0.0), (0.03, 0.02))
"""Of features in turn: how often they fire on agents' quizzes and on the world's. The last are no
discoveries, and feature 9 is not tested."""


ABLATED = {"all": 230, "frame": 25, "unknown": 18}
"""Quizzes that features are ablated on, by task."""


def make_features(run, size, site=SITE, effects=True, occurrence=True):
    """``size`` features of each agent, every second of which is in a family; returns the folder.

    Family f has feature 2 f of agents 0 .. k - 1, where k goes 5, 4, 3, 2 and again. Its name is
    of concept f. Feature 2 f of the agents left out, and all odd ones, are in no family; feature
    i of an agent matches feature i of every other. Feature 2 f first fires, in the quiz that it
    is shown on first, on cell f of f(B).
    """
    folder = run.path / "features" / site / DICTIONARY
    rng = np.random.default_rng(0)
    quizzes = run.config.world.draw(Stream(5, "made-features"), 0, SHOWN_QUIZZES, "sae")
    layouts = np.arange(SHOWN_QUIZZES, dtype=np.uint8) % 4
    quizzes = run.config.world.arrange(quizzes, layouts)
    write_parquet(folder / "quizzes.parquet", _quizzes(run.config.world, quizzes))
    made = _Made(run.config.world, quizzes, size, rng)
    for name, table in made.tables(effects).items():
        write_parquet(folder / f"{name}.parquet", table)
    if effects:
        write_json(folder / EFFECTS, {})
    if occurrence:
        write_parquet(folder / "occurrence.parquet", made.occurrence())
        write_json(folder / CULTURE, {})
    write_json(folder / "summary.json", _summary(site, size, made.members))
    return folder


def _quizzes(world, quizzes):
    names = [None if k % 7 == 6 else world.tasks[t] for k, t in enumerate(quizzes.task)]
    return pd.DataFrame(
        {
            "quiz": 10 * np.arange(len(names)),
            "task": pd.Series(names, dtype="string"),
            "layout": quizzes.layout,
            "tokens": list(quizzes.tokens),
        }
    )


class _Made:
    """The tables, with A agents and F features of each, all of them compared."""

    def __init__(self, world, quizzes, size, rng):
        self.world, self.quizzes, self.size, self.rng = world, quizzes, size, rng
        self.agent = np.repeat(np.arange(AGENTS), size)
        self.feature = np.tile(np.arange(size), AGENTS)
        self.members = [AGENTS - f % 4 for f in range(size // 2)]

    def tables(self, effects):
        found = {
            "matches": self._matches(),
            "families": self._families(),
            "features": self._features(),
            "concepts": self._concepts(),
            "examples": self._examples(),
            "family_examples": self._family_examples(),
        }
        return {**found, "effects": self._effects()} if effects else found

    def _families(self):
        count = len(self.members)
        return pd.DataFrame(
            {
                "family": np.arange(count),
                "k": self.members,
                "agents": [list(range(k)) for k in self.members],
                "features": [[2 * f] * k for f, k in enumerate(self.members)],
                "mean_r": 0.95 - 0.5 * np.arange(count) / count,
                "mean_excess": 0.6 - 0.5 * np.arange(count) / count,
                "links": [k * (k - 1) // 2 for k in self.members],
                "consistency": 1.0,
                "name": [CONCEPTS[f % len(CONCEPTS)] for f in range(count)],
                "candidate": [CONCEPTS[f % len(CONCEPTS)] for f in range(count)],
                "name_f1": self.rng.random(count),
            }
        )

    def _matches(self):
        tables = []
        for a in range(AGENTS):
            for b in range(AGENTS):
                if a == b:
                    continue
                r = self.rng.random(self.size)
                kinds = [kind.value for kind in Correspondence]
                columns = {
                    "agent_a": a,
                    "feature_a": np.arange(self.size),
                    "agent_b": b,
                    "feature_b": pd.Series(np.arange(self.size), dtype="Int64"),
                    "r": r,
                    "null_r": 0.3 * r,
                    "kind": [kinds[i % len(kinds)] for i in range(self.size)],
                    "firings_a": 1 + np.arange(self.size),
                    "tokens": TOKENS,
                }
                tables.append(pd.DataFrame(columns))
        return pd.concat(tables, ignore_index=True)

    def _features(self):
        named = self.feature % 4 != 3
        text = [CONCEPTS[f // 2 % len(CONCEPTS)] for f in self.feature]
        return pd.DataFrame(
            {
                "agent": self.agent,
                "feature": self.feature,
                "name": np.where(named, text, "unnamed"),
                "candidate": text,
                "f1": self.rng.random(len(self.agent)),
            }
        )

    def _concepts(self):
        rows = len(self.agent)
        first = np.repeat(self.feature // 2, TOP) + np.tile(np.arange(TOP), rows)
        return pd.DataFrame(
            {
                "agent": np.repeat(self.agent, TOP),
                "feature": np.repeat(self.feature, TOP),
                "concept": [CONCEPTS[k % len(CONCEPTS)] for k in first],
                "f1": np.tile(np.linspace(0.9, 0.5, TOP), rows),
            }
        )

    def _lines(self, feature):
        """uint8 [n, QUIZZES, T] of features [n]: dots around one cell of f(B), wherever each quiz
        has it."""
        quiz, answer = np.arange(QUIZZES), self.world.view.pieces[3].cells
        lines = np.zeros((len(feature), QUIZZES, self.world.seq_len), dtype=np.uint8)
        dots = answer[(feature[:, None] // 2 + 7 * quiz) % len(answer)]
        np.put_along_axis(lines, dots[:, :, None], (255 - 40 * quiz)[None, :, None], axis=2)
        lines[self.rng.random(lines.shape, dtype=np.float32) < 0.02] = 90
        lines[np.arange(len(feature)), 0, dots[:, 0]] = 255
        batch = self.quizzes[self._shown(feature).ravel()]
        values = lines.reshape(len(batch), self.world.seq_len)
        forward = type(batch)(values, np.zeros(len(batch), dtype=np.uint8), batch.task)
        return self.world.arrange(forward, batch.layout).tokens.reshape(lines.shape)

    def _shown(self, feature):
        """int64 [n, QUIZZES]: places of the quizzes that features [n] are shown on."""
        return (feature[:, None] // 2 + 13 * np.arange(QUIZZES)) % SHOWN_QUIZZES

    def _named(self, feature):
        """[n]: the same as they are named in tables."""
        return list((10 * self._shown(feature)).astype(np.int32))

    def _examples(self):
        count, values = len(self.agent), self.world.vocab_size
        firings = 1 + self.feature
        return pd.DataFrame(
            {
                "agent": self.agent,
                "feature": self.feature,
                "quizzes": self._named(self.feature),
                "activations": [lines.tobytes() for lines in self._lines(self.feature)],
                "maximum": self.rng.gamma(3, size=count).astype(np.float32),
                "zero": 1 - firings / TOKENS,
                "histogram": list(self.rng.integers(1000, size=(count, BINS)).astype(np.int32)),
                "logits": list(self.rng.normal(size=(count, values)).astype(np.float32)),
            }
        )

    def _family_examples(self):
        feature = 2 * np.arange(len(self.members))
        lines = zip(self._lines(feature), self.members, strict=True)
        return pd.DataFrame(
            {
                "family": np.arange(len(self.members)),
                "agents": [list(range(k)) for k in self.members],
                "quizzes": self._named(feature),
                "activations": [np.stack([of_one] * k).tobytes() for of_one, k in lines],
            }
        )

    def occurrence(self):
        """Of two pairs of groups; the second is of no concern to the report."""
        share, share_other = np.array(SHARES)[self.feature % len(SHARES)].T
        q = np.where(self.feature % len(SHARES) == len(SHARES) - 1, 0.34, 0.0004)
        found = pd.DataFrame(
            {
                "groups": "agents_world",
                "agent": self.agent,
                "feature": self.feature,
                "share": share,
                "share_other": share_other,
                "quizzes": 100,
                "quizzes_other": np.rint(1000 * share_other).astype(np.int64),
                "difference": share - share_other,
                "q": np.where(self.feature == 9, np.nan, q),
            }
        )
        untested = found.feature == 9
        found.loc[untested, ["share", "share_other", "difference"]] = np.nan
        other = found.assign(groups="world_world", share=0.5, share_other=0.5, q=0.5)
        return pd.concat([other, found])

    def _effects(self):
        """Without feature i, 1 - i mod 8 points change in all tasks, twice as many in one and three
        times in the other; of no change there is no interval."""
        change = 0.01 * (1 - self.feature % 8)
        wide = 0.025 * (change != 0)
        tables = [
            pd.DataFrame(
                {
                    "agent": self.agent,
                    "feature": self.feature,
                    "factor": factor,
                    "task": task,
                    "quizzes": quizzes,
                    "loss_change": self.rng.normal(0.01, 0.01, len(self.agent)),
                    "accuracy_change": (k + 1) * change,
                    "accuracy_low": (k + 1) * change - wide,
                    "accuracy_high": (k + 1) * change + wide,
                }
            )
            for factor in (2.0, 0.0)
            for k, (task, quizzes) in enumerate(ABLATED.items())
        ]
        return pd.concat(tables)


def _summary(site, size, members):
    universality = {
        "value": 0.6, "low": 0.5, "high": 0.7, "reason": None, "cross": 0.7, "null": 0.3,
        "ceiling": 0.9, "excess": 0.4, "room": 0.6, "intervals": {"excess": [0.3, 0.5]},
        "features": AGENTS * size,
    }  # fmt: skip
    square = np.full((AGENTS, AGENTS), 0.5).tolist()
    alone = AGENTS * size - sum(members)
    shared = {"1": alone, **{str(k): members.count(k) for k in range(2, AGENTS + 1)}}
    sae = {"l0": 20.0, "explained_variance": 0.9, "compared": size, "features": size}
    return {
        "schema": SCHEMA,
        "made_from": {"seed": 0, "saes": {"0/0": "made"}},
        "site": site,
        "dictionary": DICTIONARY,
        "agents": list(range(AGENTS)),
        "quizzes": 100,
        "culture_quizzes": 10,
        "tokens": TOKENS,
        "null": "within_cell",
        "universality": universality,
        "by_null": {"within_cell": universality},
        "by_frequency": [],
        "discoveries": {"matches": 10, "beyond_chance": 5},
        "pairs": [],
        "matrices": {"r": square, "null_r": square},
        "families": {
            "max_q": 0.05,
            "shared": shared,
            "shared_above": {"0.5": shared},
            "consistency": 1.0,
        },
        "baselines": {},
        "saes": [{"agent": a, "sae": 0, **sae} for a in range(AGENTS)],
    }
