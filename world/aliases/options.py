"""What a world of aliases can be; what is impossible is refused at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from world.core.errors import AMOUNT, UserError

if TYPE_CHECKING:
    from world.aliases.world import AliasesWorld

TASKS = ("numbers", "aliases", "links")
NUMBERS, ALIASES, LINKS = range(3)
"""Kinds of rows: of the table of numbers, of that of their aliases, and links between the two."""
OperationName = Literal["squares", "sum", "product", "difference"]
HoldOut = Literal["twins", "cells"]
Linked = Literal["all", "half", "one_way", "deranged", "tagged"]
SMALLEST, LARGEST = 5, 32_000
"""Of moduli; above, token values need more than 16 bits."""
MOST_HELD_OUT = 0.98


def refuse_impossible(world: AliasesWorld) -> None:
    """Raise UserError, naming the option, for what no rows agree with."""
    if not SMALLEST <= world.modulus <= LARGEST or not is_prime(world.modulus):
        raise UserError(
            f"world.modulus must be a prime from {SMALLEST} to {LARGEST}, got {world.modulus}"
        )
    if not all(0 < share <= MOST_HELD_OUT for share in world.held_out):
        raise UserError(
            f"world.held_out must be two shares above 0 and at most {MOST_HELD_OUT}, "
            f"got {_listed(world.held_out)}"
        )
    if not all(AMOUNT.holds(weight) for weight in world.weights) or not any(world.weights):
        raise UserError(
            f"world.weights must be three amounts, 0 or more and one above 0, "
            f"got {_listed(world.weights)}"
        )
    _check_tasks(world.tasks)


def _check_tasks(tasks: tuple[str, ...]) -> None:
    if not tasks:
        raise UserError("world.tasks is empty; name at least one task")
    for name in tasks:
        refuse_unknown(name)
    if len(set(tasks)) < len(tasks):
        raise UserError(f"world.tasks names a task twice: {', '.join(tasks)}")


def refuse_unknown(task: str) -> None:
    """Raise UserError for a task of no such name."""
    if task not in TASKS:
        raise UserError(f"unknown task {task!r}; known: {', '.join(TASKS)}")


def is_prime(number: int) -> bool:
    """By trial division."""
    return number > 1 and all(number % d for d in range(2, int(number**0.5) + 1))


def _listed(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)
