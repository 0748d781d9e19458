"""culture-sim compare: files in, tables and a page out; what is wrong is said in a line."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from culture_sim.commands.compare import read_words
from sae.streamed.files import save_codes
from tests.helpers.browser import DESK, PHONE, every, one, severe, window
from tests.helpers.commands import culture_sim
from tests.helpers.exploring import choose, details, visit
from tests.helpers.own_models import DOCUMENTS, SHARED, codes, texts

TOKENS = texts()
WORDS = ["zero", "one", "two", "three", "four", "<five>"]
KINDS = ["story" if k % 2 else "list" for k in range(DOCUMENTS)]
FEW = ("--min-firings", "20", "--resamples", "20", "--permutations", "1")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Files of two models, the first with the tokens, and of words."""
    folder = tmp_path_factory.mktemp("given")
    made, _ = codes(TOKENS)
    for name, (first, second) in made.items():
        more = {"tokens": TOKENS, "kinds": KINDS} if name == "a" else {}
        save_codes(folder / f"{name}.safetensors", first, ceiling=second, **more)
    (folder / "words.json").write_text(json.dumps(WORDS))
    return folder


@pytest.fixture(scope="module")
def compared(given):
    out = given / "out"
    files = [str(given / f"{name}.safetensors") for name in "ab"]
    ended = culture_sim(
        "compare", *files, "--words", str(given / "words.json"), "--out", str(out), *FEW
    )
    assert ended.returncode == 0, ended.stderr
    assert "a and b" in ended.stdout
    return out


def test_tables_and_figures_are_written(compared):
    summary = json.loads((compared / "summary.json").read_text())
    assert summary["names"] == ["a", "b"]
    assert 0.9 < summary["universality"]["value"] < 1.1
    assert summary["families"]["shared"]["2"] == SHARED
    matches = pd.read_parquet(compared / "matches.parquet")
    beyond = matches[matches.kind == "matched"]
    assert len(beyond) == 2 * SHARED
    assert (beyond.r - beyond.null_r).min() > 0.5
    contexts = pd.read_parquet(compared / "quizzes.parquet")
    assert set(contexts.task) == {"story", "list"}
    assert {word for of in contexts.words for word in of} == {"", *WORDS}
    leftovers = [path.name for path in compared.parent.iterdir() if path.name.startswith(".")]
    assert leftovers == []


def test_a_folder_that_cannot_be_written_is_told_of_before_the_work(given, monkeypatch):
    monkeypatch.setattr("sae.streamed.compare.compare", lambda *_, **__: pytest.fail("too late"))
    files = [str(given / f"{name}.safetensors") for name in "ab"]
    ended = culture_sim("compare", *files, "--out", str(given / "a.safetensors" / "out"))
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1


def test_a_page_without_contexts_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made, _ = codes(TOKENS)
    for name, (first, _) in made.items():
        save_codes(f"{name}.safetensors", -first, tokens=TOKENS)
    ended = culture_sim("compare", "a.safetensors", "b.safetensors", "--out", "out", *FEW)
    assert ended.returncode == 0, ended.stderr
    assert "no universality: there is no second SAE" in ended.stdout
    assert (tmp_path / "out" / "index.html").is_file()


@pytest.mark.parametrize(
    "written", [WORDS, dict(enumerate(WORDS)), {word: k for k, word in enumerate(WORDS)}]
)
def test_words_are_read_as_lists_and_by_number_either_way(tmp_path, written):
    (tmp_path / "words.json").write_text(json.dumps(written))
    found = read_words(tmp_path / "words.json")
    assert [found[k] for k in range(len(WORDS))] == WORDS


@pytest.mark.browser
def test_the_page_shows_texts_model_beside_model(browser, compared):
    visit(browser, compared / "index.html", "#explorer?open=family+0")
    shown = details(browser)
    assert "2 models share it" in shown.text
    assert "undefined" not in shown.text
    contexts = every(browser, "#explorer-feature .beside")
    assert len(contexts) == 4
    contexts_of = pd.read_parquet(compared / "quizzes.parquet").set_index("quiz")
    first = pd.read_parquet(compared / "family_examples.parquet").quizzes[0][0]
    expected = " ".join(word for word in contexts_of.words[first] if word)
    for model, passage in zip("ab", contexts[0].find_elements("css selector", "li"), strict=True):
        assert passage.find_element("css selector", "b").text.startswith(model)
        assert " ".join(passage.find_element("css selector", ".passage").text.split()) == expected
    levels = browser.execute_script(
        "return [...document.querySelectorAll('#explorer-feature .beside .peak')]"
        ".map(e => Number(e.style.getPropertyValue('--level')))"
    )
    assert min(levels[:2]) > 0.5
    assert "agent" not in one(browser, "main").text.lower()
    assert "quiz" not in one(browser, "main").text.lower()
    assert severe(browser) == []


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_the_page_fits_and_its_list_is_filtered(browser, compared, size):
    with window(browser, *size):
        visit(browser, compared / "index.html", "#explorer?k=2")
        width = "return document.documentElement.scrollWidth"
        assert browser.execute_script(width) <= size[0]
        assert len(every(browser, "#explorer-rows tr")) == SHARED
        assert every(browser, "#explorer-rows .sight .peak")
        choose(browser, "task", "story")
        assert severe(browser) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a"], "a comparison needs at least two models, got 1"),
        (["a", "a"], "2 files are called 'a'"),
        (["a", "gone"], "gone.safetensors is not there"),
        (["a", "short"], "model short: codes or activations of 3 tokens, and there are more"),
        (["a", "b", "--cells", "depth"], "nothing is known of 'depth'"),
        (["a", "b", "--nulls", "rotation"], "does not permute within cells"),
        (["a", "b", "--min-firings", "0"], "--min-firings must be at least 1, got 0"),
        (["a", "b", "--words", "a.safetensors"], "cannot be read as JSON"),
        (["a", "b", "--words", "odd.json"], "must hold a list of words, words by the number"),
        (["a", "b", "--tokens", "b"], "has no tensor 'tokens'"),
        (["a", "b", "--scratch", "gone"], "gone is no folder"),
        (["a", "other"], "a.safetensors and other.safetensors differ in tokens"),
        (["other", "b", "--tokens", "a.safetensors"], "differ in tokens; all codes must be of one"),
        (["a", "full"], "full.safetensors is a folder"),
        (
            ["a", "b", "--words", "gone.json"],
            "gone.json cannot be read (No such file or directory)",
        ),
        (["a", "b", "--nulls"], "nulls is empty; name at least one"),
        (["a", "b", "--cells", "depth", "--out", "new/er/out"], "nothing is known of 'depth'"),
        (["a", "b", "--out", "odd.json/out"], "odd.json is a file; give --out a path"),
        (["a", "b", "--out", "full"], "is not empty; give --out the path of a new folder"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_and_nothing_is_written(
    given, words, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        (tmp_path / f"{name}.safetensors").symlink_to(given / f"{name}.safetensors")
    save_file({"codes": torch.ones(3, 2)}, tmp_path / "short.safetensors")
    (tmp_path / "odd.json").write_text('{"one": "two"}')
    other = torch.from_numpy(TOKENS[TOKENS >= 0] + 1)
    save_file({"codes": torch.ones(len(other), 2), "tokens": other}, tmp_path / "other.safetensors")
    (tmp_path / "full.safetensors").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    flag = next((k for k, word in enumerate(words) if word.startswith("--")), len(words))
    files = [f"{word}.safetensors" for word in words[:flag]]
    options = [w if w != "b" else "b.safetensors" for w in words[flag:]]
    out = [] if "--out" in options else ["--out", "out"]
    ended = culture_sim("compare", *files, *FEW, *options, *out)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before
