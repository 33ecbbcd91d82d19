"""Checkpoints that a SIGKILL, a full disk or a damaged file cannot turn into a wrong result.

A checkpoint is two files, `<key12>-<step>.safetensors` and `<key12>-<step>.json`. The second is written last and holds the sha256
of the first, of itself and of every snapshot it relies on. `key` is a digest of everything that decides the run's result.
"""

import hashlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from harness.errors import HarnessError
from harness.files import atomic_path, digest, write_json

KEEP = 2


@dataclass(frozen=True)
class Checkpoint:
    """step: optimizer steps done; tensors: by name, on the CPU; state: plain JSON values."""

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


def save_checkpoint(scratch: Path, key: str, checkpoint: Checkpoint, snapshots: dict[str, str]) -> None:
    """Writes `checkpoint`, then removes all but this key's newest KEEP. snapshots: file name -> sha256, verified on load.

    HarnessError if it cannot be written; the earlier checkpoints then stay intact.
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
    """The newest undamaged checkpoint of `key`, or None.

    A checkpoint that fails its check is removed, with a warning on stderr. Another key's checkpoint is left alone.
    HarnessError for a file that cannot be read (no permission, a failing disk, too many open files). It may be undamaged, so
    nothing is removed.
    """
    for path in sorted(scratch.glob("[!.]*-*.json"), reverse=True):
        try:
            record = _read_record(path)
            if record["key"] != key:
                _warn(f"{path} belongs to another configuration, data or code; it is left alone and not resumed")
                continue
            return Checkpoint(record["step"], _verified(path, record), record["state"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, FileNotFoundError, SafetensorError) as error:
            _warn(f"{path} is damaged ({' '.join(str(error).split())[:200]}); trying the one before it")
            _remove(path)
    return None


def newest_of(scratch: Path, keys: dict[str, str]) -> str | None:
    """The name in `keys`, {name: key}, that has the newest checkpoint. None if there is no checkpoint. Opens no file."""
    found = [(path.stem, name) for name, key in keys.items() for path in scratch.glob(f"{key[:12]}-*.json")]
    steps = [(int(stem.rpartition("-")[2]), name) for stem, name in found if stem.rpartition("-")[2].isdigit()]
    return max(steps)[1] if steps else None


def read_tensors(path: Path, sha256: str) -> dict[str, Tensor]:
    """The tensors in a safetensors file. ValueError unless it has this hash; FileNotFoundError; HarnessError if unreadable."""
    content = _content(path)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{path.name} does not match its sha256")
    return safetensors.torch.load(content)


def remove_half_written(scratch: Path) -> None:
    """Removes files that a killed process left half-written. Only the holder of the lock may call this."""
    for path in scratch.glob(".*.tmp*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> str:
    """Writes a safetensors file atomically and returns its sha256. HarnessError if it cannot be written."""
    content = safetensors.torch.save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise _not_written(path, error) from error
    return hashlib.sha256(content).hexdigest()


def _read_record(path: Path) -> dict[str, Any]:
    record = json.loads(_content(path).decode("utf-8"))
    if not isinstance(record, dict):
        raise ValueError("it holds no checkpoint")
    if digest({name: value for name, value in record.items() if name != "check"}) != record["check"]:
        raise ValueError("its content does not match its own check sum")
    return record


def _verified(path: Path, record: dict[str, Any]) -> dict[str, Tensor]:
    for name, sha256 in record["snapshots"].items():
        if hashlib.sha256(_content(path.with_name(name))).hexdigest() != sha256:
            raise ValueError(f"snapshot {name} does not match its sha256")
    return read_tensors(path.with_suffix(".safetensors"), record["sha256"])


def _content(path: Path) -> bytes:
    """The file's bytes; FileNotFoundError if there is no such file, HarnessError if it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise HarnessError(
            f"{path} cannot be read ({error.strerror}); expected a checkpoint's file; correct that or move it away, then run "
            "again: nothing was removed"
        ) from error


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)  # first, because tensors without it do not count as a checkpoint
    path.with_suffix(".safetensors").unlink(missing_ok=True)


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)


def _not_written(path: Path, error: OSError) -> HarnessError:
    return HarnessError(
        f"could not write {path}: {error.strerror}; the checkpoint before it is intact; free some space, then run again"
    )
