"""A written export to the Hugging Face Hub; what can go wrong there is said in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from culture_sim.export.folder import RECORD
from world.core.errors import UserError, first_line
from world.core.files import read_json

NO_DATA = (".gitattributes", "README.md")
"""Files of a repository that holds no data yet."""


@dataclass(frozen=True)
class Upload:
    """Where an export goes.

    repo: the repository. record: of the export, as RECORD in its folder has it. private: make the
    repository, where there is none, a private one. overwrite: whatever it holds. repo_type: what
    the Hub calls such repositories, "dataset" or "model". replaced: a pattern of files there that
    go when others are uploaded: what an earlier export left could be taken for a part of this one.
    """

    repo: str
    record: Any
    private: bool
    overwrite: bool
    repo_type: str
    replaced: str

    def check(self) -> None:
        """Raise UserError unless ``push`` can be expected to succeed: to be asked before the work.

        The repository's name must be possible, the user known, and nothing there that is not of
        this very export, unless it is to be overwritten.
        """
        try:
            validate_repo_id(self.repo)
        except HFValidationError as error:
            raise UserError(f"--push-to-hub {self.repo}: {first_line(error)}") from None
        with _one_line():
            user = HfApi().whoami()["name"]
            self._look(self.repo if "/" in self.repo else f"{user}/{self.repo}")

    def push(self, folder: Path) -> str:
        """Upload an export's folder in one commit; returns the address of the repository.

        The repository is made if need be, and looked at again. Raises UserError when the Hub
        refuses, as it does when the repository changes meanwhile.
        """
        api = HfApi()
        with _one_line():
            address = api.create_repo(
                self.repo, repo_type=self.repo_type, private=self.private, exist_ok=True
            )
            api.upload_folder(
                repo_id=address.repo_id,
                folder_path=folder,
                repo_type=self.repo_type,
                commit_message="Export by culture-sim",
                delete_patterns=self.replaced,
                parent_commit=self._look(address.repo_id),
            )
        return str(address)

    def _look(self, repo: str) -> str | None:
        """The commit that a repository is at, None where there is none.

        Raises UserError when it holds other data that is not to be overwritten.
        """
        ask = HfApi().dataset_info if self.repo_type == "dataset" else HfApi().model_info
        try:
            info = ask(repo)
        except RepositoryNotFoundError:
            return None
        files = [file.rfilename for file in info.siblings or () if file.rfilename not in NO_DATA]
        if files and not self.overwrite and not (RECORD in files and self._is_there(repo)):
            more = f" and {len(files) - 1} more files" if files[1:] else ""
            raise UserError(
                f"the repository {repo} holds other data ({files[0]}{more}); push to another, or "
                f"replace it with --overwrite"
            )
        return info.sha

    def _is_there(self, repo: str) -> bool:
        """Whether a repository's record is of this very export, whose upload may be repeated."""
        with TemporaryDirectory() as aside:
            path = HfApi().hf_hub_download(repo, RECORD, repo_type=self.repo_type, local_dir=aside)
            try:
                return bool(read_json(Path(path), "push to another repository") == self.record)
            except UserError:
                return False


@contextmanager
def _one_line() -> Iterator[None]:
    """What the Hub or the way to it refuses, as a UserError."""
    try:
        yield
    except LocalTokenNotFoundError:
        raise UserError(
            "there is no Hugging Face token; run: hf auth login, or set HF_TOKEN"
        ) from None
    except HfHubHTTPError as error:
        raise UserError(f"the Hugging Face Hub refuses: {first_line(error)}") from None
    except (HTTPError, OSError) as error:
        raise UserError(
            f"the Hugging Face Hub cannot be reached ({first_line(error)}); "
            f"run the same command again when it can"
        ) from None
