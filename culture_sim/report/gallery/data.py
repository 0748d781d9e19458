"""The culture gallery: every kept quiz with its votes, what agents answer now, and what it is.

The page draws the quizzes itself, from columns of text, so that thousands of them stay small and
quick. What a reader without scripts sees, a few cards, is drawn here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from markupsafe import Markup
from numpy.typing import NDArray

from agents.model import AgentModel
from agents.precision import make_accelerator
from agents.scoring import answers
from culture_sim.culture.analysis.table import TABLE
from culture_sim.culture.records import quizzes_of, votes_of
from culture_sim.culture.store import CultureStore
from culture_sim.culture.votes import VoteTable
from culture_sim.report.gallery.parents import rejected_parents, world_parents
from culture_sim.report.page.charts import line_colour
from culture_sim.report.page.damage import damage_named
from culture_sim.report.shared.blobs import embed, part_orders, written
from culture_sim.run.reporter import StageReporter
from culture_sim.run.run import Run
from world import QuizBatch, QuizWorld

FIRST = 12
"""Cards that are there without a script."""
ANALYSED = (
    *("explained", "tasks", "novelty_world", "novelty_culture"),
    *("rival_ratio", "contested", "same_rival", "other_by_rule"),
)
"""Columns of the analysis that the gallery shows, beside what the world counts."""
MOST_LIKELY = 1e6
"""A ratio beyond it says no more, and may be infinite, which JSON has no word for."""
Tree = dict[str, Any]
Analysis = dict[str, list[Any]]
"""Columns of the analysis, a value for each kept quiz, None for one that was not analysed."""
Given = dict[int, NDArray[np.unsignedinteger]]
"""By agent, [D, B, T]: B quizzes as it answers them in each direction, in layout 0."""


def gallery(run: Run, store: CultureStore, kept: pa.Table, analysis: Analysis | None) -> Tree:
    """The template's variables: how many quizzes, the first cards, and everything as JSON.

    kept: the quizzes of the store that were kept. analysis: what is known of them beside that.
    """
    given = answers_now(run, quizzes_of(kept))
    by_round = np.bincount(np.array(kept["round"].to_pylist(), dtype=np.int64), minlength=1)
    return {
        "count": len(kept),
        "largest": int(by_round.max()),
        "cards": first_cards(run.config.quiz_world, kept, given),
        "analysed": sum(each is not None for each in analysis["explained"]) if analysis else None,
        "outdated": analysis is None and (store.folder / TABLE).exists(),
        "data": embed(_data(run, store, kept, given, analysis)),
    }


def kept_table(store: CultureStore) -> pa.Table:
    """The kept quizzes of all rounds, as stored, in the order in which they were made."""
    tables = [store.table(number) for number in store.rounds()]
    return pa.concat_tables([table.filter(table["keep"]) for table in tables])


def answers_now(run: Run, batch: QuizBatch) -> Given:
    """What each agent that has weights answers, decoded greedily; batch: in layout 0."""
    trained = [agent for agent in run.agents if run.agent_state(agent) is not None]
    if not trained:
        return {}
    # In the precision of the votes: a token may hang on it.
    accelerator = make_accelerator(run.config.train, run.formats)
    reporter, given = StageReporter(run, "report", speaks=True), {}
    for agent in trained:
        reporter.report(f"agent {agent} answers {len(batch):,} kept quizzes")
        model = run.load_agent(agent).to(accelerator.device)
        with torch.no_grad(), accelerator.autocast():
            given[agent] = _answers(model, run.config.quiz_world, batch)
    return given


def _answers(model: AgentModel, world: QuizWorld, batch: QuizBatch) -> NDArray[np.unsignedinteger]:
    """[D, B, T]: the quizzes as one agent answers them, in layout 0."""
    found = []
    for direction in world.directions:
        asked = world.arrange(batch, direction)
        found.append(world.arrange(answers(model, world, asked), 0).tokens)
    return np.stack(found)


def read_analysis(folder: Path, hashes: Sequence[str], counts: Sequence[str]) -> Analysis | None:
    """The columns of the analysis for the quizzes of these hashes, None for one not analysed.

    counts: names of what the world counts. None as a whole without an analysis, or where it is of
    quizzes that are not among these, or lacks columns, as one of an older version does.
    Raises UserError when the file is damaged.
    """
    path = folder / TABLE
    if not path.exists():
        return None
    remedy = f"make it again with: culture-sim analyze --run {folder.parent.name}"
    with damage_named(f"{path} is", remedy):
        with path.open("rb") as file:
            table = pq.read_table(file, page_checksum_verification=True)
        if not {*ANALYSED} <= {*table.column_names}:
            return None
        names = [*ANALYSED, *(name for name in counts if name in table.column_names)]
        kept = table.filter(pc.equal(table["group"], "kept")).select(["hash", *names])
    rows = {row["hash"]: row for row in kept.to_pylist()}
    if not rows or not rows.keys() <= set(hashes):
        return None
    return {name: [rows[h][name] if h in rows else None for h in hashes] for name in names}


def _data(
    run: Run,
    store: CultureStore,
    kept: pa.Table,
    given: Given,
    analysis: Analysis | None,
) -> Tree:
    """What the script reads; ``quizzes`` has a list of B entries for each column."""
    world = run.config.quiz_world
    methods = sorted(set(kept["method"].to_pylist()))
    return {
        "orders": part_orders(world, world.directions),
        "layouts": [world.layouts[s].name.replace(",", ", ") for s in world.directions],
        "agents": [{"colour": line_colour(agent), "known": agent in given} for agent in run.agents],
        "methods": methods,
        "counts": [name for name in analysis or () if name not in ANALYSED],
        "rejected": rejected_parents(store, kept),
        "fromWorld": world_parents(run, store, kept),
        "quizzes": {
            "tokens": written(quizzes_of(kept).tokens),
            **{name: kept[name].to_pylist() for name in ("hash", "round", "proposer", "dissenter")},
            "method": [methods.index(name) for name in kept["method"].to_pylist()],
            "parents": [[hash_ for hash_ in pair if hash_] for pair in kept["parents"].to_pylist()],
            "votes": vote_marks(votes_of(kept)),
            "wrong": mean_wrong(votes_of(kept)).round(2).tolist(),
            "answers": wrong_answers(world, quizzes_of(kept), given),
        },
        "analysis": analysis and {**analysis, "rival_ratio": _short(analysis["rival_ratio"])},
    }


def _short(ratios: Sequence[float | None]) -> list[float | None]:
    return [each and float(f"{min(each, MOST_LIKELY):.3g}") for each in ratios]


def vote_marks(votes: VoteTable) -> list[str]:
    """[B]: for each agent and direction, "1" right, "0" wrong, "-" not asked."""
    marks = np.where(votes.voted[:, :, None], np.where(votes.correct, "1", "0"), "-")
    return [
        "".join(row)
        for row in marks.reshape(len(marks), votes.n_agents * votes.directions).tolist()
    ]


def mean_wrong(votes: VoteTable) -> NDArray[np.float64]:
    """float64 [B]: tokens wrong, the mean over the agents asked and all directions."""
    asked = np.broadcast_to(votes.voted[:, :, None], votes.correct.shape)
    count = np.maximum(asked.sum(axis=(1, 2)), 1)
    return np.asarray((votes.wrong_tokens * asked).sum(axis=(1, 2)) / count)


def wrong_answers(world: QuizWorld, batch: QuizBatch, given: Given) -> list[dict[str, str]]:
    """[B]: the cells of every answer that is not the stored one, by "agent,direction"."""
    found: list[dict[str, str]] = [{} for _ in range(len(batch))]
    orders = part_orders(world, world.directions)
    for agent, quizzes in given.items():
        for direction, tokens in enumerate(quizzes):
            asked = world.view.pieces[orders[direction][-1]].cells
            rows = np.flatnonzero((tokens != batch.tokens).any(axis=1))
            for row, text in zip(rows.tolist(), written(tokens[rows][:, asked]), strict=True):
                found[row][f"{agent},{direction}"] = text
    return found


def first_cards(world: QuizWorld, kept: pa.Table, given: Given) -> list[Tree]:
    """The newest quizzes, last one first, each with its votes and one wrong answer of its
    dissenter, if it still gives one."""
    rows = np.arange(len(kept))[::-1][:FIRST]
    shown = kept.take(rows)
    batch, marks = quizzes_of(shown), vote_marks(votes_of(shown))
    origin = shown.select(["round", "proposer", "dissenter"]).to_pylist()
    cards: list[Tree] = []
    ways = len(world.directions)
    for k, of_quiz in enumerate(origin):
        dissenter = of_quiz["dissenter"]
        answer = given[dissenter][:, rows[k]] if dissenter in given else ()
        cards.append(
            {
                **of_quiz,
                "svg": Markup(world.svg(batch, k)),
                "votes": [
                    (a, marks[k][ways * a : ways * (a + 1)]) for a in range(len(marks[k]) // ways)
                ],
                "mistake": _mistake(world, batch[k : k + 1], answer),
            }
        )
    return cards


def _mistake(
    world: QuizWorld, quiz: QuizBatch, given: Iterable[NDArray[np.unsignedinteger]]
) -> Markup | None:
    """The first answer [T] that is not the quiz's own as a picture, None where there is none."""
    for direction, tokens in enumerate(given):
        wrong = tokens != quiz.tokens[0]
        if wrong.any():
            # Both are reordered alike, so that the crosses stay on their cells.
            both = np.stack([tokens, wrong.astype(tokens.dtype)])
            task = np.repeat(quiz.task, 2)
            asked = world.directions[direction]
            shown = world.arrange(QuizBatch(both, np.repeat(quiz.layout, 2), task), asked)
            return Markup(world.svg(shown, 0, wrong=shown.tokens[1] > 0))
    return None
