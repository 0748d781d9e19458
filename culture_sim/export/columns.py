"""What every column of an exported dataset means, for the card."""

from __future__ import annotations

from culture_sim.export.schema import piece_columns
from world import QuizWorld

MEANING = {
    "tokens": "the quiz as agents read it, in the order of `layout`; the values are named below",
    "layout": "the order of the pieces in `tokens` (in text, in the prompt); the last one is "
    "the answer",
    "task": "the task that the quiz was drawn from",
    "hash": "canonical hash, the same for quizzes that differ by a symmetry of the world alone; "
    "it decides the split",
    "index": "its place in its split and task; in culture among the proposals of its round",
    "prompt": "what to write and how, all pieces but the last, and the name of that",
    "completion": "the last piece",
    "answer": "the same again, for rewards: trainers keep `completion` from these",
    "round": "culture round, from 1",
    "proposer": "the agent that made it",
    "solved": "for each agent and direction: its answer is right in every token",
    "wrong_tokens": "for each agent and direction: tokens it gets wrong",
    "log_prob": "for each agent and direction: log-probability of the answer, in nats",
    "voted": "the agents that were asked",
    "probability": "for each agent: chance of sampling the right answer in every direction",
    "keep": "whether the rule kept the quiz",
    "dissenter": "the agent that fails a kept quiz, -1 where there is none",
    "reason": "the rule's reason for its decision",
    "rule": "the rule of consensus",
    "rule_options": "its options, as JSON",
    "method": "how the quiz was proposed",
    "hot_temperature": "at which the first part was sampled",
    "temperature": "at which the rest was sampled",
    "parents": "hashes of the quizzes it was made from, empty for none",
    "age": "how often an earlier form of it was rejected",
    "seed": "of the block of proposals it was made in",
    "checkpoints": "SHA-256 of every agent's weights",
}


def meanings(world: QuizWorld) -> dict[str, str]:
    """The meaning of every column, those of the world's pieces included."""
    pieces = {name: f"{piece.name}, its cells" for name, piece in piece_columns(world).items()}
    return {**pieces, **MEANING}
