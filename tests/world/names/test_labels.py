"""Labels of names against a slow reading, wherever the answer stands, and how they are said."""

import numpy as np
import pytest

from tests.helpers.sentences import quizzes
from world import Stream
from world.names import NamesWorld
from world.names.labels import ROLES

WORLD = NamesWorld(distractors=1, tasks=("abb", "bab", "abc", "twice", "repeat"))
CLASSES = {"park": 3, "ring": 4, "soon": 2, "sang": 1, "to": 0, "them": 0}


def slow(words, task):
    """By label, the values at each word of a text and its answer."""
    names = [WORLD.vocab.index(w) - (WORLD.vocab_size - 100) for w in words]
    is_name = [name >= 0 for name in names]
    labels = {
        "name": [max(name, -1) for name in names],
        "mention": [
            min(sum(is_name[: k + 1]), 7) - 1 if is_name[k] else -1 for k in range(len(words))
        ],
        "said_before": [int(word in words[:k]) for k, word in enumerate(words)],
        "from_start": list(range(len(words))),
        "to_end": [*range(len(words) - 2, -1, -1), -1],
        "copied": [-1] * len(words),
        "role": [-1] * len(words),
    }
    if task == "repeat":
        labels["copied"] = [int(2 * k >= len(words)) for k in range(len(words))]
    elif task != "abc":
        last = len(words) - 1
        s2 = max(k for k in range(last) if is_name[k])
        io, s1 = words.index(words[last]), words.index(words[s2])
        places = {"after_s1": s1 + 1, "io": io, "s1": s1, "s2": s2, "end": last - 1, "answer": last}
        for role, place in places.items():
            labels["role"][place] = ROLES.index(role)
    return labels


@pytest.mark.parametrize("layout", [0, 3, 5])
def test_labels_of_words(layout):
    batch = WORLD.draw(Stream(0, "labels"), 0, 200, "train")
    written = WORLD.arrange(batch, layout)
    found = {
        name: WORLD.arrange(type(batch)(values.astype(np.uint16), written.layout, batch.task), 0)
        for name, values in WORLD.labels(written).items()
    }
    for row, tokens in enumerate(batch.tokens.tolist()):
        words = [WORLD.vocab[value] for value in tokens if value]
        expected = slow(words, WORLD.tasks[batch.task[row]])
        for name, values in expected.items():
            got = found[name].tokens[row].astype(np.int16)
            assert got[-len(words) :].tolist() == values, name
            assert (got[: -len(words)] == -1).all()


def test_kinds_of_words():
    batch = quizzes(
        WORLD, "Then Mary and John went to the park as Lucy sang John gave a ring to them"
    )
    word = WORLD.labels(batch)["word"][0]
    for text, kind in CLASSES.items():
        places = batch.tokens[0] == WORLD.vocab.index(text)
        assert set(word[places].tolist()) <= {kind}
    assert (word[batch.tokens[0] == WORLD.vocab.index("Lucy")] == 5).all()
    assert WORLD.labels(batch)["opening"].max() == 0


def test_labels_in_words():
    assert WORLD.wording.phrase("role", 0) == "is the name of the one who does not give (IO)"
    assert WORLD.wording.phrase("name", 0) == "is the name Mary"
    assert WORLD.wording.phrase("mention", 1) == "is the second name that is said"
    assert WORLD.wording.phrase("to_end", 0) == "has 0 words after it before the answer"
    assert WORLD.wording.phrase("layout", 1) == "is written sentence, answer, 1 blank"
    assert WORLD.wording.unit == "word"
