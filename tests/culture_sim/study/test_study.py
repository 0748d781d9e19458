"""A study: figures from figures whose answer is known, and a small one from end to end."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from agents.config import ModelConfig
from culture_sim.cli import main
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.culture.rules.likelihood import Likelihood
from culture_sim.culture.rules.random_filter import RandomFilter
from culture_sim.culture.rules.random_likelihood import RandomLikelihood
from culture_sim.culture.rules.severe_failure import SevereFailure
from culture_sim.culture.store import CultureStore
from culture_sim.features.comparisons import open_compared
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from culture_sim.study.arms import ABOUT, CHANGES, CONTROL, FEWER, options_of
from culture_sim.study.differences import differences, in_words
from culture_sim.study.figure import draw
from culture_sim.study.results import _features, compare, interval
from culture_sim.study.runs import BASE, StudyRuns
from sae.config import SAEConfig
from sae.contrasts.occurrence import firing_shares
from tests.helpers.commands import culture_sim
from tests.helpers.processes import equal, tensors
from world.core.errors import UserError

FULL = "full"
ARMS = (CONTROL, FEWER, "random_filter", "frozen")
"""Arms of the study that is made here."""
LEARNED = [
    *("--world", "strings", "--world.tasks", "append", "shift", "--world.length", "4"),
    *("--model.d-model", "48", "--model.d-mlp", "96", "--model.n-layers", "2"),
    *("--train.precision", "fp32", "--train.learning-rate", "0.012", "--train.cooling", "0"),
    *("--train.warmup-steps", "50", "--train.ema-decay", "0.98", "--train.writing-share", "0.1"),
    *("--train.test-quizzes", "40", "--train.validation-quizzes", "40"),
    *("--train.recombined-quizzes", "4"),
    *("--train.target", "0.6", "--train.epoch-quizzes", "1024", "--train.max-quizzes", "40960"),
    *("--agents", "3", "--culture.rule", "all_but_k"),
    # So hot that the strings of agents are shorter than the world's.
    *("--culture.proposers.hot_then_cold.hot-temperature", "8"),
]
"""What three agents learn well enough that two solve some quizzes and one does not."""
SAES = [
    *(
        "--sae.sites",
        "blocks.1.hook_resid_post",
        "--sae.widths",
        "32",
        "--sae.k",
        "4",
        "--sae.training-tokens",
        "16000",
    ),
    *("--sae.comparison-quizzes", "80", "--sae.concept-quizzes", "20", "--sae.min-firings", "5"),
    *("--sae.resamples", "5", "--sae.permutations", "1"),
]
"""SAEs that are trained in a second."""


def made_up(effect, seeds=3, rounds=2):
    """Accuracies of two arms; ``full`` ends above ``none`` by ``effect`` and a little noise."""
    rng, rows = np.random.default_rng(0), []
    for seed in range(seeds):
        level = rng.uniform(0.3, 0.6)  # seeds differ far more than arms do
        for arm in (CONTROL, FULL):
            for number in range(rounds + 1):
                gain = effect if arm == FULL and number == rounds else 0.0
                for agent in range(5):
                    value = level + gain + rng.normal(0, 0.001)
                    rows.append((seed, arm, number, agent, "transfer", value))
            rows.append((seed, arm, rounds, -1, "yield", 0.02))
    return pd.DataFrame(rows, columns=["seed", "arm", "round", "agent", "measure", "value"])


def of(compared, measure, arm):
    (row,) = (row for row in compared if (row["measure"], row["arm"]) == (measure, arm))
    return row


def test_an_interval_is_students():
    found = interval(pd.Series([1.0, 2.0, 6.0]))
    assert found["value"] == 3.0
    reach = 4.302653 * np.std([1, 2, 6], ddof=1) / 3**0.5
    assert found["high"] - 3 == pytest.approx(reach, rel=1e-5)
    assert 3 - found["low"] == pytest.approx(reach, rel=1e-5)
    assert interval(pd.Series([1.0])) == {"value": 1.0, "low": None, "high": None}


@pytest.mark.parametrize("effect", [0.0, 0.03, -0.03])
def test_arms_are_compared_within_seeds(effect):
    row = of(compare(made_up(effect), 2), "transfer", FULL)
    against = row["against_control"]
    assert against["low"] < effect < against["high"]
    assert against["high"] - against["low"] < 0.01  # though seeds are 0.3 apart
    assert (against["low"] > 0) == (effect > 0)
    assert (against["high"] < 0) == (effect < 0)
    assert len(row["by_seed"]) == 3
    assert row["full_against"] == {"value": 0, "low": 0, "high": 0}
    control = of(compare(made_up(effect), 2), "transfer", CONTROL)
    assert control["full_against"] == against
    assert control["against_control"]["value"] == 0
    assert row["after"]["high"] - row["after"]["low"] > 0.05


MANY = (CONTROL, FEWER, "frozen", "single", FULL)


def many(seeds=3, effect=0.0, arms=MANY):
    """Four measures of arms that differ by chance, but for ``effect`` of ``full`` on the world."""
    rng, rows = np.random.default_rng(3), []
    for seed in range(seeds):
        for measure in ("world", "world loss", "transfer", "culture"):
            for arm in arms:
                gain = effect if (arm, measure) == (FULL, "world") else 0.0
                rows.append((seed, arm, 1, 0, measure, gain + rng.normal(0, 0.001)))
    return pd.DataFrame(rows, columns=["seed", "arm", "round", "agent", "measure", "value"])


def test_differences_are_tested_together():
    results = many(effect=0.5)
    found = differences(results, 1)
    assert len(found) == 36
    assert {(row["arm"], row["less"]) for row in found} == {
        *((arm, CONTROL) for arm in (FEWER, "frozen", "single", FULL)),
        *((arm, FEWER) for arm in ("frozen", "single", FULL)),
        *((FULL, arm) for arm in ("frozen", "single")),
    }
    for row in found:
        means = results.set_index(["measure", "arm", "seed"])["value"].sort_index()
        values = means[row["measure"], row["arm"]] - means[row["measure"], row["less"]]
        t = values.mean() / (values.std(ddof=1) / 3**0.5)
        # Student's t of two degrees of freedom in closed form.
        assert row["p"] == pytest.approx(1 - abs(t) / (2 + t * t) ** 0.5)
        assert (row["p"] < 0.05) == (not row["low"] < 0 < row["high"])
        assert row["q"] >= row["p"]
    # Benjamini and Hochberg: the least of p n / rank, of this rank and all above.
    p, q = (np.sort([row[key] for row in found]) for key in ("p", "q"))
    assert q == pytest.approx(np.minimum.accumulate((p * 36 / np.arange(1, 37))[::-1])[::-1])
    of_world = [row for row in found if (row["measure"], row["arm"]) == ("world", FULL)]
    assert len(of_world) == 4
    assert max(row["q"] for row in of_world) < 0.05
    alone, together = (sum(row[key] < 0.05 for row in found) for key in ("p", "q"))
    assert in_words(found).startswith(
        f"Of 36 differences between arms {alone} exclude 0 (p below 0.05), where 1.8 would by "
        f"chance; {together} still do"
    )


@pytest.mark.parametrize(
    "results", [many(seeds=1), many(arms=(CONTROL,)), many().assign(value=0.5)]
)
def test_what_does_not_vary_is_not_tested(results):
    found = differences(results, 1)
    assert {(row["p"], row["q"]) for row in found} <= {(None, None)}
    assert in_words(found).startswith("No difference between arms can be tested")


def test_a_seed_that_an_arm_was_not_measured_in_is_left_out():
    results = many()
    here = (results["arm"] == FULL) & (results["measure"] == "culture")
    gone = results.assign(value=results["value"].mask(here & (results["seed"] == 1)))
    taught = {"measure": "culture", "arm": FULL}

    def of_full(results):
        found = [row for row in differences(results, 1) if row.items() >= taught.items()]
        return [{**row, "q": None} for row in found]  # which others decide, too

    full = of_full(gone)
    assert {row["seeds"] for row in full} == {2}
    assert full == of_full(gone[gone["seed"] != 1])
    others = [row for row in differences(gone, 1) if not row.items() >= taught.items()]
    assert {row["seeds"] for row in others} == {3}
    assert "differences between arms" in in_words(differences(gone, 1))
    assert differences(results[~here], 1)
    by_arm = of(compare(gone, 1), "culture", FULL)["against_control"]
    assert by_arm["value"] == pytest.approx(full[0]["value"])
    assert by_arm["high"] == pytest.approx(full[0]["high"])


def test_one_seed_has_no_interval_and_what_was_not_measured_no_row():
    compared = compare(made_up(0.03, seeds=1), 2)
    assert of(compared, "transfer", FULL)["against_control"]["low"] is None
    assert {row["measure"] for row in compared} == {"transfer", "yield"}


def test_the_picture_is_the_same_for_the_same_figures(tmp_path):
    compared = compare(made_up(0.03), 2)
    for name in ("one.svg", "other.svg"):
        draw(compared, tmp_path / name)
    one = (tmp_path / "one.svg").read_bytes()
    assert one == (tmp_path / "other.svg").read_bytes()
    assert b"tasks that no agent trained on" in one
    draw(compare(made_up(0.03, seeds=1), 2), tmp_path / "single.svg")


def test_arms_differ_in_what_is_taught():
    options = {arm: options_of(arm, CultureConfig(), 0.3) for arm in CHANGES}
    assert set(ABOUT) == set(CHANGES)
    assert options.pop(FEWER) == options[CONTROL]
    assert len(set(map(repr, options.values()))) == len(options)
    assert {each.max_share for each in options.values()} == {0.3}
    assert options["random_filter"].rule == RandomFilter(1)
    two = CultureConfig(rule=AllButK(2))
    assert options_of("random_filter", two, 0.3).rule == RandomFilter(2)
    others = CultureConfig(rule=AllButK(others=True))
    assert options_of("random_filter", others, 0.3).rule == RandomFilter(others=True)
    margin = CultureConfig(rule=Likelihood(0.8, 0.2, 1, 1))
    assert options_of("random_filter", margin, 0.3).rule == RandomLikelihood(0.8, 0.2, 1, 1)
    with pytest.raises(UserError, match="not as 'severe_failure'; leave it out of --arms"):
        options_of("random_filter", CultureConfig(rule=SevereFailure()), 0.3)


@pytest.mark.parametrize(("share", "quizzes"), [(0.3, 176), (0.5, 128), (0.1, 224)])
def test_one_arm_sees_only_the_worlds_share_of_a_lesson(tmp_path, share, quizzes):
    study = StudyRuns(tmp_path, RunConfig(), "study", 1, tuple(CHANGES), 256, share, 96)
    seen = {arm: study.arm_options(0, arm).train for arm in CHANGES}
    assert {arm: train.epoch_quizzes for arm, train in seen.items()} == {
        arm: quizzes if arm == FEWER else 256 for arm in CHANGES
    }
    assert all(train.epoch_quizzes == train.max_quizzes for train in seen.values())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--seeds", "0"], "study.seeds must be at least 1, got 0"),
        (["--arms", "none", "some"], "unknown arm 'some'; known: none, fewer, random_filter"),
        (["--arms", "full"], "--arms must name 'none'"),
        (["--rounds", "0"], "a study needs at least one round"),
        (["--lesson", "33"], "--lesson (33) must be a multiple of --train.batch-size (16)"),
        (["--name", "../other"], "--name must be the name of a folder"),
        (["--sed", "3"], "--sed"),
        (["--seed", "7"], "--seed is for a study to decide"),
        (["--culture.trains-on", "none"], "--culture.trains-on is for a study to decide"),
        (["--compare-on-culture"], "the features of every arm are compared on the same quizzes"),
        (["--culture.restart-quota", "9"], "--culture.restart-quota is for a study to decide"),
        (["--share", "1.5"], "study.share must be in [0, 1]"),
        (["--arms", "none", "full", "full"], "--arms names an arm twice"),
        (["--share", "1"], "the arm fewer would train on 0 quizzes; leave it out of --arms"),
        (["--share", "0"], "the arm fewer would train on 2400 quizzes"),
        (["--lesson", "16"], "the arm fewer would train on 16 quizzes"),
        (["--agents", "4"], "four_of_five"),
        (["--features", "--sae.sites", "blocks.9.*"], "blocks.9.*"),
    ],
)
def test_impossible_studies_are_refused(tmp_path, capsys, options, says):
    assert main(["study", "--runs", str(tmp_path), *options]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.startswith("culture-sim: error: ")
    assert list(tmp_path.iterdir()) == []


@dataclass(frozen=True)
class Small:
    """A study on a world that agents learn in seconds, so that they keep some quizzes."""

    runs: Path

    @property
    def folder(self):
        return self.runs / "s"

    @property
    def command(self):
        return [
            *("study", "--runs", str(self.runs), "--name", "s"),
            *("--seeds", "1", "--arms", *ARMS, "--rounds", "1", "--lesson", "256"),
            *("--exam-proposals", "96", "--processes", "1", *LEARNED),
            *("--culture.max-proposals", "224", "--culture.batch-size", "32"),
        ]

    def make(self, *options):
        """Run the command to its end."""
        return culture_sim(*self.command, *options)

    def run(self, name):
        return Run.open(self.folder / "seed-0" / name)

    def votes(self, name):
        """What was voted on in a run, without what was decided of it."""
        return CultureStore(self.folder / "seed-0" / name / "culture").table(1)

    @property
    def summary(self):
        return (self.folder / "study.json").read_text()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A finished study, which is not to be changed, and what it said."""
    made = Small(tmp_path_factory.mktemp("runs"))
    done = made.make()
    assert done.returncode == 0, done.stderr[-2000:]
    return made, done.stdout


@pytest.mark.slow
def test_a_study_leaves_its_results(small):
    made, shown = small
    assert f"written: {made.folder / 'study.json'}, results.parquet, study.svg" in shown
    found = json.loads(made.summary)
    assert found["rounds"] == 1
    assert {row["arm"] for row in found["compared"]} == set(ARMS)
    assert {row["arm"] for row in found["differences"]} == set(ARMS[1:])
    assert "No difference between arms can be tested: that takes several seeds" in shown
    assert len(found["exam_quizzes"]) == 1
    assert (made.folder / "study.svg").exists()
    results = pd.read_parquet(made.folder / "results.parquet")
    assert set(results["measure"]) >= {"world", "world loss", "transfer loss", "yield"}
    began = results[results["round"] == 0].groupby("measure")["value"].mean()
    # The exam holds what one agent failed and the others solved, in either direction.
    assert began["culture solved"] == 1.0
    assert 0 <= began["culture failed"] <= 0.5
    assert {row["full_against"] for row in found["compared"]} == {None}


@pytest.mark.slow
def test_arms_propose_alike_and_teach_something_else(small):
    made, _ = small
    began = made.run("base").agent_state(2).quizzes
    learned_from = {arm: made.run(arm).agent_state(2).quizzes - began for arm in ARMS}
    assert learned_from == {arm: 176 if arm == FEWER else 256 for arm in ARMS}
    # The same agents propose the same in every arm, and something else for the exam.
    voted = {name: made.votes(name) for name in (*ARMS, "exam")}
    asked = {name: table["hash"].to_pylist() for name, table in voted.items()}
    assert all(asked[arm] == asked[CONTROL] for arm in ARMS)
    assert len(set(asked["exam"]) & set(asked[CONTROL])) < 5
    kept = {name: table["keep"].to_pylist() for name, table in voted.items()}
    assert kept[CONTROL] == kept["frozen"]
    assert sum(kept["random_filter"]) == sum(kept[CONTROL]) > 5
    assert kept["random_filter"] != kept[CONTROL]
    assert set(voted["random_filter"]["rule"].to_pylist()) == {"random_filter"}
    trains_on = {arm: made.run(arm).config.culture.trains_on for arm in ARMS}
    assert trains_on == {CONTROL: "none", FEWER: "none", "random_filter": "all", "frozen": "first"}
    learned = {tuple(made.run(arm).agent_state(i).sha256 for i in range(3)) for arm in ARMS}
    assert len(learned) == len(ARMS)


@pytest.mark.slow
def test_a_finished_study_is_left_alone_and_another_refused(small):
    made, _ = small
    summary = made.summary
    other = made.make("--lesson", "512")
    assert other.returncode == 2
    assert "holds a study with other options (lesson); give this one a --name" in other.stderr
    again = made.make()
    assert again.returncode == 0, again.stderr[-2000:]
    assert made.summary == summary
    assert "agents learn the world" not in again.stdout


def test_the_comparison_that_is_asked_for_is_measured(tmp_path):
    """Not one of an earlier width, which has its place in the same run."""
    options = RunConfig(model=ModelConfig(d_model=32), sae=SAEConfig(widths=(64,)))
    study = StudyRuns(tmp_path, options, "study", 1, (CONTROL,), 256, 0.3, 96)
    run = Run.start(study.path(0, BASE), study.base_options(0), "study")
    site = run.config.sae.sites[0]
    summaries = {
        f"{site}/batch_topk-{width}": {"universality": {"value": None, "cross": r, "ceiling": 1.0}}
        for width, r in ((128, 0.1), (64, 0.2))
    }
    run.add_summary("features", summaries)
    found = {row["measure"]: row["value"] for row in _features(study, 0, 0, BASE)}
    assert found == {"shared r": 0.2, "ceiling r": 1.0}


@pytest.fixture(scope="module")
def featured(small, tmp_path_factory):
    """The study of one arm, with features, and what it said."""
    made = Small(tmp_path_factory.mktemp("featured"))
    shutil.copytree(small[0].folder, made.folder)
    done = made.make("--arms", CONTROL, "--features", *SAES)
    assert done.returncode == 0, done.stderr[-2000:]
    return made, done.stdout


@pytest.mark.slow
def test_what_agents_share_is_measured_before_and_after(featured):
    made, shown = featured
    assert "agents learn the world" not in shown
    results = pd.read_parquet(made.folder / "results.parquet")
    shared = results[results["measure"] == "shared r"]
    assert shared["round"].tolist() == [0, 1]
    assert shared["agent"].tolist() == [-1, -1]
    compared = [made.run(name).summary()["features"] for name in ("base", CONTROL)]
    summaries = [next(iter(tree.values())) for tree in compared]
    found = [tree["universality"]["cross"] for tree in summaries]
    assert shared["value"].tolist() == found
    # On the same quizzes, though there is culture to test on after the round.
    assert len(CultureStore(made.run(CONTROL).path / "culture").kept("culture_test")) > 2
    assert len({tree["made_from"]["quizzes"] for tree in summaries}) == 1
    assert [tree["culture_quizzes"] for tree in summaries] == [0, 0]
    assert found[0] != found[1]
    row = of(json.loads(made.summary)["compared"], "shared r", CONTROL)
    assert row["gained"]["value"] == pytest.approx(found[1] - found[0])
    without = made.make("--arms", CONTROL)
    assert without.returncode == 2
    assert "says what features agents share; give --features to keep that" in without.stderr


@pytest.mark.slow
def test_features_on_agents_own_quizzes(featured, capsys, monkeypatch):
    made, _ = featured
    forming = Mock(side_effect=firing_shares)
    monkeypatch.setattr("culture_sim.features.on_culture.firings.firing_shares", forming)
    run = made.run(CONTROL)
    where = ("--runs", str(run.path.parent), "--run", run.path.name)
    options = ("--world-quizzes", "300", "--solved", "300", "--resamples", "50")
    assert main(["culture-features", *where, *options]) == 0
    assert "Solvers towards the dissenter" in capsys.readouterr().out
    # Once for each agent and origin.
    assert forming.call_count == 3 * 3
    (folder,) = (run.path / "features").glob("*/*")
    found = json.loads((folder / "culture.json").read_text())
    asked, made_from = found["asked"], open_compared(run, None, None).made_from
    assert (asked["world"]["quizzes"], found["comparison"]) == (300, made_from)
    # Those of the round that no agent was taught, or would have been, and most did not fail.
    stored, votes = made.votes(CONTROL), CultureStore(run.path / "culture").votes(1)
    taught = [k and s == "culture_train" for k, s in zip(*columns(stored), strict=True)]
    near = (~votes.solves).sum(axis=1) <= 2
    untaught = near & ~np.array(taught)
    assert asked["agents"]["quizzes"] == untaught.sum()
    # All that were kept, and of the others why they were not.
    keep, reason = (np.array(stored[name].to_pylist()) for name in ("keep", "reason"))
    assert asked["kept"]["quizzes"] == keep.sum() > asked["kept"]["taught"] == sum(taught) > 5
    by_reason = {name: part["quizzes"] for name, part in asked["agents"]["by_reason"].items()}
    assert by_reason == pd.Series(reason[untaught]).value_counts().to_dict()
    assert 0 < by_reason["kept"] < untaught.sum()
    for counts in [*asked.values(), *asked["agents"]["by_reason"].values()]:
        by_failing = [counts[f"failed_by_{n}"] for n in ("none", "one", "more")]
        assert sum(by_failing) == counts["quizzes"]
    for origin in ("world", "agents"):
        assert sum(asked[origin]["dissenters"]) == asked[origin]["failed_by_one"] > 5
    origins = ("world", "agents", "agents_kept")
    assert {(row["origin"], row["region"]) for row in found["dissent"]} == {
        (origin, region) for origin in origins for region in ("prompt", "right", "wrong")
    }
    told = {row["origin"]: row.get("quizzes", 0) for row in found["dissent"][::-1]}
    assert told["agents_kept"] <= min(by_reason["kept"], told["agents"])
    occurs = pd.read_parquet(folder / "occurrence.parquet")
    differing = (occurs.dropna(subset="q").set_index("groups").q <= 0.05).groupby("groups").mean()
    # All features are asked about one cut in two, so by chance some are found together.
    assert max(differing["world_world"], differing["kept_kept"]) < differing["agents_world"] / 2
    most = occurs.groupby("groups").quizzes.max()
    assert most["kept_world"] == most["kept_hard"] == keep.sum()
    departures = pd.read_parquet(folder / "departures.parquet")
    families = len(pd.read_parquet(folder / "families.parquet"))
    assert departures.groupby("origin").size().to_dict() == {
        name: families for origin in origins for name in (origin, f"placebo_{origin}")
    }
    assert main(["culture-features", *where, "--solved", "0"]) == 2
    assert "solved must be at least 1" in capsys.readouterr().err


def columns(table):
    return table["keep"].to_pylist(), table["split"].to_pylist()


@pytest.mark.slow
def test_a_study_that_lost_an_arm_makes_it_again(small, tmp_path):
    """The rest is left alone, the agents that all arms begin with above all."""
    whole, _ = small
    made = Small(tmp_path)
    shutil.copytree(whole.folder, made.folder)
    arm = made.folder / "seed-0" / "frozen"
    shutil.rmtree(arm)
    for name in ("study.json", "results.parquet", "study.svg"):
        (made.folder / name).unlink()
    done = made.make()
    assert done.returncode == 0, done.stderr[-2000:]
    assert "agents learn the world" not in done.stdout
    assert made.summary == whole.summary
    assert equal(tensors(arm), tensors(whole.folder / "seed-0" / "frozen"))
