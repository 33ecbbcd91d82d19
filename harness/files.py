"""Writes outputs atomically: under a temporary name, flushed, then renamed. A file is never half-written."""

import errno
import glob
import hashlib
import json
import os
import platform
import re
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HOST = f"{zlib.crc32(platform.node().encode()):08x}"  # process ids can be looked up only on the same host
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # errors of a write, which does not know its file
STALE_SECONDS = 24 * 3600  # age at which a temporary folder of another host is removed


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yields a path to write a file or a directory to. It replaces `path` if the block succeeds.

    It lies in a hidden folder beside `path`, whose name matches no pattern for results. If a process is killed, the next one that
    writes the same path removes its folder. If the disk is full, the OSError names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_left_behind(path)
    room = path.with_name(f".{path.name}.{HOST}-{os.getpid()}.tmp")
    room.mkdir(exist_ok=True)
    temporary = room / path.name
    try:
        yield temporary
        if temporary.is_file():
            with temporary.open("rb+") as handle:
                os.fsync(handle.fileno())
        _replace(temporary, path, room)
    except OSError as error:
        if error.filename is None and error.errno in FULL:
            error.filename = str(path)
        raise
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _replace(temporary: Path, path: Path, room: Path) -> None:
    """Renames. An old directory is first moved aside, because a rename cannot replace a directory that is not empty."""
    if not (temporary.is_dir() and path.is_dir()):
        os.replace(temporary, path)
        return
    os.replace(path, room / ".old")
    try:
        os.replace(temporary, path)
    except BaseException:
        os.replace(room / ".old", path)
        raise


def remove_left_behind(path: Path) -> None:
    """Removes temporary folders of `path` whose processes have ended. A directory that one had moved aside is moved back."""
    for room in list(path.parent.glob(f".{glob.escape(path.name)}.*.tmp*")):
        made_by = re.fullmatch(r"(?:([0-9a-f]{8})-)?([0-9]+)\.tmp(\..*)?", room.name.removeprefix(f".{path.name}."))
        with suppress(FileNotFoundError):
            if made_by and _is_over(made_by[1] or HOST, int(made_by[2]), room):
                if (room / ".old").exists() and not path.exists():
                    os.replace(room / ".old", path)
                shutil.rmtree(room, ignore_errors=True) if room.is_dir() else room.unlink()


def _is_over(host: str, pid: int, room: Path) -> bool:
    """Whether the process that made `room` has ended. For another host's process only the folder's age can tell."""
    if host != HOST:
        return time.time() - room.stat().st_mtime > STALE_SECONDS
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def write_text(path: Path | str, text: str) -> None:
    """Writes `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: object) -> None:
    """Writes `value` as indented JSON, atomically, with its keys in order. ValueError for NaN and infinity."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def sha256_file(path: Path | str) -> str:
    """Hex digest of a file's content."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digest(value: object) -> str:
    """Hex digest of a JSON value. It does not depend on the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()
