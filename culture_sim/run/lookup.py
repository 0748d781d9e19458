"""What a lookup of training pairs would have answered: the scores that stand beside the agents'."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from culture_sim.run.run import Run
from world.core.errors import UserError
from world.core.files import read_json, write_json

FILE = "lookup.json"


@dataclass(frozen=True)
class CopyingScores:
    """What a lookup answers that knows the same pairs and copies what they do not change.

    quizzes: of the test, drawn at random. accuracy: on these, 0 to 1; low, high: its Wilson 95 %
    interval; by_task: by task. other_scenes, new_objects: accuracy on the first half as many of
    what the world never shows; None where there is none.
    """

    quizzes: int
    accuracy: float
    low: float
    high: float
    by_task: dict[str, float]
    other_scenes: float | None
    new_objects: float | None


@dataclass(frozen=True)
class LookupScores:
    """What a lookup answers that knows the pairs of as many training quizzes as agents saw.

    quizzes: how many, of all agents before culture. pairs: different ones among them.
    accuracy: on the quizzes that training stops by, 0 to 1; low, high: its Wilson 95 % interval;
    by_task: by task. recombined: accuracy on new quizzes of pairs that it knows; None where there
    are none. copying: the scores of one that copies what does not change; None without.
    """

    quizzes: int
    pairs: int
    accuracy: float
    low: float
    high: float
    by_task: dict[str, float]
    recombined: float | None
    copying: CopyingScores | None = None


def read_lookup(run: Run) -> LookupScores | None:
    """The scores of a run's lookup, None where it has none; raises UserError when damaged."""
    path = run.path / FILE
    if not path.exists():
        return None
    tree = read_json(path, f"make it again with: culture-sim train-agents --run {run.path.name}")
    if not tree:
        return None
    scores, copying = tree.of(LookupScores), tree["copying"]
    return replace(scores, copying=copying.of(CopyingScores) if copying else None)


def lookup_is_scored(run: Run) -> bool:
    """Whether the run's lookup was examined, or found not to be one, and that is not damaged."""
    try:
        read_lookup(run)
    except UserError:
        return False
    return (run.path / FILE).exists()


def write_lookup(run: Run, scores: LookupScores | None) -> None:
    """Keep the scores with the run; None: its world has no pairs that could be looked up."""
    write_json(run.path / FILE, {} if scores is None else asdict(scores))
