"""The upload of a dataset, to something that stands in for the Hugging Face Hub."""

import huggingface_hub
import pytest

from culture_sim.export import dataset
from tests.helpers.exporting import SMALL, error_line, export, tree
from tests.helpers.hub import Hub


@pytest.fixture
def hub(monkeypatch):
    return Hub(monkeypatch)


PUSH = ["--push-to-hub", "user/quizzes"]


def test_the_folder_is_uploaded_in_one_commit(hub, tmp_path, capsys):
    assert export(tmp_path / "out", *SMALL, *PUSH, "--private") == 0
    assert "uploaded to https://huggingface.co/datasets/user/quizzes" in capsys.readouterr().out
    who, create, upload = hub.calls
    assert who == "whoami"
    assert create == (
        "create_repo",
        "user/quizzes",
        {"repo_type": "dataset", "private": True, "exist_ok": True},
    )
    assert upload[1]["repo_id"] == "user/quizzes"
    assert upload[1]["repo_type"] == "dataset"
    assert upload[1]["folder_path"] == tmp_path / "out"
    assert upload[1]["delete_patterns"] == "data/**"
    assert upload[1]["parent_commit"] == "c0ffee"


OTHER = {".gitattributes": b"", "README.md": b"# Other", "data/train.parquet": b"precious"}


@pytest.mark.parametrize(
    "files",
    [
        OTHER,
        {"train.jsonl": b"precious"},
        {"data/a/b.csv": b"precious", "notes.txt": b""},
        {"export.json": b"{}", "data/train.parquet": b"precious"},
        {"export.json": b"no JSON", "data/train.parquet": b"precious"},
    ],
)
@pytest.mark.parametrize("repo", ["user/quizzes", "quizzes"])
def test_a_repository_with_other_data_is_left_alone(hub, tmp_path, capsys, files, repo):
    """Before anything is written here."""
    hub.files = dict(files)
    assert export(tmp_path / "out", *SMALL, "--push-to-hub", repo) == 2
    error = error_line(capsys)
    assert "the repository user/quizzes holds other data" in error
    assert "--overwrite" in error
    assert hub.files == files
    assert hub.calls == ["whoami"]
    assert list(tmp_path.iterdir()) == []


def test_a_repository_with_other_data_is_overwritten_when_asked(hub, tmp_path):
    hub.files = dict(OTHER)
    assert export(tmp_path / "out", *SMALL, *PUSH, "--overwrite") == 0
    assert "data/train.parquet" not in hub.files
    assert tree(tmp_path / "out").items() <= hub.files.items()


def test_another_export_is_other_data_and_the_same_is_not(hub, tmp_path, capsys):
    few = ("--world.tasks", "frame", "--quizzes", "10")
    assert export(tmp_path / "one", *few, *PUSH) == 0
    before = dict(hub.files)
    assert export(tmp_path / "other", *few, "--seed", "1", *PUSH) == 2
    assert "holds other data" in error_line(capsys)
    assert hub.files == before
    assert export(tmp_path / "again", *few, *PUSH) == 0
    assert export(tmp_path / "other", *few, "--seed", "1", *PUSH, "--overwrite") == 0
    assert hub.files["export.json"] != before["export.json"]


@pytest.mark.parametrize("files", [{}, {".gitattributes": b""}, {"README.md": b"# Empty"}])
def test_a_repository_without_data_is_filled(hub, tmp_path, files):
    hub.files = files
    assert export(tmp_path / "out", "--world.tasks", "frame", "--quizzes", "10", *PUSH) == 0
    assert "export.json" in hub.files


def test_data_that_came_meanwhile_is_left_alone(hub, tmp_path, capsys, monkeypatch):
    real = dataset.write_card

    def meanwhile(*given):
        hub.files = dict(OTHER)
        real(*given)

    monkeypatch.setattr(dataset, "write_card", meanwhile)
    assert export(tmp_path / "out", "--world.tasks", "frame", "--quizzes", "10", *PUSH) == 2
    assert "holds other data" in error_line(capsys)
    assert hub.files == OTHER


def test_a_failed_upload_can_be_repeated_alone(hub, tmp_path, capsys, monkeypatch):
    hub.failure = ConnectionError("the cable is out\nand more")
    assert export(tmp_path / "out", *SMALL, *PUSH) == 2
    assert "cannot be reached (the cable is out)" in error_line(capsys)
    hub.failure, before = None, tree(tmp_path / "out")
    monkeypatch.setattr(dataset, "draw_task", None)  # nothing is drawn again
    assert export(tmp_path / "out", *SMALL, "--seed", "8", *PUSH) == 2
    assert "is not empty" in error_line(capsys)
    assert export(tmp_path / "out", *SMALL, *PUSH) == 0
    assert tree(tmp_path / "out") == before
    assert hub.calls[-1][0] == "upload_folder"


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (None, "there is no Hugging Face token; run: hf auth login, or set HF_TOKEN"),
        ("hf_none", "the Hugging Face Hub cannot be reached"),
    ],
)
def test_without_token_or_network_nothing_is_begun(tmp_path, capsys, monkeypatch, token, says):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert export(tmp_path / "out", *SMALL, *PUSH) == 2
    assert says in error_line(capsys)
    assert list(tmp_path.iterdir()) == []
