"""A killed preparation resumes where it stopped, and checks everything that it finds."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pictures import picture
from preparing import ROOT, contents, count_decoded, prepare

from harness.data.sources import FolderSource
from harness.errors import HarnessError

SLOW = """
import sys, time
from pathlib import Path
from harness.data import parallel
from harness.data.images import Recipe
from harness.data.sources import FolderSource
decode = Recipe.__call__
def slow(self, data, name):
    time.sleep(0.2)
    return decode(self, data, name)
Recipe.__call__ = slow
parallel.MIN_SHARD = 3
if __name__ == "__main__":
    parallel.available_cores = lambda: int(sys.argv[3])
    source = FolderSource(Path(sys.argv[1]))
    items = source.items()
    splits = {"train": items[:15], "test": items[15:]}
    parallel.prepare_images(Path(sys.argv[2]), "example", splits, source, Recipe(8, "squash", "box"), {"resolution": 8})
"""


@pytest.mark.parametrize("cores", [1, 2])
def test_a_killed_preparation_goes_on_and_ends_the_same(folder, tmp_path, small_shards, monkeypatch, cores):
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    command = [sys.executable, str(script), str(folder), str(tmp_path / "out"), str(cores)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while (
        len(finished := list(tmp_path.glob(".ckpt/*/done/[a-z]*.json"))) < 2
        and process.poll() is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(finished) >= 2
    assert not (tmp_path / "out").exists()
    time.sleep(0.3)  # the workers see that their parent is gone
    finished = list(tmp_path.glob(".ckpt/*/done/[a-z]*.json"))
    decoded = count_decoded(monkeypatch)
    prepare(FolderSource(folder), tmp_path / "out")
    assert len(decoded) <= 20 - 3 * len(finished) + 1  # the last shard holds two
    prepare(FolderSource(folder), tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_workers_end_with_a_killed_parent(folder, tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(SLOW.replace("0.2", "600"))
    command = [sys.executable, str(script), str(folder), str(tmp_path / "out"), "2"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob(".ckpt/*/shards/.*.tmp*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    workers = [
        int(path.name.removesuffix(".tmp").rsplit("-", 1)[-1]) for path in tmp_path.glob(".ckpt/*/shards/.*.tmp*")
    ]  # the name holds the process id
    process.kill()
    process.wait()
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(workers) == 2
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_what_a_kill_left_behind_is_checked_before_it_is_used(folder, tmp_path, small_shards, monkeypatch):
    (folder / "zz.png").write_bytes(b"damaged")
    with pytest.raises(HarnessError, match="zz"):
        prepare(FolderSource(folder), tmp_path / "out")
    (folder / "zz.png").write_bytes(picture(seed=99))
    shard = next(tmp_path.glob(".ckpt/*/shards/train-00000.npy"))
    flip(shard, -1)
    marks = {path.stem: path for path in tmp_path.glob(".ckpt/*/done/*.json")}
    flip(marks["train-00001"], marks["train-00001"].read_text().index('"sources"') + 20)
    marks["train-00002"].write_text("[" * 100_000)
    decoded = count_decoded(monkeypatch)
    prepare(FolderSource(folder), tmp_path / "out")
    assert len(decoded) == 3 + 3 + 3 + 3  # the three, and the one that held zz.png
    prepare(FolderSource(folder), tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
