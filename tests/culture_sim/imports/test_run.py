"""The run that is made of published files: what is in it, what is unknown, what later stages do."""

import json
import shutil

import pytest
import torch

from culture_sim.culture.records import array_of
from culture_sim.culture.store import CultureStore
from culture_sim.imports.dataset import read_quizzes
from culture_sim.notebook import open_run
from culture_sim.population.nulls import score_lookup
from culture_sim.run.lookup import read_lookup
from culture_sim.run.run import Run
from tests.culture_sim.imports.conftest import make_run, run_import
from tests.helpers import commands
from tests.helpers.published import Shape, logits, tensors, write_agent, write_culture, write_sae
from world import Stream
from world.core.errors import UserError
from world.grids.world import SOURCE_TASKS

pytestmark = pytest.mark.slow


def refused(folder, *paths):
    """What is said in one line; nothing is left in the folder of runs."""
    with pytest.raises(UserError) as caught:
        make_run(folder / "runs" / "spoiled", *paths)
    assert "\n" not in str(caught.value)
    assert not (folder / "runs").exists()
    return str(caught.value)


def test_agents_are_those_of_the_files(imported):
    assert imported.config.agents == 2
    drawn = imported.config.world.draw(Stream(0, "logits"), 0, 2, "test")
    tokens = torch.from_numpy(drawn.tokens).long()
    for number in imported.agents:
        model = imported.load_agent(number)
        with torch.no_grad():
            theirs = logits(tensors(seed=number), tokens)
            torch.testing.assert_close(model(tokens), theirs, atol=2e-4, rtol=0)


def test_what_is_not_known_is_not_zero(imported):
    told = [imported.agent_state(agent).imported for agent in imported.agents]
    assert [each["accuracy"] for each in told] == pytest.approx([0.97, None])
    assert {each["quizzes"] for each in told} == {None}
    assert [each["from"] for each in told] == ["gpt_000.pth", "gpt_001.pth"]
    summary = imported.summary()
    assert {each["quizzes"] for each in summary["training"]} == {None}
    assert {each["seconds"] for each in summary["training"]} == {None}
    assert {each["quizzes"] for each in imported.agent_state(0).course} == {None}
    rounds = summary["culture"]["rounds"]
    assert {each[key] for each in rounds for key in ("proposed", "voted", "yield", "trivial")} == {
        None
    }
    assert summary["culture"]["alarms"] == []
    assert open_run(imported.path).training["quizzes"].isna().all()


def test_agents_are_examined_and_the_target_is_what_they_reach(imported):
    states = [imported.agent_state(agent) for agent in imported.agents]
    assert {state.test.total for state in states} == {16}
    assert {state.round for state in states} == {2}
    lowest = min(state.test.accuracy for state in states)
    assert imported.config.train.target == pytest.approx(min(0.95, lowest), abs=0.01)
    assert all(state.test.accuracy >= imported.config.train.target for state in states)
    assert imported.config.rounds == 3


def test_culture_is_stored_with_the_votes_of_these_agents(imported):
    store = CultureStore(imported.path / "culture")
    assert store.rounds() == [1, 2]
    table, votes = store.table(1), store.votes(1)
    assert len(table) == 4 + 2
    assert table["split"].to_pylist() == ["culture_train"] * 4 + ["culture_test"] * 2
    assert votes.voted.all()
    for name in ("proposer", "seed", "index", "age"):
        assert set(array_of(table, name).tolist()) == {-1}
    assert set(table["method"].to_pylist()) == {"imported"}
    assert array_of(table, "keep").all()
    assert (votes.log_prob < 0).all()
    failing = (~votes.solves).sum(axis=1)
    assert ((array_of(table, "dissenter") >= 0) == (failing == 1)).all()
    figures = json.loads((imported.path / "culture" / "round-0001.json").read_text())
    assert figures["by_reason"] == {
        "kept by the source": 6,
        "not imported: a label in a cell": 1,
    }
    assert figures["imported"]["from"] == "c_quizzes.pth"
    assert imported.summary()["imported"]["culture"]["dropped"] == {"a label in a cell": 1}


def test_the_dataset_is_kept_and_answered(imported):
    quizzes = read_quizzes(imported.path, imported.config.world)
    assert len(quizzes) == 6
    assert imported.config.world.follows(quizzes, "frame").all()
    told = imported.summary()["imported"]["dataset"]
    assert told["quizzes"] == {"frame": 6}
    assert [each["total"] for each in told["agents"]] == [6, 6]


def test_votes_can_be_replayed(imported):
    place = ("--runs", str(imported.path.parent), "--run", imported.path.name)
    ended = commands.culture_sim("replay", *place, "--rule.name", "likelihood", "--rule.most", "1")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("made elsewhere") == 2


def test_a_lookup_is_not_scored(imported):
    score_lookup(imported)
    assert read_lookup(imported) is None


def test_agents_alone_are_a_run_too(files, tmp_path):
    agents = sorted(files.glob("*.pth"))
    ended = run_import(tmp_path / "runs", "alone", *agents, "--most-quizzes", "1")
    assert ended.returncode == 0, ended.stderr
    run = Run.open(tmp_path / "runs" / "alone")
    assert (run.config.agents, run.config.rounds) == (2, 1)
    assert run.config.world.tasks == SOURCE_TASKS
    assert "unknown" in ended.stdout
    assert not (run.path / "culture").exists()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["alone"]


def test_bad_files_are_refused_and_nothing_is_written(files, tmp_path, one_quiz):
    agents = sorted(files.glob("*.pth"))
    assert "two agents at least" in refused(tmp_path, agents[0])
    assert "is not there" in refused(tmp_path, *agents, files / "none.pth")
    odd = files / "notes.txt"
    odd.write_text("")
    assert "none of the files that are read" in refused(tmp_path, *agents, odd)
    (files / "empty").mkdir()
    assert "has none of the files" in refused(tmp_path, files / "empty")
    larger = write_agent(files / "empty", 4, Shape(dim=48))
    assert "of different sizes" in refused(tmp_path, *agents, larger)
    culture = write_culture(files / "c_quizzes.pth", [one_quiz + 1], [])
    assert "tokens must be" in refused(tmp_path, *agents, culture)
    write_sae(files / "sae", agent=8)
    assert "is of agent 8" in refused(tmp_path, *agents, files / "sae")
    for folder in ("one", "other"):
        write_sae(files / "saes" / folder)
    assert "are of one agent, site and width" in refused(tmp_path, *agents, files / "saes")
    agents[1].write_bytes(agents[1].read_bytes()[:-2000])
    assert "gpt_001.pth" in refused(tmp_path, *agents)
    ended = run_import(tmp_path / "runs", "spoiled", *agents)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"culture-sim: error: {agents[1]} ")
    assert ended.stderr.count("\n") == 1


def test_a_run_that_is_there_is_left_alone(imported, files):
    before = (imported.path / "config.json").read_bytes()
    with pytest.raises(UserError, match="is a run at"):
        make_run(imported.path, files)
    assert (imported.path / "config.json").read_bytes() == before


def test_an_import_that_is_interrupted_leaves_nothing(files, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("culture_sim.imports.run.write_lookup", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_run(tmp_path / "runs" / "late", files)
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "say what to import; known: culture-gpt"),
        (["names"], "say what to import; known: culture-gpt"),
        (["culture-gpt"], "name files such as gpt_000.pth, or a folder of them (found: none)"),
        (["culture-gpt", "a", "--most-quizzes", "0"], "must be at least 1"),
        (["culture-gpt", "a", "--model.d-model", "8"], "--model.d-model"),
    ],
)
def test_the_command_says_what_it_needs(words, says, tmp_path):
    ended = commands.culture_sim("import", *words, "--runs", str(tmp_path))
    assert ended.returncode == 2
    assert says in ended.stderr or says.lower() in ended.stderr


def test_every_later_stage_works_on_it(imported, tmp_path):
    path = tmp_path / "runs" / "again"
    shutil.copytree(imported.path, path)
    place = ("--runs", str(path.parent), "--run", path.name)

    def done(command, *options):
        ended = commands.culture_sim(command, *place, *options)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    done("train-agents", "--processes", "1")
    done("culture-round", "--processes", "1")
    run = Run.open(path)
    store = CultureStore(path / "culture")
    assert store.rounds() == [1, 2, 3]
    assert array_of(store.table(3), "proposer").min() >= 0
    assert [run.agent_state(agent).quizzes for agent in run.agents] == [25] * 2
    assert run.agent_state(0).told()["quizzes"] is None
    assert [entry["round"] for entry in run.agent_state(0).course] == [2, 3]
    done("sae", "--processes", "1")
    done("effects", "--quizzes", "24", "--families", "2", "--resamples", "10")
    done("report")
    page = (path / "report" / "index.html").read_text()
    assert "Imported agents" in page
    assert "97.0%" in page
    assert "proposed by nobody known" in page


def test_a_report_of_the_import_alone_can_be_written(imported, tmp_path):
    path = tmp_path / "runs" / "again"
    shutil.copytree(imported.path, path)
    ended = commands.culture_sim("report", "--runs", str(path.parent), "--run", path.name)
    assert ended.returncode == 0, ended.stderr
    page = (path / "report" / "index.html").read_text()
    assert "Round 1: 6" in page
    assert "unknown" in page
