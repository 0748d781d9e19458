"""How a world says its labels in plain English, so that nobody else need know what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wording:
    """Words for labels; a label or value without any is said by its name and number.

    unit: what one token of a part is called. values: by label, what its values 0, 1, ... are
    called. phrases: by label, what is said of a token (or, for ``of_quiz``, of its quiz) that has
    a value, with {} for the value: "is {}". of_quiz: labels that are the same for a whole quiz.
    """

    unit: str = "token"
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    phrases: Mapping[str, str] = field(default_factory=dict)
    of_quiz: tuple[str, ...] = ("task", "layout")

    def value(self, label: str, value: int) -> str:
        """What a label's value is called: its number where it has no name."""
        names = self.values.get(label, ())
        return names[value] if 0 <= value < len(names) else str(value)

    def phrase(self, label: str, value: int) -> str:
        """What is said of a token whose label has a value, such as "is red"."""
        return self.phrases.get(label, f"has {label} {{}}").format(self.value(label, value))
