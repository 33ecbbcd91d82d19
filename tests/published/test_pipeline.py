"""The profile as DVC runs it: one command, and again after what was missing has come."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import small_profile

from harness.config import load_params
from pipelines.commands.stages import profile_pipeline
from pipelines.profile import load_profile

PROFILE = Path("pipelines/published")


def test_the_committed_profile_is_sound_and_its_pipeline_apart_from_the_default():
    profile = load_profile(PROFILE / "params.yaml")
    assert list(profile.checkpoints) == ["cifar10", "celeba_64", "ffhq_128", "bedroom_128"]
    rows = [row for entry in profile.checkpoints.values() for row in entry.rows]
    assert len(rows) == len(set(rows))
    assert all(len(scoring.seeds) >= 2 and scoring.reduced is None for scoring in profile.evaluate.values())
    text = profile_pipeline(PROFILE)
    assert "pipelines.train " not in text
    whole = Path("dvc.yaml").read_text()
    assert "pipelines/published" not in whole
    assert "results/published" not in whole


def test_archives_lie_where_the_paper_profile_has_them():
    ours, theirs = (load_params(f"pipelines/{name}/params.yaml") for name in ("published", "paper"))
    assert ours["data"].items() <= theirs["data"].items()
    assert ours["features"] == theirs["features"]
    for key, scoring in ours["evaluate"].items():
        assert set(scoring["protocols"]) == set(theirs["evaluate"][key]["protocols"])


@pytest.mark.slow
def test_dvc_scores_what_is_there_and_later_the_rest(tmp_path):
    root = tmp_path / "project"
    skipped = shutil.ignore_patterns("__pycache__", "dvc.lock")
    for name in ("harness", "lada", "baselines", "pipelines"):
        shutil.copytree(small_profile.ROOT / name, root / name, ignore=skipped)
    for name in (".dvc/config", ".dvcignore", ".gitignore"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(small_profile.ROOT / name, root / name)
    (root / "results" / "bench").mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    params = small_profile.write_profile(root)
    params.replace(root / PROFILE / "params.yaml")
    (root / "ffhq").rename(root / "faces")
    run(root, sys.executable, "-m", "pipelines.commands.stages", "published")

    said = repro(root)
    assert "lacking, ffhq_128: no ffhq at ffhq; it is published at https://github.com/NVlabs/ffhq-dataset" in said
    text = (root / "results/published/tables/table_4.md").read_text()
    assert "cifar10, published weights: ckpt-4096 at 4,096 images, 2 draws, features digits-cnn, none" in text
    assert "ffhq\\_128, published weights: not run" in text or "ffhq_128, published weights: not run" in text
    assert "0 costs" not in (root / "results/published/report.html").read_text()

    (root / "faces").rename(root / "ffhq")
    said = repro(root)
    assert "cifar10: scored before, as it is asked for now" in said
    assert "fd/digits-cnn" in (root / "results/published/report.html").read_text()
    assert "ffhq_128, published weights: ckpt-2048" in (root / "results/published/tables/table_4.md").read_text()


def repro(root: Path) -> str:
    """Runs the profile as a user would; returns all that was said."""
    return run(root, str(Path(sys.executable).with_name("dvc")), "repro", str(PROFILE / "dvc.yaml"))


def run(root: Path, *command: str) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HARNESS_PYTHON": sys.executable, "HOME": str(root), "HARNESS_DEVICE": "cpu"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr
