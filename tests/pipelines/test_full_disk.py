"""The train command on a disk that fills up, and again after room was made."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest

from harness.training.checkpoint import load_checkpoint
from pipelines.prepare import main as prepare
from pipelines.profile import load_cell

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PARAMS = str(ROOT / "pipelines/digits/params.yaml")
SETTINGS = ["train.nimg=96", "train.batch=8", "train.checkpoint_nimg=32", "train.log_nimg=32", "train.snapshots=1"]
WIDTHS = ["generator.dims=[64,16,16]", "discriminator_options.encoder_dims=[8,8]", "discriminator_options.head_dims=[16,16]"]
TRIAL = load_cell(PARAMS, "table1-16", [*SETTINGS, *WIDTHS]).name


@contextmanager
def tmpfs(place: Path, size: int):
    """A disk of `size` bytes at `place`; skips where mounting is not permitted."""
    place.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting a tmpfs is not permitted here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def train(place: Path) -> subprocess.CompletedProcess:
    """`python -m pipelines.train` of a tiny cell in `place`, as a user would type it."""
    words = ["--params", PARAMS, "--cell", "table1-16", "--set", *SETTINGS, *WIDTHS]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HARNESS_DEVICE": "cpu"}
    command = [sys.executable, "-m", "pipelines.train", *words]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=300, check=False)


def weights(place: Path) -> bytes:
    return (place / f"results/digits-trial/runs/{TRIAL}/g_ema.safetensors").read_bytes()


def checkpoints(place: Path) -> list[Path]:
    return sorted(place.glob(f".ckpt/digits-trial/{TRIAL}-*/[!.]*-0*.safetensors"))


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory) -> Path:
    """A folder in which the cell was trained with enough disk space."""
    place = tmp_path_factory.mktemp("left-alone")
    with chdir(place):
        prepare(["--params", PARAMS, "--data", "digits"])
    results = place / "results/digits-trial"
    results.write_text("")  # a file where the folder should be
    assert one_line(train(place)).startswith("error: ")
    shutil.copytree(place / ".ckpt", place / "checkpoints")  # which a finished training removes
    results.unlink()
    done = train(place)
    assert done.returncode == 0, done.stderr
    assert not checkpoints(place)
    return place


@pytest.fixture
def crowded(tmp_path, left_alone) -> Path:
    """A folder with the same data and no checkpoints."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "digits").symlink_to(left_alone / "results" / "digits")
    for store in left_alone.glob("mlflow.db"):  # which a training of more than a minute made; made anew it would say so
        shutil.copy(store, tmp_path)
    return tmp_path


def one_line(done: subprocess.CompletedProcess) -> str:
    """What a command that failed said."""
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    return line


def test_a_full_disk_keeps_the_last_checkpoint_and_room_lets_the_same_command_finish(left_alone, crowded):
    size, scratch = max(path.stat().st_size for path in (left_alone / "checkpoints").rglob("*-0*.safetensors")), crowded / ".ckpt"
    with tmpfs(scratch, size * 3 // 2):  # room for one checkpoint, not for two
        line = one_line(train(crowded))
        assert line.startswith("error: could not write")
        assert line.endswith("No space left on device; the checkpoint before it is intact; free some space, then run again")
        (kept,) = checkpoints(crowded)
        key = json.loads(kept.with_suffix(".json").read_text())["key"]
        assert load_checkpoint(kept.parent, key).step == 4
        assert not list(kept.parent.glob(".*.tmp.*"))

        subprocess.run(["mount", "-o", f"remount,size={size * 8}", scratch], check=True)
        again = train(crowded)
        assert again.returncode == 0, again.stderr
    assert weights(crowded) == weights(left_alone)


def test_a_disk_too_full_for_the_outputs_leaves_none_and_room_lets_the_same_command_finish(left_alone, crowded):
    shutil.copytree(left_alone / "checkpoints", crowded / ".ckpt")
    results = crowded / "results" / "digits-trial"
    with tmpfs(results, len(weights(left_alone)) // 2):
        line = one_line(train(crowded))
        assert line.startswith("error: ")
        assert "No space left on device" in line
        assert "free some space" in line
        assert not any(path.is_file() for path in results.rglob("*"))

        subprocess.run(["mount", "-o", "remount,size=16m", results], check=True)
        again = train(crowded)
        assert again.returncode == 0, again.stderr
        assert weights(crowded) == weights(left_alone)
