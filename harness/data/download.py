"""Files from the network: resumed where a connection broke, and believed only once their checksum is right.

A server may be slow, broken or hostile: every wait and every size has a bound, and whatever it answers, the file is the one that
was asked for or there is one line of error.
"""

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, BinaryIO

from tqdm import tqdm

from harness.errors import HarnessError

TIMEOUT = 60  # seconds without a byte
SLOWEST = 1000  # bytes a second, over a period of TIMEOUT; a server that sends less is given up
BLOCK = 1 << 16
MAX_BYTES = 256 << 20  # where the caller names no other bound; CIFAR-10 has 170 MB, Inception's weights 96 MB


class _DownloadError(Exception):
    """Why a download stopped, in words for a HarnessError."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections to web addresses only, and closes the answer that names a senseless one."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith(("https://", "http://")):
            raise urllib.error.HTTPError(req.full_url, code, "it redirects to something other than the web", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage
    ) -> IO[bytes] | None:
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except ValueError:
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302  # urllib's own are one function, too


class _TooLarge(_DownloadError):
    """The server sends more than the file can have."""


def fetch(url: str, path: Path, checksum: str | None, max_bytes: int = MAX_BYTES) -> Path:
    """`path`, downloaded from `url` unless it is there already; `checksum` is "sha256:<hex>" or "md5:<hex>", None where nobody
    published one and the caller records what came.

    An interrupted download waits in `<path>.part`, and the next call goes on with it. Raises HarnessError where the network or
    the server fails, the file is larger than `max_bytes`, or the checksum differs; a file that is not what was asked for is
    removed. OSError where the disk fails."""
    if path.is_file():
        verify_checksum(path, checksum)
        return path
    if not url.startswith(("https://", "http://")):
        raise HarnessError(f"given the address {url}; expected one that starts with https://")
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _append(url, part, max_bytes)
    except _DownloadError as error:
        if isinstance(error, _TooLarge):
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


def _append(url: str, part: Path, max_bytes: int) -> None:
    """Adds to `part` what is missing of the file at `url`."""
    have = part.stat().st_size if part.is_file() else 0
    if have > max_bytes:
        part.unlink()
        have = 0
    response = _open(url, have)
    if response is None:
        return
    with response:
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        start = have if resumed else 0
        length = _declared(response.headers.get("Content-Length"), max_bytes - start)
        bar = tqdm(initial=start, total=start + length or None, desc=part.stem, unit="B", unit_scale=True, disable=None)
        with part.open("ab" if resumed else "wb") as file, bar:
            received = _copy(response, file, bar, max_bytes - start)
        if received < length:
            raise _DownloadError(f"the connection broke after {start + received} bytes")


def _open(url: str, have: int) -> http.client.HTTPResponse | None:
    """The server's answer to a request for everything after `have` bytes; None if it says that there is nothing more."""
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        return urllib.request.build_opener(_Redirects).open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # nothing is missing, or what we have is not of this file: the checksum will tell
            return None
        raise _DownloadError(_said(error.reason or f"status {error.code}")) from error
    except urllib.error.URLError as error:
        raise _DownloadError(_said(error.reason)) from error
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise _DownloadError(_said(error)) from error


def _declared(length: str | None, most: int) -> int:
    """Bytes that the server says it will send; 0 if it does not say."""
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        raise _DownloadError(f"Content-Length is {length[:40]!r}; expected a number")
    if int(length) > most:
        raise _TooLarge(f"it would be {length} bytes; expected at most {most}")
    return int(length)


def _copy(response: http.client.HTTPResponse, file: BinaryIO, bar: tqdm, most: int) -> int:
    """Copies the answer's body; returns its length. A write that fails is the disk's OSError, a read the server's fault."""
    received, began, before = 0, time.monotonic(), 0
    while block := _read(response):
        received += len(block)
        if received > most:
            raise _TooLarge(f"it is longer than declared; expected at most {most} bytes")
        file.write(block)
        bar.update(len(block))
        if time.monotonic() - began > TIMEOUT:
            if received - before < SLOWEST * TIMEOUT:
                raise _DownloadError(f"fewer than {SLOWEST} bytes a second after {received} bytes")
            began, before = time.monotonic(), received
    return received


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(BLOCK)
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise _DownloadError(_said(error)) from error


def _said(error: object) -> str:
    """At most 200 printable characters of what the server or the network said."""
    text = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else str(error)
    return "".join(character if character.isprintable() else "?" for character in text[:200])


def verify_checksum(path: Path, checksum: str | None) -> None:
    """HarnessError unless `path` has the checksum "sha256:<hex>" or "md5:<hex>"; None accepts any file."""
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
    """`path` if it is there; otherwise a HarnessError that says where it is published and where to put it."""
    if path.exists():
        return path
    raise HarnessError(f"no {path.name} at {path}; it is published at {published}; download it and put it there, or set {key}")
