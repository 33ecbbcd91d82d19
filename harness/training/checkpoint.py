"""Checkpoints that a SIGKILL, a full disk or a damaged file cannot turn into a wrong result.

A checkpoint is two files, `<key12>-<step>.safetensors` and `<key12>-<step>.json`. The second is written last and holds the sha256
of the first, of itself and of every snapshot it relies on. `key` is a digest of all that decides the run's result.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from torch import Tensor

from harness.errors import HarnessError
from harness.files import atomic_path, digest, sha256_file, write_json

KEEP = 2


@dataclass(frozen=True)
class Checkpoint:
    """step: optimizer steps done; tensors: by name, on the CPU; state: plain JSON values."""

    step: int
    tensors: dict[str, Tensor]
    state: dict


def save_checkpoint(scratch: Path, key: str, checkpoint: Checkpoint, snapshots: dict[str, str]) -> None:
    """Writes `checkpoint` and then drops all but the last KEEP of this key. snapshots: file name -> sha256, verified on load.

    HarnessError if it cannot be written; the earlier checkpoints are then intact.
    """
    name = f"{key[:12]}-{checkpoint.step:09d}"
    sha256 = save_tensors(scratch / f"{name}.safetensors", checkpoint.tensors)
    record = {"key": key, "step": checkpoint.step, "sha256": sha256, "snapshots": snapshots, "state": checkpoint.state}
    try:
        write_json(scratch / f"{name}.json", record | {"check": digest(record)})
    except OSError as error:
        raise _not_written(scratch / f"{name}.json", error) from error
    for old in sorted(scratch.glob(f"{key[:12]}-*.json"))[:-KEEP]:
        _remove(old)


def load_checkpoint(scratch: Path, key: str) -> Checkpoint | None:
    """The newest undamaged checkpoint of `key`, or None. A damaged one is removed with a warning on stderr;
    another key's is left alone."""
    for path in sorted(scratch.glob("[!.]*-*.json"), reverse=True):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if digest({name: value for name, value in record.items() if name != "check"}) != record["check"]:
                raise ValueError("its content does not match its own check sum")
            if record["key"] != key:
                _warn(f"{path} belongs to another configuration, data or code; it is left alone and not resumed")
                continue
            return Checkpoint(record["step"], _verified(path, record), record["state"])
        except (ValueError, KeyError, TypeError, OSError) as error:
            _warn(f"{path} is damaged ({' '.join(str(error).split())}); trying the one before it")
            _remove(path)
    return None


def remove_half_written(scratch: Path) -> None:
    """Removes what a kill in the middle of a write left behind; only for the holder of the lock."""
    for path in scratch.glob(".*.tmp.*"):
        path.unlink()


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> str:
    """Writes a safetensors file atomically and returns its sha256; HarnessError if the disk does not take it."""
    content = safetensors.torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise _not_written(path, error) from error
    return hashlib.sha256(content).hexdigest()


def _verified(path: Path, record: dict) -> dict[str, Tensor]:
    content = path.with_suffix(".safetensors").read_bytes()
    if hashlib.sha256(content).hexdigest() != record["sha256"]:
        raise ValueError("its tensors do not match their sha256")
    for name, sha256 in record["snapshots"].items():
        if sha256_file(path.with_name(name)) != sha256:
            raise ValueError(f"snapshot {name} does not match its sha256")
    return safetensors.torch.load(content)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)  # first: without it the tensors are no checkpoint
    path.with_suffix(".safetensors").unlink(missing_ok=True)


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)


def _not_written(path: Path, error: OSError) -> HarnessError:
    return HarnessError(
        f"could not write {path}: {error.strerror}; the checkpoint before it is intact; free some space, then run again"
    )
