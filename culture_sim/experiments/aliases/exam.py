"""What an agent makes of held-out cells, and how alike it holds a number and its alias."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agents.model import AgentModel
from agents.scoring import score
from world.aliases import AliasesWorld
from world.aliases.options import ALIASES, LINKS, NUMBERS, TASKS
from world.aliases.rows import FIRST

OTHER, NEITHER = "in the other table", "in neither table"
"""Where held-out cells are trained on."""
BOTH, NONE = "x and y are linked", "neither is linked"
SURE, UNSURE = "x and y are tagged reliable", "both are tagged unreliable"
WRONG, RIGHT, TRAINED = range(3)
"""What a picture of a table shows of each cell."""


@dataclass(frozen=True)
class Exam:
    """Cells that every agent of a share is asked, whatever its arm trains on.

    world: whose hold-outs before any joining decide. cells: at most so many of each kind.
    """

    world: AliasesWorld
    cells: int

    def of(self, table: int) -> dict[str, NDArray[np.int64]]:
        """By evidence, int64 [n, 2]: cells held out of a table, without those that are trained on
        in it by joining."""
        apart, own = self.world.material.apart, self.world.material.splits
        held_out = (apart[table] > 0) & (own[table] > 0)
        elsewhere = apart[1 - table] == 0
        return {
            OTHER: self._some(held_out & elsewhere),
            NEITHER: self._some(held_out & ~elsewhere),
        }

    def _some(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        rng = np.random.default_rng(self.world.drawing)
        return rng.permutation(np.argwhere(chosen))[: self.cells]


def examined(model: AgentModel, exam: Exam) -> dict[str, Any]:
    """By table that the agent learns: right answers and cells asked, by evidence; of numbers also
    by whether they are linked, where half of them are, and by their tags."""
    world, found = exam.world, {}
    for table in (NUMBERS, ALIASES):
        if TASKS[table] not in world.tasks:
            continue
        counts: dict[str, list[int]] = {}
        for name, cells in exam.of(table).items():
            right = score(model, world, world.rows(TASKS[table], cells), 1024).correct
            counts[name] = _counted(right)
            if world.links == "half" and name == OTHER:
                linked = np.isin(cells, world.material.linked).sum(axis=1)
                counts[BOTH] = _counted(right[linked == 2])
                counts[NONE] = _counted(right[linked == 0])
            if world.links == "tagged" and name == OTHER:
                reliable = world.material.reliable[cells].sum(axis=1)
                counts[SURE] = _counted(right[reliable == 2])
                counts[UNSURE] = _counted(right[reliable == 0])
        found[TASKS[table]] = counts
    return found


def _counted(right: NDArray[np.bool_]) -> list[int]:
    return [int(right.sum()), len(right)]


def whole_table(model: AgentModel, world: AliasesWorld) -> NDArray[np.int8]:
    """int8 [p, p]: of the table of numbers, TRAINED cells, and which held-out ones are RIGHT."""
    split = world.material.splits[NUMBERS]
    picture = np.full(split.shape, TRAINED, dtype=np.int8)
    cells = np.argwhere(split > 0)
    right = score(model, world, world.rows(TASKS[NUMBERS], cells), 1024).correct
    picture[split > 0] = np.where(right, RIGHT, WRONG)
    return picture


def alignment(model: AgentModel, world: AliasesWorld) -> Mapping[str, float]:
    """How alike embeddings are, as mean cosines: of numbers and the aliases linked with them; of
    numbers and their own aliases; and, the null, of numbers and any alias. Empty where the agent
    knows one alphabet."""
    if TASKS[ALIASES] not in world.tasks:
        return {}
    p, material = world.modulus, world.material
    device = model.unembed.weight.device
    with torch.no_grad():
        values = torch.arange(FIRST, FIRST + 2 * p, device=device)
        vectors = torch.nn.functional.normalize(
            model.embed_tokens(values[None])[0].double(), dim=-1
        )
        cosines = (vectors[:p] @ vectors[p:].T).cpu().numpy()
    own, linked = np.diag(cosines), cosines[np.arange(p), material.partner]
    found = {"own": float(own.mean()), "any": float(cosines.mean())}
    if TASKS[LINKS] in world.tasks:
        found["linked"] = float(linked[material.linked].mean())
    return found
