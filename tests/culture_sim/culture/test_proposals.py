"""Proposals and votes: well-formed, decided by the seed, and what real decoding would say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.generation import generate
from agents.scoring import answers, score
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.proposers import ParentPool, ProposalRequest, proposers
from culture_sim.culture.proposers.writing import falling_temperature, sample
from culture_sim.culture.votes import ask, draw_voters, vote
from world import UNKNOWN_TASK, Stream
from world.core.errors import UserError
from world.core.options import from_tree
from world.grids.codec import ANSWER


@pytest.fixture(scope="module")
def parents(world):
    """World quizzes in the place of kept and of rejected ones; half of the latter are too old."""
    drawn = world.generate(Stream(4, "parents").generator(), 400)
    drawn = drawn[np.unique(world.canonical_hash(drawn), return_index=True)[1]]
    return ParentPool(drawn[:30], drawn[30:50], (np.arange(20) % 4).astype(np.int16))


@pytest.fixture(scope="module", params=proposers.names())
def propose(request, world, parents):
    """A method as a function of an agent, a seed, and how many."""

    def proposed(model, seed, count):
        return proposers[request.param]()(model, world, ProposalRequest(seed, count, parents))

    return proposed


def by(name, model, world, seed, count, parents=None, **options):
    """Proposals by a named method."""
    if parents is None:
        nothing = world.draw(Stream(0, "none"), 0, 0, "train")
        parents = ParentPool(nothing, nothing, np.zeros(0, dtype=np.int16))
    return proposers[name](**options)(model, world, ProposalRequest(seed, count, parents))


def test_proposals_are_well_formed(propose, agents, world):
    found = propose(agents[0], 5, 40)
    batch = found.quizzes
    assert batch.tokens.shape == (40, world.seq_len)
    assert (batch.layout == 0).all()
    assert (batch.task == UNKNOWN_TASK).all()
    assert batch.regions is None
    places = np.arange(world.seq_len)
    assert world.allowed[0][places, batch.tokens].all()
    assert found.parents.shape == (40, 2)
    assert found.age.shape == found.hot_temperature.shape == (40,)
    # A quiz is sampled from nothing, or made from another.
    assert ((found.parents[:, 0] > 0) == np.isnan(found.hot_temperature)).all()
    assert (np.isnan(found.hot_temperature) | ~np.isnan(found.temperature)).all()


def test_proposals_are_decided_by_agent_and_seed(propose, agents):
    first = propose(agents[0], 5, 20).quizzes.tokens
    state = torch.random.get_rng_state()
    assert np.array_equal(first, propose(agents[0], 5, 20).quizzes.tokens)
    assert torch.equal(state, torch.random.get_rng_state())
    assert not np.array_equal(first, propose(agents[0], 6, 20).quizzes.tokens)
    assert not np.array_equal(first, propose(agents[1], 5, 20).quizzes.tokens)
    assert len(np.unique(first, axis=0)) > 10


def test_every_method_ends_with_a_greedy_answer(propose, agents, world):
    asked = torch.from_numpy(propose(agents[2], 5, 40).quizzes.tokens).long()
    free = torch.from_numpy(world.codec.kinds[0] == ANSWER)
    decoded = generate(agents[2], asked, free, 0.0, torch.from_numpy(world.allowed[0]))
    assert torch.equal(decoded, asked)


def test_hot_then_cold_samples_as_a_loop_over_tokens_would(agents, world):
    """At temperature 0 nothing is drawn, and the method can be followed token by token."""
    layout = world.writing_layout
    tokens = torch.zeros(1, world.seq_len, dtype=torch.int64)
    for place in range(world.seq_len):
        with torch.no_grad():
            logits = agents[3](tokens)[0, place]
        logits[~torch.from_numpy(world.allowed[layout, place])] = -torch.inf
        tokens[0, place] = logits.argmax()
    cold = {"hot_temperature": 0.0, "temperature": 0.0}
    batch = by("hot_then_cold", agents[3], world, 0, 2, **cold).quizzes
    parts = tokens.numpy().reshape(4, -1)
    order = [2, 1, 3]  # A, f(A) and B stand third, second and fourth when generating
    expected = parts[order].ravel()
    assert np.array_equal(batch.tokens[0][: len(expected)], expected)
    assert np.array_equal(batch.tokens[0], batch.tokens[1])


def test_only_the_first_part_is_hot(agents, world):
    def sampled(hot, temperature):
        heat = falling_temperature(world, np.full(60, hot), temperature)
        return sample(agents[4], world, 1, heat)

    cold, hot = sampled(0.0, 1.5), sampled(1.5, 0.0)
    first = world.seq_len // 4
    assert len(np.unique(cold.tokens[:, :first], axis=0)) == 1
    assert len(np.unique(cold.tokens, axis=0)) > 20
    # Nothing is drawn after the first part: it decides the others.
    assert len(np.unique(hot.tokens[:, :first], axis=0)) == len(np.unique(hot.tokens, axis=0)) > 20


def test_the_rungs_of_a_ladder_differ_in_temperature(agents, world):
    """A rung is ``hot_then_cold`` at its temperature: the same draws, whatever the weights."""

    def written(procedure, hot):
        options = {"hot_temperature": hot, "temperature": 0.0}
        return by(procedure, agents[4], world, 1, 160, **options)

    ladder = written("ladder", 3.5)
    rungs = np.arange(8) * 0.5
    assert np.array_equal(ladder.hot_temperature, np.tile(rungs, 20))
    for number, heat in enumerate(rungs):
        alone = written("hot_then_cold", heat).quizzes.tokens
        assert np.array_equal(ladder.quizzes.tokens[number::8], alone[number::8])
    # Nothing is drawn at temperature 0; of the hottest rung, not all twenty can be one quiz.
    assert len(np.unique(ladder.quizzes.tokens[0::8], axis=0)) == 1
    assert len(np.unique(ladder.quizzes.tokens[7::8], axis=0)) > 1


def test_an_annealed_quiz_is_hot_first_and_cold_last(agents, world):
    found = by("annealed", agents[4], world, 1, 40, hot_temperature=1.0, temperature=1.0)
    same = by("hot_then_cold", agents[4], world, 1, 40, hot_temperature=1.0, temperature=1.0)
    assert np.array_equal(found.quizzes.tokens, same.quizzes.tokens)
    other = by("annealed", agents[4], world, 1, 40, hot_temperature=1.0, temperature=0.0)
    assert not np.array_equal(found.quizzes.tokens, other.quizzes.tokens)
    assert (other.hot_temperature == 1.0).all()


def test_recycling_writes_other_quizzes_to_rejected_answers(agents, world, parents):
    found = by("recycling", agents[4], world, 1, 40, parents, age=2)
    young = parents.ages < 2
    again = int(young.sum())
    assert 0 < again < 20
    hashes = world.canonical_hash(parents.rejected[young])
    assert np.array_equal(found.parents[:again, 0], hashes)
    assert np.array_equal(found.age[:again], parents.ages[young] + 1)
    assert not found.parents[again:].any()
    assert not found.age[again:].any()
    layout = world.writing_layout
    heat = falling_temperature(world, np.full(40, 1.5), 1.0)
    openings = world.arrange(parents.rejected[young], layout).tokens
    written = sample(agents[4], world, 1, heat, openings).tokens
    first = world.seq_len // 4
    assert np.array_equal(written[:again, :first], openings[:, :first])
    assert not np.array_equal(written[:again, first:], openings[:, first:])
    assert len(np.unique(written[again:, :first], axis=0)) > 20
    too_old = by("recycling", agents[4], world, 1, 40, parents, age=0)
    assert not too_old.parents.any()


def test_a_mutant_is_its_parent_but_for_a_few_cells(agents, world, parents):
    def found(rate):
        return by("mutation", agents[4], world, 1, 200, parents, rate=rate)

    question = world.codec.kinds[0] != ANSWER
    places = {int(h): i for i, h in enumerate(world.canonical_hash(parents.kept))}
    for rate, most in ((0.0, 0.0), (0.1, 0.1)):
        mutants = found(rate)
        rows = [places[int(value)] for value in mutants.parents[:, 0]]
        assert len(set(rows)) > 25
        assert not mutants.parents[:, 1].any()
        changed = mutants.quizzes.tokens != parents.kept.tokens[rows]
        share = changed[:, question].mean()
        assert most / 2 <= share <= most  # a cell drawn anew may stay what it was


def test_recombination_joins_an_example_and_a_question(agents, world, parents):
    found = by("recombination", agents[4], world, 1, 60, parents)
    places = {int(h): i for i, h in enumerate(world.canonical_hash(parents.kept))}
    one, other = (
        parents.kept.tokens[[places[int(value)] for value in column]] for column in found.parents.T
    )
    quarter = world.seq_len // 4
    tokens = found.quizzes.tokens
    assert np.array_equal(tokens[:, : 2 * quarter], one[:, : 2 * quarter])
    assert np.array_equal(tokens[:, 2 * quarter : 3 * quarter], other[:, 2 * quarter : 3 * quarter])


def test_votes_say_what_decoding_would(agents, world):
    proposed = by("hot_then_cold", agents[0], world, 5, 50).quizzes
    proposer = np.full(50, 7, dtype=np.int16)
    votes = vote(agents, world, proposed, proposer)
    assert votes.correct.shape == (50, 5, 2)
    assert np.array_equal(votes.proposer, proposer)
    for direction, (agent, model) in ((d, a) for d in (0, 1) for a in enumerate(agents)):
        asked = world.arrange(proposed, direction)
        exact = (answers(model, world, asked).tokens == asked.tokens).all(axis=1)
        assert np.array_equal(votes.correct[:, agent, direction], exact)
    assert np.array_equal(votes.correct, votes.wrong_tokens == 0)
    assert (votes.log_prob <= 0).all()
    assert 0.1 < votes.correct.mean() < 0.95  # both outcomes are met


def test_votes_do_not_depend_on_how_the_batch_is_cut(agents, world):
    drawn = world.generate(Stream(1, "votes").generator(), 90)
    proposer = np.zeros(90, dtype=np.int16)
    whole = vote(agents, world, drawn, proposer)
    part = vote(agents, world, drawn[70:77], proposer[:7])
    assert np.array_equal(part.log_prob, whole.log_prob[70:77])
    assert np.array_equal(part.correct, whole.correct[70:77])


def test_only_drawn_agents_vote_and_their_votes_are_the_same(agents, world):
    drawn = world.generate(Stream(1, "votes").generator(), 60)
    proposer = np.zeros(60, dtype=np.int16)
    voted = draw_voters(np.random.default_rng(3), 60, 5, 2)
    whole, part = vote(agents, world, drawn, proposer), vote(agents, world, drawn, proposer, voted)
    assert np.array_equal(part.voted, voted)
    assert whole.voted.all()
    for name in ("correct", "wrong_tokens", "log_prob"):
        assert np.array_equal(getattr(part, name)[voted], getattr(whole, name)[voted])
        assert not getattr(part, name)[~voted].any()


def test_probabilities_are_averaged_over_noisy_prompts(agents, world):
    drawn = world.generate(Stream(1, "votes").generator(), 40)
    proposer, rng = np.zeros(40, dtype=np.int16), np.random.default_rng(0)
    clean = vote(agents[:2], world, drawn, proposer)
    expected = np.exp(clean.log_prob.sum(axis=2))
    np.testing.assert_allclose(clean.probability, expected, rtol=1e-6)
    noisy = [world.corrupt(ask(world, drawn), 0.3, rng) for _ in range(3)]
    votes = vote(agents[:2], world, drawn, proposer, noisy=noisy)
    assert np.array_equal(votes.log_prob, clean.log_prob)
    by_round = [
        np.exp(sum(score(agents[1], world, n[np.arange(40) + 40 * d]).log_prob for d in (0, 1)))
        for n in noisy
    ]
    np.testing.assert_allclose(votes.probability[:, 1], np.mean(by_round, axis=0), rtol=1e-5)
    assert votes.probability.mean() < clean.probability.mean()


def test_voters_are_drawn_alike():
    voted = draw_voters(np.random.default_rng(0), 6000, 5, 3)
    assert (voted.sum(axis=1) == 3).all()
    assert np.abs(voted.mean(axis=0) - 0.6).max() < 5 * (0.6 * 0.4 / 6000) ** 0.5
    together = (voted[:, 0] & voted[:, 1]).mean()
    assert abs(together - 0.3) < 5 * (0.3 * 0.7 / 6000) ** 0.5
    assert draw_voters(np.random.default_rng(0), 3, 5, 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "three"}, "unknown culture.rule 'three'; known: .*four_of_five"),
        ({"proposers": ["cold"]}, "unknown culture.proposers 'cold'; known: .*hot_then_cold"),
        ({"proposers": []}, "culture.proposers is empty"),
        ({"proposers": ["ladder", {"name": "ladder", "rungs": 8}]}, "names ladder twice, with the"),
        ({"proposers": [{"name": "recycling", "age": -1}]}, "recycling.age must be 0 or more"),
        ({"proposers": [{"name": "mutation", "rate": 2.0}]}, r"mutation.rate must be in \[0, 1\]"),
        ({"proposers": [{"name": "ladder", "rungs": 0}]}, "ladder.rungs must be at least 1"),
        (
            {"proposers": [{"name": "annealed", "hot_temperature": -1.0}]},
            "proposer annealed.hot_temperature must be 0 or more",
        ),
        (
            {"proposers": [{"name": "recycling", "temperature": -1.0}]},
            "proposer recycling.temperature must be 0 or more",
        ),
        ({"voters": -1}, "culture.voters must be 0 or more"),
        ({"rule": {"k": 2}}, "unknown option culture.rule.k; known here: none"),
        ({"quota": 0}, "culture.quota must be at least 1"),
        ({"shard_batches": 0}, "culture.shard_batches must be at least 1"),
        ({"max_share": 1.5}, r"culture.max_share must be in \[0, 1\]"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        from_tree(CultureConfig, options, "culture")
