"""What every column of an exported dataset means, for the card."""

from __future__ import annotations

MEANING = {
    "A": "grid A; a cell is 0 for background or the number of a colour",
    "fA": "f(A)",
    "B": "grid B",
    "fB": "f(B)",
    "tokens": "the quiz as agents read it, in the order of `layout`: a label token and the "
    "cells row by row, four times",
    "layout": "the order of the grids in `tokens` (in text, in the prompt); the last one is "
    "the answer",
    "task": "the task that the quiz was drawn from",
    "hash": "canonical hash, the same whatever the colours are called and whichever pair comes "
    "first; it decides the split",
    "index": "its place in its split and task; in culture among the proposals of its round",
    "prompt": "an instruction, three grids, and the label of the fourth",
    "completion": "the fourth grid",
    "round": "culture round, from 1",
    "proposer": "the agent that made it",
    "solved": "for each agent, forward and backward: its answer is right in every cell",
    "wrong_cells": "for each agent and direction: cells it gets wrong",
    "log_prob": "for each agent and direction: log-probability of the answer, in nats",
    "voted": "the agents that were asked",
    "probability": "for each agent: chance of sampling the right answer in both directions",
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
