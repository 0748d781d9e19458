"""A round with real agents: what is kept and why, provenance, splits, interruptions, accounts."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow.compute as pc
import pytest

from culture_sim.culture.config import CultureConfig
from culture_sim.culture.figures import read_summary
from culture_sim.culture.proposers import ParentPool, ProposalRequest, proposers
from culture_sim.culture.proposers.hot_then_cold import HotThenCold
from culture_sim.culture.proposers.mutation import Mutation
from culture_sim.culture.proposers.recycling import Recycling
from culture_sim.culture.records import hashes_of, quizzes_of
from culture_sim.culture.rules import Rule, rules
from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.culture.store import CultureStore
from culture_sim.culture.votes import vote
from tests.culture_sim.culture.conftest import BATCHES, SHARD
from world import Stream
from world.core.errors import UserError
from world.core.options import from_tree


def same_round(folder, round_one):
    """Whether a folder holds round one, byte for byte, and nothing besides."""
    store, summary = round_one
    found = read_summary(CultureStore(folder), 1)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["round-0001.json", "round-0001.parquet"]
    assert {**found, "seconds": 0} == {**summary, "seconds": 0}
    return (folder / "round-0001.parquet").read_bytes() == store.path(1).read_bytes()


def test_kept_quizzes_have_exactly_four_solvers(round_one):
    store, summary = round_one
    votes, decision = store.votes(1), store.decision(1)
    solvers = votes.correct.all(axis=2).sum(axis=1)
    assert summary["kept"] == decision.keep.sum() >= 22
    assert np.array_equal(decision.keep, solvers == 4)
    chosen = votes.correct.all(axis=2)[decision.keep]
    assert not chosen[np.arange(len(chosen)), decision.dissenter[decision.keep]].any()
    assert 0 < decision.keep.sum() < len(decision)


def test_replaying_the_rule_gives_the_stored_decisions(round_one):
    store, summary = round_one
    rule, stored = from_tree(Rule, summary["culture"]["rule"]), store.decision(1)
    replayed = rule(store.votes(1))
    assert np.array_equal(replayed.keep, stored.keep)
    assert np.array_equal(replayed.dissenter, stored.dissenter)
    assert replayed.reason == stored.reason


def test_the_recorded_proposer_and_seed_made_the_quiz(round_one, setting, agents, world):
    store, _ = round_one
    config = CultureConfig(**setting["culture"])
    none = world.draw(Stream(0, "none"), 0, 0, "train")
    nothing = ParentPool(none, none, np.zeros(0, dtype=np.int16))
    differ, rows = [], store.table(1).to_pylist()[::25]
    for row in rows:
        batch, place = divmod(row["index"], config.batch_size)
        seed = Stream(setting["seed"], "proposal", agent=row["proposer"], round=1).seed(batch)
        assert row["seed"] == seed
        assert row["proposer"] == batch % 5
        propose = proposers[row["method"]]()
        request = ProposalRequest(row["seed"], config.batch_size, nothing)
        again = propose(agents[row["proposer"]], world, request).quizzes
        assert again.tokens[place].tolist() == row["tokens"]
        other = propose(agents[batch % 4], world, request).quizzes
        differ.append(other.tokens[place].tolist() != row["tokens"])
    assert any(differ)  # by another agent


def test_methods_take_turns_and_name_what_they_made_quizzes_from(make_round, round_one, tmp_path):
    names = ("recycling", "hot_then_cold", "mutation")
    methods = (Recycling(age=1), HotThenCold(), Mutation())
    shutil.copytree(round_one[0].folder, tmp_path, dirs_exist_ok=True)
    options = {"proposers": methods, "quota": 10_000, "max_proposals": 16 * 5 * 4}
    summary = make_round(tmp_path, round_=2, **options)
    by = summary["by_method"]
    assert [each["method"] for each in by] == list(names)
    assert [each["proposed"] for each in by] == [16 * 5 * 2, 16 * 5, 16 * 5]
    assert sum(each["kept"] for each in by) == summary["kept"]
    store = CultureStore(tmp_path)
    for row in store.table(2).to_pylist():
        method = names[row["index"] // 16 // 5 % 3]
        assert row["method"] == method
        assert (row["age"] > 0) <= (method == "recycling")
        assert bool(row["parents"][0]) == (method == "mutation" or row["age"] == 1)
    table = store.table(2)
    parents = {
        name: [row["parents"][0] for row in store.table(2).to_pylist() if row["method"] == name]
        for name in names
    }
    kept = store.table(1).filter(pc.field("keep") & (pc.field("split") == "culture_train"))
    assert len(set(parents["mutation"])) > 5
    assert set(parents["mutation"]) <= set(kept["hash"].to_pylist())
    recycled = [parent for parent in parents["recycling"] if parent]
    rejected = table.filter(~pc.field("keep"))["hash"].to_pylist()
    assert len(recycled) == len(set(recycled)) > 5
    assert set(recycled) <= set(rejected)


def test_the_stored_votes_are_those_of_the_agents(round_one, agents, world):
    store, _ = round_one
    stored = store.votes(1)
    again = vote(agents, world, quizzes_of(store.table(1)), stored.proposer)
    assert np.array_equal(again.correct, stored.correct)
    assert np.array_equal(again.log_prob, stored.log_prob)


def test_splits_do_not_leak(round_one, world, test_hashes):
    store, summary = round_one
    hashes = store.hashes()
    assert not np.isin(hashes, test_hashes).any()
    assert len(np.unique(hashes)) == len(hashes)
    train, test = (store.kept(f"culture_{split}") for split in ("train", "test"))
    assert (world.unit_split_of(train) == 0).all()
    assert (world.unit_split_of(test) > 0).any(axis=1).all()
    assert len(train) == summary["culture_train"] > 0
    assert len(test) == summary["culture_test"] > 0
    drawn = world.generate(Stream(9, "any").generator(), 2000)
    held_out = world.units_of(drawn)[world.unit_split_of(drawn) > 0]
    assert len(held_out)
    assert not np.isin(world.units_of(train), held_out).any()


def test_the_hashes_stored_are_those_of_the_quizzes(round_one, world):
    table = round_one[0].table(1)
    quizzes = quizzes_of(table)
    assert np.array_equal(hashes_of(table), world.canonical_hash(quizzes))
    assert not world.is_trivial(quizzes).any()


def test_the_accounts_add_up(round_one):
    store, summary = round_one
    names = ("proposed", "trivial", "duplicate", "voted", "kept")
    for name in names:
        assert summary[name] == sum(agent[name] for agent in summary["by_proposer"])
    for figures in (summary, *summary["by_proposer"]):
        assert figures["proposed"] == sum(figures[k] for k in ("trivial", "duplicate", "voted"))
        assert figures["yield"] == figures["kept"] / figures["proposed"]
    assert sum(summary["by_reason"].values()) == summary["proposed"]
    assert summary["by_reason"]["kept"] == summary["kept"]
    assert sum(summary["dissenters"]) == summary["kept"]
    proposer = store.votes(1).proposer
    assert [a["voted"] for a in summary["by_proposer"]] == np.bincount(proposer).tolist()
    assert summary["trivial"] > 0
    assert summary["duplicate"] > 0
    assert summary["proposed"] == summary["shards"] * SHARD


def test_a_round_ends_at_its_quota_with_the_shard_that_reaches_it(round_one):
    store, summary = round_one
    assert summary["ended"] == "quota"
    assert summary["why"].endswith("the quota is 22")
    before = store.table(1)["index"].to_numpy() < (summary["shards"] - 1) * SHARD
    assert store.decision(1).keep[before].sum() < 22 <= summary["kept"]


def test_a_round_ends_at_its_budget_to_the_quiz(make_round, tmp_path):
    summary = make_round(tmp_path, quota=1000, max_proposals=70)
    assert summary["ended"] == "budget"
    assert summary["proposed"] == 70
    assert (
        summary["why"] == f"{summary['kept']} of 70 proposals were kept; the budget is 70 proposals"
    )


def test_more_rounds_repeat_no_quiz(make_round, round_one, tmp_path):
    first = make_round(tmp_path, quota=1000, max_proposals=64)
    second = make_round(tmp_path, round_=2, quota=1000, max_proposals=64)
    store = CultureStore(tmp_path)
    assert store.rounds() == [1, 2]
    assert first["voted"] + second["voted"] == len(np.unique(store.hashes()))
    assert set(store.table(2)["round"].to_pylist()) == {2}


def test_a_round_of_known_quizzes_only(make_round, tmp_path):
    """Greedy proposals are the same in every batch: the second round has nothing to vote on."""
    cold = {"proposers": (HotThenCold(0.0, 0.0),), "max_proposals": 80}
    first = make_round(tmp_path, **cold)
    second = make_round(tmp_path, round_=2, **cold)
    assert first["voted"] <= 5
    assert second["voted"] == second["kept"] == 0
    assert second["trivial"] + second["duplicate"] == second["proposed"] == 80
    assert CultureStore(tmp_path).votes(2).correct.shape == (0, 5, 2)


def test_quizzes_of_the_test_set_are_dropped(make_round, round_one, tmp_path):
    wanted = round_one[0].hashes()[:20]
    summary = make_round(tmp_path, known=wanted, quota=1000, max_proposals=64)
    assert not np.isin(CultureStore(tmp_path).hashes(), wanted).any()
    assert summary["duplicate"] >= 15


class Killed(BaseException):
    """Stands for a kill at a moment chosen by a test."""


@pytest.mark.parametrize(("shards", "beats"), [(0, 1), (1, 0), (2, 1)])
def test_an_interrupted_round_goes_on_to_the_same_end(
    make_round, round_one, tmp_path, shards, beats
):
    """Killed after some finished shards, with some more batches of the next one done."""
    late = []

    def kill(progress):
        late.append(progress.proposed >= shards * SHARD)
        if sum(late) > beats:
            raise Killed

    with pytest.raises(Killed):
        make_round(tmp_path, progress=kill)
    parts = sorted((tmp_path / "round-0001.parts").glob("*"))
    assert [part.name for part in parts] == [f"{i:05d}.parquet" for i in range(shards)]
    assert CultureStore(tmp_path).rounds() == []
    seen = []
    make_round(tmp_path, progress=seen.append)
    assert len([p for p in seen if p.proposed == 0]) == (BATCHES if shards == 0 else 0)
    assert same_round(tmp_path, round_one)


def test_a_round_cut_between_its_files_goes_on(make_round, round_one, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("culture_sim.culture.round.shutil.rmtree", lambda path, **_: None)
        make_round(tmp_path)
    assert (tmp_path / "round-0001.parts").exists()
    make_round(tmp_path)  # stored, but its parts were not removed yet
    assert same_round(tmp_path, round_one)


def test_a_stored_round_is_left_alone(make_round, tmp_path):
    first = make_round(tmp_path, max_proposals=50)
    content = (tmp_path / "round-0001.parquet").read_bytes()
    assert make_round(tmp_path, max_proposals=90) == first
    assert (tmp_path / "round-0001.parquet").read_bytes() == content


@pytest.fixture(scope="module")
def begun(make_round, tmp_path_factory):
    """A folder with the first two shards of a round, which is not to be changed."""

    def kill(progress):
        if progress.proposed >= 2 * SHARD:
            raise Killed

    folder = tmp_path_factory.mktemp("begun")
    with pytest.raises(Killed):
        make_round(folder, progress=kill)
    return folder


@pytest.fixture
def unfinished(begun, tmp_path):
    """A copy of it."""
    return shutil.copytree(begun, tmp_path, dirs_exist_ok=True)


def test_a_part_of_another_budget_is_refused(make_round, tmp_path):
    """A budget cuts the last shard short; with another it would be another shard."""

    def kill(progress):
        if progress.proposed >= 54:
            raise Killed

    with pytest.raises(Killed):
        make_round(tmp_path, quota=1000, max_proposals=54, progress=kill)
    for budget, wanted in ((96, 32), (44, 12)):
        with pytest.raises(UserError, match=rf"00001.parquet has 22 proposals.* give it {wanted};"):
            make_round(tmp_path, quota=1000, max_proposals=budget)
    assert make_round(tmp_path, quota=1000, max_proposals=54)["proposed"] == 54


def test_a_damaged_part_is_named_and_can_be_made_again(make_round, unfinished, round_one):
    part = unfinished / "round-0001.parts" / "00000.parquet"
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(UserError, match=r"00000.parquet is damaged .*; remove it to have"):
        make_round(unfinished)
    part.unlink()
    make_round(unfinished)
    assert same_round(unfinished, round_one)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"proposers": (HotThenCold(1.2),)}, "culture.proposers"),
        ({"batch_size": 8}, "culture.batch_size"),
        ({"proposers": (HotThenCold(), Mutation())}, "culture.proposers"),
        ({"known": np.zeros(1, dtype=np.uint64)}, "known quizzes"),
    ],
)
def test_parts_of_another_configuration_are_refused(make_round, unfinished, changes, what):
    with pytest.raises(UserError, match=f"unfinished round made with another {what}; .*remove"):
        make_round(unfinished, **changes)


def test_an_unfinished_round_may_be_given_another_end(make_round, unfinished):
    summary = make_round(unfinished, quota=1000, max_proposals=3 * SHARD)
    assert (summary["ended"], summary["shards"]) == ("budget", 3)


def test_a_population_the_rule_cannot_judge_is_refused_at_once(make_round, agents, tmp_path):
    with pytest.raises(UserError, match="needs 5 agents, the population has 4"):
        make_round(tmp_path, models=agents[:4])
    assert list(tmp_path.iterdir()) == []


def test_processes_that_do_not_know_of_each_other_are_refused(make_round, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="2 processes were started but accelerate joined 1"):
        make_round(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_damaged_figures_are_named(make_round, tmp_path, damage):
    make_round(tmp_path, max_proposals=20)
    path = tmp_path / "round-0001.json"
    text = path.read_text()
    assert json.loads(text)["round"] == 1
    path.unlink() if damage == "missing" else path.write_text(text[:30])
    with pytest.raises(UserError, match=r"round-0001.json is (missing|damaged).*restore it"):
        read_summary(CultureStore(tmp_path), 1)


def test_a_round_of_drawn_voters_is_replayed_from_the_store(make_round, tmp_path):
    options = {"rule": AllButK(1), "voters": 3, "quota": 10}
    summary = make_round(tmp_path / "culture", **options)
    store = CultureStore(tmp_path / "culture")
    votes, stored = store.votes(1), store.decision(1)
    assert (votes.voted.sum(axis=1) == 3).all()
    assert len(np.unique(votes.voted, axis=0)) > 5
    assert summary["kept"] == stored.keep.sum() >= 10
    assert (votes.solves[stored.keep].sum(axis=1) == 2).all()
    dissenters = stored.dissenter[stored.keep]
    assert votes.voted[stored.keep][np.arange(len(dissenters)), dissenters].all()
    row = store.table(1).slice(0, 1).to_pylist()[0]
    replayed = rules[row["rule"]](**json.loads(row["rule_options"]))(votes)
    assert np.array_equal(replayed.keep, stored.keep)
    assert replayed.reason == stored.reason


def test_too_few_voters_are_refused_before_any_work(make_round, tmp_path):
    with pytest.raises(UserError, match=r"voters \(6\) must be at most the number of agents"):
        make_round(tmp_path / "culture", voters=6)
    with pytest.raises(UserError, match="four_of_five needs the votes of all agents"):
        make_round(tmp_path / "culture", voters=4)
    assert not (tmp_path / "culture").exists()


def test_one_method_may_stand_twice_with_other_options(make_round, tmp_path):
    methods = (HotThenCold(), HotThenCold(1.2))
    summary = make_round(tmp_path, proposers=methods, quota=10_000, max_proposals=16 * 5 * 2)
    names = ["hot_then_cold", "hot_then_cold-hot_temperature-1.2"]
    assert [(one["method"], one["proposed"]) for one in summary["by_method"]] == [
        (name, 16 * 5) for name in names
    ]
    rows = CultureStore(tmp_path).table(1).to_pylist()
    hot = {row["method"]: row["hot_temperature"] for row in rows}
    assert hot == dict(zip(names, (1.5, 1.2), strict=True))
