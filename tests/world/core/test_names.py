"""Names that other programs cannot read are refused, before anything is written."""

from pathlib import Path

import pytest

from tests.helpers.names import REFUSED, TAKEN
from world.core.errors import UserError
from world.core.names import refuse_unreadable


@pytest.mark.parametrize("name", REFUSED)
def test_what_means_something_else_is_refused(name):
    with pytest.raises(UserError, match=r"--out: .* would not be found .* letters") as refused:
        refuse_unreadable("--out", Path("folder") / name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("folder", ["quiz[6x6]", "a*", "a::b", "{a}"])
def test_so_is_a_folder_above(folder):
    with pytest.raises(UserError, match="would not be found"):
        refuse_unreadable("--out", Path("/") / folder / "quizzes")


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_read_as_itself_is_taken(name):
    refuse_unreadable("--out", Path("/a:b/~c/module.py") / name)
