"""A comparison of anyone's models as the tables and figures that a run's comparison has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sae.artifacts import FILES
from sae.comparison.compare import Comparison
from sae.comparison.examples import Examples
from sae.comparison.results import family_table, match_table, summary
from sae.comparison.schema import SCHEMA
from sae.config import ComparisonConfig
from sae.files import refuse_blocked, write_parquet
from sae.matching.features import Features
from sae.streamed.documents import writable
from world.core.files import hashes_of, write_json

Word = Callable[[int], str]
"""What a token is called."""
SUMMARY = "summary.json"
NAMED = 3
"""Tokens that a feature is called by at the most."""


class Where(NamedTuple):
    """What was compared, in words: the hook point, and what kind of SAEs."""

    site: str
    name: str


@dataclass(frozen=True)
class ModelComparison(Comparison):
    """Models of anyone compared: a ``Comparison`` with all that its tables and its page need.

    names: of the models, whose numbers are their places. where: what was compared. config: options.
    features: by model number, of the compared SAE; codes in it can be read while the folder of
    chunks is there. examples: contexts, and what features do in them. word: what tokens are called.
    saes: figures of each SAE.
    """

    names: tuple[str, ...]
    where: Where
    config: ComparisonConfig
    features: Mapping[int, Features]
    examples: Examples
    word: Word
    saes: Sequence[Mapping[str, Any]]

    @property
    def summary(self) -> dict[str, Any]:
        """The figures, as ``summary.json`` of a run's comparison has them."""
        figures = summary(self, None, self.where, self.config, [dict(sae) for sae in self.saes])
        return {**figures, "names": list(self.names), "schema": SCHEMA, "baselines": {}}

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name, as those of a run's comparison; docs/compare.md has what differs."""
        features, families = self.examples.features, self.examples.families
        named = pd.DataFrame(
            {"name": self._named(families.peaks), "candidate": "", "f1": np.nan},
            index=families.index,
        )
        return {
            "matches": match_table(self, None, self.features, self.where),
            "families": family_table(self.families, named),
            "features": pd.DataFrame(
                {
                    "agent": features.agent,
                    "feature": features.feature,
                    "name": self._named(features.peaks),
                    "candidate": "",
                    "f1": np.nan,
                }
            ),
            "concepts": pd.DataFrame({"agent": [], "feature": [], "concept": [], "f1": []}),
            "quizzes": self._contexts(),
            "examples": features.drop(columns="peaks"),
            "family_examples": families.drop(columns="peaks"),
        }

    def write(self, folder: Path) -> Path:
        """Write all tables and, last, the figures into a folder; returns it."""
        folder = Path(folder)
        refuse_blocked(folder)
        (folder / SUMMARY).unlink(missing_ok=True)
        tables = self.tables()
        for name, table in tables.items():
            write_parquet(folder / f"{name}.parquet", table)
        hashes = hashes_of(folder, [f"{name}.parquet" for name in tables])
        write_json(folder / SUMMARY, {**self.summary, FILES: hashes})
        return folder

    def _contexts(self) -> pd.DataFrame:
        """The contexts with the words of their tokens, "" beyond the document."""
        table = self.examples.quizzes
        return table.assign(words=[[self._word(token) for token in of] for of in table.tokens])

    def _named(self, peaks: pd.Series) -> list[str]:
        """By the tokens at which they peak, the most frequent first."""
        names = []
        for tokens in peaks:
            counted = Counter(self._word(token).strip() or "␣" for token in tokens)
            names.append(" ".join(f"“{word}”" for word, _ in counted.most_common(NAMED)))
        return names

    def _word(self, token: int) -> str:
        return writable(self.word(int(token))) if token >= 0 else ""
