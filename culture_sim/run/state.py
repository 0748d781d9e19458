"""What is remembered of an agent in training: the state.json of its checkpoint, typed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from agents.evaluation import Evaluation

BESIDE = ("culture_before", "culture_after", "transfer_before", "transfer_after")
"""What agents are examined on before and after a culture round, beside the world's quizzes."""
BEYOND = ("other_scenes", "new_objects")
"""What agents are examined on that their world never shows, when a round ends."""
EVALUATIONS = ("validation", "recombined", "test", "final_test", *BEYOND, *BESIDE)
COURSE = (
    *("round", "quizzes", "reached", "test", "tests", "final_test", "recombined"),
    *BEYOND,
    *BESIDE,
)
"""What is remembered of every round."""


@dataclass(frozen=True)
class AgentState:
    """Where an agent is in its training, and what was measured of it in the round it is in.

    generation: the round at which it last began with new weights. round_began: quizzes it had
    learned from when the round began; quizzes, steps: until now. seconds: of work, in all rounds.
    validation: after the last epoch; best: the highest lower bound of its interval since the agent
    began with new weights; fallen: how many validations in a row until now were far below that
    (``culture_sim.population.collapse``). recombined: with the last validation, on new quizzes of
    pairs that it was trained on, where there are any. test: the last stopping test, tests: how many
    there were in the round, reached: the last one was at the target. final_test: on quizzes that
    played no part in stopping, when the round ended; other_scenes, new_objects: then, beyond what
    the world shows.
    culture_*, transfer_*: on held-out culture and held-out tasks, where there are any. course: what
    was measured in every round that ended, as JSON has it. made: with what it was trained: options,
    machine, number formats, versions; an entry for each time that one of them changed. imported:
    of an agent that was trained elsewhere, its file and what was published of it, None for what is
    not known; ``quizzes`` and ``seconds`` are then of what it learned since. sha256,
    optimizer_sha256: of the checkpoint's files.
    """

    agent: int
    generation: int = 0
    round: int = 0
    round_began: int = 0
    seconds: float = 0.0
    validation: Evaluation | None = None
    best: float = 0.0
    fallen: int = 0
    recombined: Evaluation | None = None
    test: Evaluation | None = None
    tests: int = 0
    reached: bool = False
    final_test: Evaluation | None = None
    other_scenes: Evaluation | None = None
    new_objects: Evaluation | None = None
    culture_before: Evaluation | None = None
    culture_after: Evaluation | None = None
    transfer_before: Evaluation | None = None
    transfer_after: Evaluation | None = None
    course: tuple[dict[str, Any], ...] = ()
    made: tuple[dict[str, Any], ...] = ()
    imported: dict[str, Any] | None = None
    quizzes: int = 0
    steps: int = 0
    sha256: str = ""
    optimizer_sha256: str = ""

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> AgentState:
        """Inverse of ``to_json``; raises TypeError for keys that a state does not have."""
        results = {name: tree.get(name) for name in EVALUATIONS}
        evaluations = {name: r and Evaluation(**r) for name, r in results.items()}
        lists = {name: tuple(tree.get(name, ())) for name in ("course", "made")}
        return cls(**{**tree, **evaluations, **lists})

    def to_json(self) -> dict[str, Any]:
        """Plain types, by the names of the fields."""
        return {**asdict(self), "course": list(self.course), "made": list(self.made)}

    def told(self) -> dict[str, Any]:
        """``to_json`` for those who read figures of training in all: of an imported agent it is
        not known how much it has learned from, and for how long."""
        unknown = dict.fromkeys(("quizzes", "seconds")) if self.imported else {}
        return {**self.to_json(), **unknown}

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
            new_objects=None,
            culture_after=None,
            transfer_after=None,
        )

    def made_with(self, how: dict[str, Any]) -> AgentState:
        """The state with how it is trained from now on, in JSON's types, unless that is known.

        Rounds that are alike are one entry, of the first: there may be hundreds.
        """
        if self.made:
            last = self.made[-1]
            if all(last.get(key) == value for key, value in how.items() if key != "stage"):
                return self
        return replace(self, made=(*self.made, {**how, "from_quizzes": self.quizzes}))

    def with_course(self) -> AgentState:
        """The state with what was measured in its round at the end of its course."""
        tree = self.told()
        earlier = (entry for entry in self.course if entry["round"] != self.round)
        return replace(self, course=(*earlier, {key: tree[key] for key in COURSE}))
