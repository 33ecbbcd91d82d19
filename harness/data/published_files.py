"""Files that others publish: only one process downloads a file, and a file that is not the published one is refused."""

from pathlib import Path

from harness.data.download import MAX_BYTES, fetch, verify_checksum
from harness.errors import HarnessError
from harness.locks import output_lock


def fetch_alone(url: str, path: Path, checksum: str | None, max_bytes: int = MAX_BYTES) -> Path:
    """Does what `fetch` does. InUse if another process downloads the same file: both would write its `.part`."""
    if path.is_file():
        return fetch(url, path, checksum, max_bytes)
    with output_lock(path):
        return fetch(url, path, checksum, max_bytes)


def check_published(path: Path, checksum: str | None, key: str = "checksum") -> None:
    """HarnessError unless `path` has the checksum. It names the `key` of the data set's entry that accepts any file."""
    try:
        verify_checksum(path, checksum)
    except HarnessError as error:
        advice = f"or set {key} to null in its entry of data, and its scores are not compared with the paper's"
        raise HarnessError(f"{error}, {advice}") from error
