"""A culture quiz with everything known of it: votes, decision, and where it came from.

The same columns go to Parquet and come back, so that a stored round can be judged again by
another rule, and every proposal made again from its seed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from culture_sim.culture.proposers import PARENTS, Proposals
from culture_sim.culture.votes import Decision, VoteTable
from world import UNKNOWN_TASK, QuizBatch

# It takes a second to import, and most that comes by here, such as training, never needs it.
if TYPE_CHECKING:
    from datasets import Features, List

CULTURE_SPLITS = ("culture_train", "culture_test")
IMPORTED = "imported"
"""In place of a proposer's name: of quizzes that were made elsewhere."""
UNKNOWN = -1
"""Of such quizzes: proposer, index, seed and age."""


@dataclass(frozen=True)
class Provenance:
    """What all quizzes of one round share.

    round: 1, 2, ... rule: registered name of the consensus rule. rule_options: its options as
    JSON. checkpoints: SHA-256 of the weights of each of the N agents.
    """

    round: int
    rule: str
    rule_options: str
    checkpoints: tuple[str, ...]


@dataclass(frozen=True)
class CultureRecords:
    """B quizzes that were voted on in one round.

    proposals: the quizzes, in layout 0, and how each came to be. hashes: uint64 [B], canonical.
    votes, decision: of each quiz; votes.proposer is the agent that made it. method: [B],
    registered name of the proposer it was made by, or IMPORTED: then proposer, index, seed and age
    are UNKNOWN. index: int64 [B], its place among the round's
    proposals. seed: int64 [B], of the batch of proposals it was made in. held_out: bool [B], True
    for culture_test: no agent is ever trained on it.
    """

    provenance: Provenance
    proposals: Proposals
    hashes: NDArray[np.uint64]
    votes: VoteTable
    decision: Decision
    method: list[str]
    index: NDArray[np.int64]
    seed: NDArray[np.int64]
    held_out: NDArray[np.bool_]

    def __post_init__(self) -> None:
        size = len(self.votes)
        for name in ("proposals", "decision", "method"):
            length = len(getattr(self, name))
            if length != size:
                raise ValueError(f"{name} must be of {size} quizzes like votes, got {length}")
        kinds = {"hashes": "uint64", "index": "int64", "seed": "int64", "held_out": "bool"}
        for name, kind in kinds.items():
            array = getattr(self, name)
            if array.dtype != kind or array.shape != (size,):
                got = f"{array.dtype} {list(array.shape)}"
                raise ValueError(f"{name} must be {kind} [{size}] like votes, got {got}")
        named, voting = len(self.provenance.checkpoints), self.votes.n_agents
        if named != voting:
            raise ValueError(f"checkpoints must name {voting} agents like votes, got {named}")

    def __len__(self) -> int:
        return len(self.votes)


def features(n_agents: int, seq_len: int, directions: int = 1, token: str = "uint8") -> Features:
    """The typed columns of a round's file; token: the type of a token value."""
    from datasets import Features, List, Value

    def votes(dtype: str) -> List:
        return List(List(Value(dtype), length=directions), length=n_agents)

    return Features(
        {
            "round": Value("int32"),
            "index": Value("int64"),
            "tokens": List(Value(token), length=seq_len),
            "hash": Value("string"),
            "split": Value("string"),
            "proposer": Value("int16"),
            "solved": votes("bool"),
            "wrong_tokens": votes("uint16"),
            "log_prob": votes("float32"),
            "voted": List(Value("bool"), length=n_agents),
            "probability": List(Value("float32"), length=n_agents),
            "keep": Value("bool"),
            "dissenter": Value("int16"),
            "reason": Value("string"),
            "rule": Value("string"),
            "rule_options": Value("string"),
            "method": Value("string"),
            "hot_temperature": Value("float64"),
            "temperature": Value("float64"),
            "parents": List(Value("string"), length=PARENTS),
            "age": Value("int16"),
            "seed": Value("int64"),
            "checkpoints": List(Value("string"), length=n_agents),
        }
    )


def to_table(records: CultureRecords) -> pa.Table:
    """The records as an Arrow table that carries its Hugging Face features."""
    from datasets import Dataset

    shared, proposals = records.provenance, records.proposals
    columns: dict[str, Any] = {
        "round": shared.round,
        "index": records.index,
        "tokens": proposals.quizzes.tokens,
        "hash": [_name(value) for value in records.hashes.tolist()],
        "split": [CULTURE_SPLITS[int(held_out)] for held_out in records.held_out],
        "proposer": records.votes.proposer,
        "solved": records.votes.correct,
        "wrong_tokens": records.votes.wrong_tokens,
        "log_prob": records.votes.log_prob,
        "voted": records.votes.voted,
        "probability": records.votes.probability,
        "keep": records.decision.keep,
        "dissenter": records.decision.dissenter,
        "reason": records.decision.reason,
        "rule": shared.rule,
        "rule_options": shared.rule_options,
        "method": records.method,
        "hot_temperature": proposals.hot_temperature,
        "temperature": proposals.temperature,
        "parents": [[_name(value) for value in pair] for pair in proposals.parents.tolist()],
        "age": proposals.age,
        "seed": records.seed,
        "checkpoints": list(shared.checkpoints),
    }
    for field in fields(Provenance):
        columns[field.name] = [columns[field.name]] * len(records)
    tokens, votes = proposals.quizzes.tokens, records.votes
    typed = features(votes.n_agents, tokens.shape[1], votes.directions, tokens.dtype.name)
    return Dataset.from_dict(columns, features=typed).data.table


def _name(value: int) -> str:
    """A canonical hash as 16 hexadecimal digits; "" for 0, which stands for no quiz."""
    return f"{value:016x}" if value else ""


def votes_of(table: pa.Table) -> VoteTable:
    """The votes in a round's table."""
    return VoteTable(
        array_of(table, "solved"),
        array_of(table, "wrong_tokens"),
        array_of(table, "log_prob"),
        array_of(table, "proposer"),
        array_of(table, "voted"),
        array_of(table, "probability"),
    )


def decision_of(table: pa.Table) -> Decision:
    """The decision in a round's table."""
    reason = table.column("reason").to_pylist()
    return Decision(array_of(table, "keep"), array_of(table, "dissenter"), reason)


def quizzes_of(table: pa.Table) -> QuizBatch:
    """The quizzes in a round's table, in layout 0."""
    layout = np.zeros(len(table), dtype=np.uint8)
    task = np.full(len(table), UNKNOWN_TASK, dtype=np.int16)
    return QuizBatch(array_of(table, "tokens"), layout, task)


def hashes_of(table: pa.Table) -> NDArray[np.uint64]:
    """uint64 [B]: the canonical hashes in a round's table."""
    values = table.column("hash").to_pylist()
    return np.array([int(value, 16) for value in values], dtype=np.uint64)


def array_of(table: pa.Table, name: str) -> NDArray[Any]:
    """A column of numbers, or of fixed-size lists of them, as an array [B, ...]."""
    column = table.column(name).combine_chunks()
    shape = [len(column)]
    while pa.types.is_fixed_size_list(column.type):
        shape.append(column.type.list_size)
        column = column.flatten()
    return np.asarray(column.to_numpy(zero_copy_only=False)).reshape(shape)
