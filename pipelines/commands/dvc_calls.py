"""Calls DVC, and tells it of stages that were run without it."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from harness.errors import HarnessError


def dvc(*words: str) -> str:
    """Output of a DVC command. HarnessError with its message if it fails."""
    done = subprocess.run([sys.executable, "-m", "dvc", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HarnessError(
            f"`dvc {' '.join(words)}` failed: {done.stderr.strip()[-300:]}; expected exit status 0; correct that first"
        )
    return done.stdout


def commit_stages(pipeline: Path, names: Iterable[str]) -> None:
    """Puts the outputs of these stages of a dvc.yaml into DVC's cache, and their hashes into its lock file, whatever they were.

    `dvc commit -f` does the same, but writes the lock file once a stage, which takes three seconds each time. HarnessError if DVC
    cannot, with its reason.
    """
    from dvc.exceptions import DvcException  # a second to import
    from dvc.repo import Repo, lock_repo

    wanted = set(names)
    try:
        with Repo(_wait_for_lock=True) as repo, lock_repo(repo):
            stages = [stage for stage in repo.stage.load_all(str(pipeline)) if stage.name in wanted]
            for stage in stages:
                stage.save()
                stage.commit()
            if stages:
                stages[0].dvcfile.dump_stages(stages, update_pipeline=False)
    except DvcException as error:
        raise HarnessError(f"DVC could not commit stages of {pipeline}: {error}; correct that, then run again") from error
