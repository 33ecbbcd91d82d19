"""Files from the network: resumed where a connection broke, and believed only once their checksum is right."""

import hashlib
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

from harness.errors import HarnessError

TIMEOUT = 60  # seconds without a byte
BLOCK = 1 << 20


def fetch(url: str, path: Path, checksum: str) -> Path:
    """`path`, downloaded from `url` unless it is there already; `checksum` is "sha256:<hex>" or "md5:<hex>".

    An interrupted download waits in `<path>.part`, and the next call goes on with it. Raises HarnessError where the network fails
    or the checksum differs; a file that is not what was asked for is removed."""
    if path.is_file():
        verify_checksum(path, checksum)
        return path
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _append(url, part)
    except (urllib.error.URLError, TimeoutError, ConnectionError, EOFError) as error:
        advice = f"run again to go on, or download it yourself to {path}"
        raise HarnessError(f"{url} could not be downloaded ({getattr(error, 'reason', error)}); {advice}") from error
    try:
        verify_checksum(part, checksum)
    except HarnessError:
        part.unlink()
        raise
    part.replace(path)
    return path


def _append(url: str, part: Path) -> None:
    """Adds to `part` what is missing of the file at `url`."""
    if not url.startswith(("https://", "http://")):
        raise HarnessError(f"given the address {url}; expected one that starts with https://")
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # nothing is missing, or what we have is not of this file: the checksum will tell
            return
        raise
    with response:
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        start = have if resumed else 0
        length = int(response.headers.get("Content-Length", 0))
        bar = tqdm(initial=start, total=start + length or None, desc=part.stem, unit="B", unit_scale=True, disable=None)
        with part.open("ab" if resumed else "wb") as file, bar:
            while block := response.read(BLOCK):
                file.write(block)
                bar.update(len(block))
        if length and part.stat().st_size < start + length:
            raise EOFError(f"the connection broke after {part.stat().st_size} bytes")


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
