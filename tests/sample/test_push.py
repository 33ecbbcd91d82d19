"""A published folder goes to the Hub: the calls that are made, and what is said when one fails."""

import inspect
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import HfApi

from harness.errors import HarnessError
from pipelines.commands.publish import FILES, main, push


class Recorder:
    """Stands for huggingface_hub.HfApi: takes the same calls and writes them down."""

    def __init__(self, error=None):
        self.calls, self.error = [], error

    def create_repo(self, repo_id, *, repo_type, exist_ok):
        self.calls.append(("create_repo", repo_id, repo_type, exist_ok))
        return SimpleNamespace(repo_id=repo_id)

    def upload_folder(self, *, repo_id, folder_path, repo_type, commit_message, allow_patterns):
        if self.error:
            raise self.error
        self.calls.append(("upload_folder", repo_id, repo_type, allow_patterns))
        return f"https://huggingface.co/{repo_id}/commit/1"


def test_a_push_makes_the_repository_and_uploads_in_one_commit(add_cell):
    add_cell()
    main(["table1-16", "--to", "model"])
    api = Recorder()
    assert push(Path("model"), "me/lada", api) == "https://huggingface.co/me/lada/commit/1"
    assert api.calls == [("create_repo", "me/lada", "model", True), ("upload_folder", "me/lada", "model", sorted(FILES))]
    with pytest.raises(HarnessError, match=r"--push me/lada: 401 no token; model is complete; log in with `hf auth login`"):
        push(Path("model"), "me/lada", Recorder(OSError("401\nno token")))


def test_the_recorder_takes_the_calls_that_the_real_client_takes():
    for name in ("create_repo", "upload_folder"):
        asked = set(inspect.signature(getattr(Recorder, name)).parameters) - {"self"}
        assert asked <= set(inspect.signature(getattr(HfApi, name)).parameters)
