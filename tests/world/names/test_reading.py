"""The grammar reads what was written, tells what is none, and knows where everything stands."""

import numpy as np
import pytest

from tests.helpers.sentences import quizzes, texts
from world import Stream
from world.names import NamesWorld
from world.names.reading import NONE, REPEAT, SENTENCE
from world.names.words import ENDINGS, FIXED, NAMES, OPENINGS, Words

WORLD = NamesWorld(distractors=1, tasks=("abb", "bab", "abc", "twice", "repeat"))
GIVES = "When Mary and John were at the park as Lucy sang John gave a ring to Mary"


def test_words_are_all_different():
    vocab = Words(100).vocab
    assert len(set(vocab)) == len(vocab) <= 256
    assert all(word.isascii() and word.isalpha() for word in vocab)
    assert len(set(NAMES)) == 100
    for half in (*OPENINGS, *ENDINGS):
        assert {word for word in half.split() if word.islower()} <= {*FIXED}
    assert all(half.split().count("A") == half.split().count("B") == 1 for half in OPENINGS)
    assert all(half.split()[0] == "S" and "OBJECT" in half for half in ENDINGS)


def test_what_was_drawn_is_read_and_written_again():
    batch = WORLD.draw(Stream(0, "read"), 0, 500, "train")
    reading = WORLD.read(batch)
    assert ((reading.kind == REPEAT) == (batch.task == 4)).all()
    rows = np.flatnonzero(reading.kind == SENTENCE)
    assert len(rows) == (batch.task < 4).sum()
    assert np.array_equal(WORLD.codec.tokens(reading.sentences[rows]), batch.tokens[rows])


def test_places_of_a_sentence():
    batch = quizzes(WORLD, f"often still {GIVES}", GIVES.replace("gave", "quickly gave"))
    reading = WORLD.read(batch)
    for row, text in enumerate(texts(WORLD, batch)):
        words = [""] * (WORLD.seq_len - len(text.split())) + text.split()
        expected = {
            "start": words.index("often" if row == 0 else "When"),
            "first": words.index("Mary"),
            "second": words.index("John"),
            "place": words.index("park"),
            "other": words.index("Lucy"),
            "giver": WORLD.seq_len - (6 if row == 0 else 7),
            "object": words.index("ring"),
            "end": WORLD.seq_len - 2,
            "answer": WORLD.seq_len - 1,
        }
        assert {name: int(at[row]) for name, at in reading.at.items()} == expected
    assert (reading.sentences.prefix > 0).sum(axis=1).tolist() == [2, 0]
    assert (reading.sentences.late > 0).sum(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize(
    "text",
    [
        GIVES,
        GIVES.replace("Lucy", "Mary"),
        GIVES.replace("John gave", "Paul gave"),
        f"again calmly gladly lately often perhaps {GIVES}",
        GIVES.replace("John gave", "soon still John soon still gave"),
        "Near the school lived Mary and John as Lucy slept John had a kite for Mary",
    ],
)
def test_sentences_by_any_other_answer_are_sentences(text):
    batch = quizzes(WORLD, text, f"{text.rsplit(' ', 1)[0]} park")
    assert WORLD.read(batch).kind.tolist() == [SENTENCE, SENTENCE]


@pytest.mark.parametrize(
    "text",
    [
        GIVES.replace("Mary and", "John and"),
        GIVES.replace("Lucy", "John"),
        GIVES.replace("Lucy", "Mary").replace("John gave", "Paul gave"),
        GIVES.replace("as Lucy sang ", ""),
        GIVES.replace("the park", "the ring"),
        GIVES.replace("to Mary", "for Mary"),
        GIVES.replace("John gave", "John John gave"),
        GIVES.replace("John gave", "soon soon soon John gave"),
        f"soon {' '.join(['again'] * 6)} {GIVES}",
        f"gave {GIVES}",
        "Mary John park ring Mary park John ring",
        "Mary John Mary John Mary John Mary John",
        "Mary John park Mary John park",
        "Mary and park ring Mary and park ring",
        "Mary",
    ],
)
def test_what_is_no_quiz(text):
    assert WORLD.read(quizzes(WORLD, text)).kind.tolist() == [NONE]
    assert WORLD.is_trivial(quizzes(WORLD, text)).all()


def test_a_repeated_block():
    batch = quizzes(WORLD, "Mary kite soon park Mary kite soon park", " ".join(["Mary"] * 7))
    reading = WORLD.read(batch)
    assert reading.kind.tolist() == [REPEAT, NONE]
    assert reading.length.tolist() == [4, 0]


def test_blanks_among_words_are_of_no_account():
    batch = quizzes(WORLD, GIVES)
    tokens = batch.tokens.copy()
    last = WORLD.seq_len - 1
    tokens[0, WORLD.floats : last] = np.roll(tokens[0, WORLD.floats : last], -3)
    moved = WORLD.tidy(type(batch)(tokens, batch.layout, batch.task))
    assert np.array_equal(moved.tokens, batch.tokens)
