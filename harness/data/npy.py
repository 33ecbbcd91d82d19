"""Writes .npy files and returns their hash. Reads them only if the hash is still the same."""

import hashlib
import io
import os
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from harness.errors import HarnessError
from harness.files import sha256_file

_verified: dict[tuple[str, str], tuple[int, int, int]] = {}  # (path, sha256) -> inode, bytes and time of change


def write_npy(path: Path, array: np.ndarray) -> str:
    """Writes `array` in C order and returns the file's sha256. On a full disk its OSError has an errno; np.save's has none."""
    array, header, hasher = np.ascontiguousarray(array), io.BytesIO(), hashlib.sha256()
    npy.write_array_header_1_0(header, npy.header_data_from_array_1_0(array))
    with path.open("wb") as file:
        for piece in (header.getvalue(), array.reshape(-1).view(np.uint8).data):
            hasher.update(piece)
            file.write(piece)
    return hasher.hexdigest()


def read_npy(path: Path, sha256: str, advice: str) -> np.ndarray:
    """Memory-maps the array in `path`, after `check_sha256`."""
    check_sha256(path, sha256, advice)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # a header can be wrong in many ways
        raise HarnessError(f"{path} cannot be read ({error}); {advice}") from error


def check_sha256(path: Path, sha256: str, advice: str) -> None:
    """HarnessError, ending with `advice`, unless the file has this hash. OSError if it cannot be read.

    A process hashes a file once, at about 1.5 GB/s, and again only if its inode, size or time of change differs.
    """
    key, state = (os.path.abspath(path), sha256), _state(path)
    if _verified.get(key) == state:
        return
    if sha256_file(path) != sha256:
        raise HarnessError(f"{path} is damaged: its sha256 is not the one it was written with; {advice}")
    _verified[key] = state


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype of an .npy file in C order. Leaves `file` at its first element. ValueError for any other file."""
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except OSError:
        raise
    except Exception as error:  # the header is Python code, which can be wrong in many ways
        raise ValueError(f"no readable array header: {error}") from error
    if fortran:
        raise ValueError("given an array in Fortran order; expected C order")
    if any(side < 0 for side in shape):
        raise ValueError(f"given an array of shape {shape}; expected no negative size")
    return shape, dtype
