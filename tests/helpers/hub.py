"""What stands in for the Hugging Face Hub."""

from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import RepositoryNotFoundError

from tests.helpers.exporting import tree


class Hub:
    """Stands in for the network: what would be sent to the Hub, and what it would answer.

    repo_type: of the only repository there may be, "user/quizzes" of datasets. files: of that, by
    path, None where there is none.
    """

    def __init__(self, monkeypatch, repo_type="dataset"):
        self.calls, self.failure, self.files, self.repo_type = [], None, None, repo_type
        asked = f"{repo_type}_info"
        for name in ("whoami", "create_repo", "upload_folder", "hf_hub_download"):
            monkeypatch.setattr(huggingface_hub.HfApi, name, getattr(self, f"_{name}"))
        monkeypatch.setattr(huggingface_hub.HfApi, asked, self._info)

    def _whoami(self):
        self.calls.append("whoami")
        return {"name": "user"}

    def _info(self, repo_id):
        assert repo_id == "user/quizzes"
        if self.files is None:
            raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)  # asks for a response
        siblings = [{"rfilename": name} for name in self.files]
        kind = {"dataset": huggingface_hub.DatasetInfo, "model": huggingface_hub.ModelInfo}
        return kind[self.repo_type](id=repo_id, sha="c0ffee", siblings=siblings, tags=[])

    def _hf_hub_download(self, repo_id, filename, *, repo_type, local_dir):
        assert (repo_id, repo_type) == ("user/quizzes", self.repo_type)
        path = Path(local_dir) / filename
        path.write_bytes(self.files[filename])
        return str(path)

    def _create_repo(self, repo_id, **options):
        self.calls.append(("create_repo", repo_id, options))
        self.files = {".gitattributes": b""} if self.files is None else self.files
        name = repo_id if "/" in repo_id else f"user/{repo_id}"
        folder = {"dataset": "datasets/", "model": ""}[self.repo_type]
        return huggingface_hub.RepoUrl(f"https://huggingface.co/{folder}{name}")

    def _upload_folder(self, **options):
        if self.failure is not None:
            raise self.failure
        assert (options["folder_path"] / "README.md").exists()
        self.calls.append(("upload_folder", options))
        folder = options["delete_patterns"].partition("/")[0].rstrip("*")
        kept = {name: data for name, data in self.files.items() if not name.startswith(folder)}
        self.files = {**kept, **tree(options["folder_path"])}
