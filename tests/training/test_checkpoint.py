"""Checkpoints under damage, foreign keys and a full disk."""

import errno
import os
import subprocess
from pathlib import Path

import pytest
import torch

from harness.errors import HarnessError
from harness.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, save_tensors

KEY, OTHER = "a" * 64, "b" * 64


def save(scratch, step, key=KEY, snapshots=None, size=8):
    tensors = {"w": torch.full((size,), float(step)), "n": torch.tensor(step)}
    save_checkpoint(scratch, key, Checkpoint(step, tensors, {"rows": [{"loss": 0.1 * step}]}), snapshots or {})


def test_comes_back_bit_for_bit_and_only_two_are_kept(tmp_path):
    for step in (5, 9, 10, 11):
        save(tmp_path, step)
    found = load_checkpoint(tmp_path, KEY)
    assert (found.step, found.state["rows"][0]["loss"], found.tensors["n"].item()) == (11, 0.1 * 11, 11)
    assert torch.equal(found.tensors["w"], torch.full((8,), 11.0))
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("suffix", ["json", "safetensors"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_newest_falls_back_to_the_one_before_with_a_warning(tmp_path, capsys, suffix, damage):
    save(tmp_path, 1)
    save(tmp_path, 2)
    path = next(tmp_path.glob(f"*-000000002.{suffix}"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content) if damage == "flip" else content[: len(content) // 2])
    if damage == "remove":
        path.unlink()
    assert load_checkpoint(tmp_path, KEY).step == 1
    assert ("damaged" in capsys.readouterr().err) is not (damage == "remove" and suffix == "json")
    save(tmp_path, 3)
    assert load_checkpoint(tmp_path, KEY).step == 3


def test_a_damaged_snapshot_makes_the_checkpoint_that_relies_on_it_damaged(tmp_path):
    sha256 = save_tensors(tmp_path / "s.safetensors", {"w": torch.ones(3)})
    save(tmp_path, 1)
    save(tmp_path, 2, snapshots={"s.safetensors": sha256})
    (tmp_path / "s.safetensors").write_bytes(b"x")
    assert load_checkpoint(tmp_path, KEY).step == 1


def test_a_foreign_checkpoint_is_neither_resumed_nor_touched(tmp_path, capsys):
    save(tmp_path, 4, key=OTHER)
    assert load_checkpoint(tmp_path, KEY) is None
    assert "another configuration, data or code" in capsys.readouterr().err
    save(tmp_path, 1)
    assert load_checkpoint(tmp_path, KEY).step == 1
    assert load_checkpoint(tmp_path, OTHER).step == 4


def test_a_failed_write_leaves_the_earlier_checkpoint_and_nothing_half_written(tmp_path, monkeypatch):
    save(tmp_path, 1)
    before = sorted(tmp_path.iterdir())

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HarnessError, match="No space left on device; the checkpoint before it is intact"):
        save(tmp_path, 2)
    monkeypatch.undo()
    assert sorted(tmp_path.iterdir()) == before
    assert load_checkpoint(tmp_path, KEY).step == 1


def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounting a tmpfs is not permitted here: {mounted.stderr.decode().strip()}")
    try:
        save(disk, 1, size=30_000)  # 120 kB
        with pytest.raises(HarnessError, match="free some space"):
            save(disk, 2, size=60_000)
        assert load_checkpoint(disk, KEY).step == 1
        assert len(list(disk.iterdir())) == 2
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("suffix", ["json", "safetensors"])
@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE])
def test_a_read_error_is_no_damage(tmp_path, monkeypatch, suffix, code):
    save(tmp_path, 1)
    save(tmp_path, 2)
    before = sorted(tmp_path.iterdir())
    read = Path.read_bytes

    def failing(path):
        if path.name.endswith(f"2.{suffix}"):
            raise OSError(code, os.strerror(code), str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", failing)
    with pytest.raises(HarnessError, match=rf"2\.{suffix} cannot be read \({os.strerror(code)}\).*nothing was removed"):
        load_checkpoint(tmp_path, KEY)
    assert sorted(tmp_path.iterdir()) == before
    monkeypatch.undo()
    assert load_checkpoint(tmp_path, KEY).step == 2


@pytest.mark.parametrize("suffix", ["json", "safetensors"])
def test_a_directory_in_a_checkpoints_place_is_one_line(tmp_path, suffix):
    save(tmp_path, 1)
    save(tmp_path, 2)
    path = next(tmp_path.glob(f"*-000000002.{suffix}"))
    path.unlink()
    path.mkdir()
    with pytest.raises(HarnessError, match=r"cannot be read \(Is a directory\).*move it away"):
        load_checkpoint(tmp_path, KEY)


ODD = ["[]", "null", "3", '"x"', "[" * 100_000, "{}", '{"check": 1' + "0" * 5000 + "}", "NaN", "\ufffe"]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_what_is_no_checkpoint_is_passed_over(tmp_path, capsys, text):
    save(tmp_path, 1)
    save(tmp_path, 2)
    next(tmp_path.glob("*-000000002.json")).write_text(text, encoding="utf-8")
    assert load_checkpoint(tmp_path, KEY).step == 1
    assert capsys.readouterr().err.count("\n") == 1
