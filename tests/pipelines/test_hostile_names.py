"""Names from params.yaml through DVC, and a project without Git."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_project import environment, make_project, write_params

from harness.config import load_params

pytestmark = pytest.mark.slow
PIPELINE = "pipelines/digits/dvc.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"))


def dvc(root: Path, *words: str) -> subprocess.CompletedProcess:
    command = [Path(sys.executable).with_name("dvc"), *words]
    return subprocess.run(command, cwd=root, env=environment(root), capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize(("section", "name"), [("cells", "x'; touch P; '$(touch P)"), ("data", "cifar10.1")])
def test_a_name_that_a_shell_or_dvc_would_read_is_refused_before_any_work(project, section, name):
    path = project / "pipelines/digits/params.yaml"
    before, params = path.read_bytes(), load_params(path)
    evil = {name: next(iter(params[section].values()))}
    rows = {"rows": {name: []}} if section == "cells" else {"evaluate": {name: params["evaluate"]["digits"]}}
    try:
        write_params(project, params | {section: evil, **rows})
        done = dvc(project, "repro", f"{PIPELINE}:names")
        whole = dvc(project, "repro", PIPELINE)
    finally:
        path.write_bytes(before)
    assert 0 not in (done.returncode, whole.returncode)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "name: given" in line
    assert not list(project.rglob("P"))
    assert not (project / "results/digits/data").exists()


def test_a_downloaded_archive_without_history_runs_as_make_repro_sets_it_up(tmp_path):
    root = make_project(tmp_path / "unzipped (100%41)?b#c")  # signs that mean something in addresses and to a shell
    shutil.rmtree(root / ".git")
    line = next(line for line in Path("Makefile").read_text().splitlines() if "core.no_scm" in line)
    assert dvc(root, "repro", f"{PIPELINE}:names").returncode != 0
    setup = line.strip().removeprefix("@").replace("$(BIN)/dvc", str(Path(sys.executable).with_name("dvc")))
    subprocess.run(["sh", "-c", setup], cwd=root, env=environment(root), check=True)
    done = dvc(root, "repro", f"{PIPELINE}:names")
    assert done.returncode == 0, done.stderr
    assert (root / "results/digits/inputs/names").is_file()
