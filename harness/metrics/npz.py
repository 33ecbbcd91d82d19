"""Reads arrays from untrusted .npz files. An array must be whole, unencrypted, of a plain type and of the size it declares.

Nothing is ever unpickled. The checksum of a member is verified before any of its values is used.
"""

import errno
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from harness.data.archives import check_member_count, to_content
from harness.data.npy import read_header
from harness.errors import HarnessError

BLOCK = 1 << 20  # bytes
EXPECTED = "expected the ADM evaluator's format; make or fetch it again"


def array_names(path: Path) -> set[str]:
    """Names of the arrays in an .npz. HarnessError if the file is not an .npz."""
    with opened(path) as archive:
        return {name.removesuffix(".npy") for name in archive.namelist()}


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive at `path`. HarnessError if it is malformed in any way. OSError if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            check_member_count(path, archive.infolist())
            with path.open("rb") as file:
                for entry in archive.infolist():  # else an array with a damaged name would seem to be missing
                    to_content(file, entry.header_offset, entry.filename)
            yield archive
    except HarnessError:
        raise
    except Exception as error:  # zipfile and zlib raise many kinds of errors for damaged bytes
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a seek to before the file's start
            raise
        raise HarnessError(f"{path} is not an .npz file that can be read ({_said(error)}); {EXPECTED}") from error


def read_array(path: Path, name: str) -> np.ndarray:
    """The array `name`, in memory. HarnessError if it is missing, damaged, or holds Python objects."""
    with opened(path) as archive, member(archive, name, path) as file:
        shape, dtype, _ = header(file, archive, name, path)
        content = file.read()  # to the end, where zipfile compares the checksum
    return np.frombuffer(content, dtype).reshape(shape)


@contextmanager
def member(archive: zipfile.ZipFile, name: str, path: Path) -> Iterator[IO[bytes]]:
    """The .npy file of array `name`."""
    if f"{name}.npy" not in archive.namelist():
        raise HarnessError(f"{path} lacks the array {name}; {EXPECTED}")
    with archive.open(f"{name}.npy") as file:
        yield file


def header(file: IO[bytes], archive: zipfile.ZipFile, name: str, path: Path) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape and dtype that the .npy file declares, and the offset of its values. HarnessError unless they fill it exactly."""
    try:
        shape, dtype = read_header(file)
    except ValueError as error:
        raise HarnessError(f"{path} holds no readable array {name} ({_said(error)}); {EXPECTED}") from error
    if dtype.hasobject or dtype.fields:
        raise HarnessError(f"{path}: {name} holds objects or records ({dtype}); expected uint8 or real numbers; {EXPECTED}")
    declared, start = dtype.itemsize, file.tell()
    for side in shape:
        declared *= side  # Python integers, which cannot overflow
    if declared != archive.getinfo(f"{name}.npy").file_size - start:
        raise HarnessError(f"{path}: {name} declares {dtype} {shape}, which is not what the file holds; {EXPECTED}")
    return shape, dtype, start


def check_whole(path: Path, name: str) -> None:
    """Reads the array once, block by block, so that zipfile compares its checksum (about 1 GB/s)."""
    with opened(path) as archive, member(archive, name, path) as file:
        while file.read(BLOCK):
            pass


def _said(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__
