"""A written dataset to the Hugging Face Hub; what can go wrong there is said in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalTokenNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from world.core.errors import UserError, first_line


def check_hub(repo: str) -> None:
    """Raise UserError unless ``repo`` can be a repository's name and the Hub knows the user."""
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise UserError(f"--push-to-hub {repo}: {first_line(error)}") from None
    with _one_line():
        HfApi().whoami()


def push(folder: Path, repo: str, private: bool) -> str:
    """Upload a dataset's folder in one commit; returns the address of the repository.

    The repository is made if need be. What an earlier export left under data/ is removed in the
    same commit: its quizzes could be in other splits. Raises UserError when the Hub refuses.
    """
    api = HfApi()
    with _one_line():
        address = api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=address.repo_id,
            folder_path=folder,
            repo_type="dataset",
            commit_message="Export by culture-sim",
            delete_patterns="data/**",
        )
    return str(address)


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
