"""What is remembered of an agent in training: the state.json of its checkpoint, typed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from agents.evaluation import Evaluation

BESIDE = ("culture_before", "culture_after", "transfer_before", "transfer_after")
"""What agents are examined on before and after a culture round, beside the world's quizzes."""
EVALUATIONS = ("validation", "recombined", "test", "final_test", "other_scenes", *BESIDE)
COURSE = ("round", "quizzes", "reached", "test", "tests", "final_test", "other_scenes", *BESIDE)
"""What is remembered of every round."""


@dataclass(frozen=True)
class AgentState:
    """Where an agent is in its training, and what was measured of it in the round it is in.

    generation: the round at which it last began with new weights. round_began: quizzes it had
    learned from when the round began; quizzes, steps: until now. seconds: of work, in all rounds.
    validation: after the last epoch; recombined: then, on new quizzes of pairs that it was trained
    on, where there are any. test: the last stopping test, tests: how many there were in the round,
    reached: the last one was at the target. final_test: on quizzes that played no part in stopping,
    when the round ended; other_scenes: then, beyond what was learned. culture_*, transfer_*: on
    held-out culture and held-out tasks, where there are any. course: what was measured in every
    round that ended, as JSON has it. sha256, optimizer_sha256: of the checkpoint's files.
    """

    agent: int
    generation: int = 0
    round: int = 0
    round_began: int = 0
    seconds: float = 0.0
    validation: Evaluation | None = None
    recombined: Evaluation | None = None
    test: Evaluation | None = None
    tests: int = 0
    reached: bool = False
    final_test: Evaluation | None = None
    other_scenes: Evaluation | None = None
    culture_before: Evaluation | None = None
    culture_after: Evaluation | None = None
    transfer_before: Evaluation | None = None
    transfer_after: Evaluation | None = None
    course: tuple[dict[str, Any], ...] = ()
    quizzes: int = 0
    steps: int = 0
    sha256: str = ""
    optimizer_sha256: str = ""

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> AgentState:
        """Inverse of ``to_json``; raises TypeError for keys that a state does not have."""
        results = {name: tree.get(name) for name in EVALUATIONS}
        evaluations = {name: r and Evaluation(**r) for name, r in results.items()}
        return cls(**{**tree, **evaluations, "course": tuple(tree.get("course", ()))})

    def to_json(self) -> dict[str, Any]:
        """Plain types, by the names of the fields."""
        return {**asdict(self), "course": list(self.course)}

    def entering(self, round_: int, quizzes: int) -> AgentState:
        """The state at the start of a round: what an earlier one ended with is not this one's.

        quizzes: that it has learned from.
        """
        return replace(
            self,
            round=round_,
            round_began=quizzes,
            test=None,
            tests=0,
            reached=False,
            final_test=None,
            other_scenes=None,
            culture_after=None,
            transfer_after=None,
        )

    def with_course(self) -> AgentState:
        """The state with what was measured in its round at the end of its course."""
        tree = self.to_json()
        earlier = (entry for entry in self.course if entry["round"] != self.round)
        return replace(self, course=(*earlier, {key: tree[key] for key in COURSE}))
