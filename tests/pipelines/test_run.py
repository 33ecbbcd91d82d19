"""pipelines/run, with which DVC starts every stage."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[2] / "pipelines/run"


@pytest.fixture
def clone(tmp_path) -> Path:
    """A clone in a path with blanks, whose own interpreter, like all others here, prints who it is and what it was given."""
    root = tmp_path / "a clone"
    (root / "results").mkdir(parents=True)
    for name in ("a clone/.venv", "foreign env", "launcher"):
        python = tmp_path / name / "bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nprintf "%s|" "{name}" "$@"\n')
        python.chmod(0o755)
    shutil.copy(RUN, root / "run")
    return root


def run(clone: Path, *words: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(["./run", *words], cwd=clone, env=environment, capture_output=True, text=True, check=False)


def test_the_projects_own_environment_comes_before_a_foreign_one(clone, tmp_path):
    foreign = str(tmp_path / "foreign env")
    assert run(clone, "a.stage", VIRTUAL_ENV=foreign).stdout == "a clone/.venv|-m|a.stage|"
    shutil.rmtree(clone / ".venv")
    assert run(clone, "a.stage", VIRTUAL_ENV=foreign).stdout == "foreign env|-m|a.stage|"


def test_a_queued_experiment_takes_the_environment_of_its_repository(clone):
    copy = clone / ".dvc/tmp/exps/tmp1"
    copy.mkdir(parents=True)
    shutil.copy(RUN, copy / "run")
    assert run(copy, "a.stage").stdout == "a clone/.venv|-m|a.stage|"


def test_words_reach_the_stage_as_they_are(clone):
    assert run(clone, "a.stage", "--cell", "a b; $(x) `y` * '").stdout == "a clone/.venv|-m|a.stage|--cell|a b; $(x) `y` * '|"


def test_another_interpreter_may_be_a_path_with_blanks_or_a_command_with_options(clone, tmp_path):
    path = tmp_path / "foreign env/bin/python"
    assert run(clone, "s", HARNESS_PYTHON=str(path)).stdout == "foreign env|-m|s|"
    launcher = tmp_path / "launcher/bin/python"
    assert run(clone, "s", HARNESS_PYTHON=f"{launcher} --nproc 2").stdout == "launcher|--nproc|2|-m|s|"


@pytest.mark.parametrize("name", ["results", "results/digits"])
def test_results_behind_a_link_are_refused_before_the_work(clone, tmp_path, name):
    (tmp_path / "disk").mkdir()
    if name == "results":
        (clone / name).rmdir()
    (clone / name).symlink_to(tmp_path / "disk")
    done = run(clone, "s", DVC_ROOT=str(clone))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith(f"error: {name} is a link")
    assert run(clone, "s").returncode == 0  # without DVC nothing is against it
