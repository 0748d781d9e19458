"""The upload of a dataset, to something that stands in for the Hugging Face Hub."""

import huggingface_hub
import pytest

from culture_sim.export import dataset
from tests.helpers.exporting import SMALL, error_line, export, tree


class Hub:
    """Stands in for the network: what would be sent to the Hub, and what it would answer."""

    def __init__(self, monkeypatch):
        self.calls, self.failure = [], None
        monkeypatch.setattr(huggingface_hub.HfApi, "whoami", self._whoami)
        monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", self._create_repo)
        monkeypatch.setattr(huggingface_hub.HfApi, "upload_folder", self._upload_folder)

    def _whoami(self):
        self.calls.append("whoami")

    def _create_repo(self, repo_id, **options):
        self.calls.append(("create_repo", repo_id, options))
        return huggingface_hub.RepoUrl(f"https://huggingface.co/datasets/{repo_id}")

    def _upload_folder(self, **options):
        if self.failure is not None:
            raise self.failure
        assert (options["folder_path"] / "README.md").exists()
        self.calls.append(("upload_folder", options))


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
