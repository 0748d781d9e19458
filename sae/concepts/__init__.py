"""What features mean, from the truth at every token: no language model, no guess.

Quizzes are procedural, so a world's labels say what is true of each token. A concept is one value
of one label, at the token just read or at the next one; features are graded as its detectors.
``find_concepts`` lists them, ``score_features`` grades, ``name_features`` and ``name_families``
name, ``cover`` asks how many concepts any feature detects. docs/concepts.md has the formulas.
"""

from sae.concepts.coverage import Coverage, cover
from sae.concepts.names import Name, name_families, name_features
from sae.concepts.scores import Scores, score_features
from sae.concepts.tables import concept_table, coverage_table, family_name_table, name_table
from sae.concepts.truth import Concept, Concepts, find_concepts

__all__ = [
    "Concept",
    "Concepts",
    "Coverage",
    "Name",
    "Scores",
    "concept_table",
    "cover",
    "coverage_table",
    "family_name_table",
    "find_concepts",
    "name_families",
    "name_features",
    "name_table",
    "score_features",
]
