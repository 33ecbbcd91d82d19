"""Downloads files. A broken download is resumed, and a file is used only once its checksum is right.

The server may be slow, broken or hostile, so every wait and every size has a bound. The outcome is either the right file or a
one-line error.
"""

import hashlib
import http.client
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from harness.data.bounded_http import Answer, DownloadError, Limits, TooLargeError, open_answer, said
from harness.errors import HarnessError

BLOCK = 1 << 16
MAX_BYTES = 256 << 20  # largest file by default; CIFAR-10 has 170 MB, Inception's weights 96 MB
LIMITS = Limits()


def fetch(url: str, path: Path, checksum: str | None, max_bytes: int = MAX_BYTES, limits: Limits = LIMITS) -> Path:
    """Downloads `url` to `path`, unless it is there already.

    An interrupted download stays in `<path>.part`, and the next call resumes it.
    checksum: "sha256:<hex>" or "md5:<hex>"; None if nobody published one, and the caller records the file's own.
    limits: how long to wait for a slow server.
    HarnessError if the network or the server fails, the file is larger than `max_bytes`, or the checksum differs. A wrong file is
    removed. OSError if the disk fails.
    """
    if path.is_file():
        verify_checksum(path, checksum)
        return path
    if not url.startswith(("https://", "http://")):
        raise HarnessError(f"given the address {url}; expected one that starts with https://")
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _append(url, part, max_bytes, limits)
    except DownloadError as error:
        if isinstance(error, TooLargeError):
            part.unlink(missing_ok=True)
        advice = f"run again to go on, or download it yourself to {path}"
        raise HarnessError(f"{url} could not be downloaded ({error}); {advice}") from error
    try:
        verify_checksum(part, checksum)
    except HarnessError:
        part.unlink()
        raise
    part.replace(path)
    return path


def _append(url: str, part: Path, max_bytes: int, limits: Limits) -> None:
    """Downloads what `part` still lacks of the file at `url`."""
    have = part.stat().st_size if part.is_file() else 0
    if have > max_bytes:
        part.unlink()
        have = 0
    answer = open_answer(url, have, limits)
    if answer is None:
        return
    with answer:
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        start = have if resumed else 0
        length = _declared(answer.headers.get("Content-Length"), max_bytes - start)
        answer.counted.allow(max_bytes - start)
        bar = tqdm(initial=start, total=start + length or None, desc=part.stem, unit="B", unit_scale=True, disable=None)
        with part.open("ab" if resumed else "wb") as file, bar:
            received = _copy(answer, file, bar, max_bytes - start)
        if received < length:
            raise DownloadError(f"the connection broke after {start + received} bytes")


def _declared(length: str | None, most: int) -> int:
    """Number of bytes that the server announces. 0 if it announces none."""
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        raise DownloadError(f"Content-Length is {length[:40]!r}; expected a number")
    if int(length) > most:
        raise TooLargeError(f"it would be {length} bytes; expected at most {most}")
    return int(length)


def _copy(answer: Answer, file: BinaryIO, bar: tqdm, most: int) -> int:
    """Copies the response's body and returns its length. OSError if writing fails, DownloadError if reading fails."""
    received = 0
    while block := _read(answer):
        received += len(block)
        if received > most:
            raise TooLargeError(f"it is longer than declared; expected at most {most} bytes")
        file.write(block)
        bar.update(len(block))
    return received


def _read(answer: Answer) -> bytes:
    try:
        return answer.read1(BLOCK)
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise DownloadError(said(error)) from error


def verify_checksum(path: Path, checksum: str | None) -> None:
    """HarnessError unless `path` has the checksum "sha256:<hex>" or "md5:<hex>". None accepts any file."""
    if checksum is None:
        return
    kind, _, expected = checksum.partition(":")
    if kind not in ("sha256", "md5"):
        raise HarnessError(f"given the checksum {checksum!r}; expected sha256:<hex> or md5:<hex>")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    if found != expected.lower():
        raise HarnessError(f"{path} has {kind} {found}; expected {expected}; it is damaged or another release: download it again")


def require_file(path: Path, published: str, key: str = "data.path") -> Path:
    """Returns `path` if the file exists. Otherwise HarnessError says where it is published and where to put it."""
    if path.exists():
        return path
    raise HarnessError(f"no {path.name} at {path}; it is published at {published}; download it and put it there, or set {key}")
