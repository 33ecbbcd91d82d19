"""What comes from outside: archives, arrays, and servers that lie."""

import hashlib
import random
from pathlib import Path

import hostile
from stored_data import SIZES, read_zip
from tally import Tally

from harness.data.archives import read_tar_files
from harness.data.bounded_http import Limits
from harness.data.download import fetch
from harness.metrics.adm import read_statistics

CONTENT = bytes(range(256)) * 20
PATIENCE = Limits(timeout=0.5)


def archives(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Hostile zip and tar archives."""
    tally = Tally("hostile archives")
    for _ in range(max(1, tries // 17)):
        for what, path in hostile.archives(scratch):
            path.replace(scratch / "a.zip")
            tally.must_refuse(f"zip {what}", lambda: read_zip(scratch))
        for what, path in hostile.tars(scratch):
            tally.must_refuse(f"tar {what}", lambda path=path: list(read_tar_files(path, SIZES, 10_000)))
    return [tally]


def arrays(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """Statistics that are none."""
    tally, rng = Tally("hostile npz"), random.Random(seed)
    for _ in range(max(1, tries // 100)):
        for what, path in hostile.arrays(rng, scratch):
            tally.must_refuse(what, lambda path=path: read_statistics(path, "label"))
    return [tally]


def servers(scratch: Path, seed: int, tries: int) -> list[Tally]:
    """A server that lies, or sends for ever, on the loopback."""
    tally, rng = Tally("lying servers"), random.Random(seed)
    checksum, path, said = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", scratch / "file", [(b"", b"")]
    with hostile.serving(lambda: said[0]) as url:
        for what, said[0] in hostile.answers(rng, CONTENT, tries):
            path.unlink(missing_ok=True)
            if rng.random() < 0.5:
                path.with_name("file.part").unlink(missing_ok=True)
            tally.attack(what, lambda: fetch(url, path, checksum, 10_000, PATIENCE).read_bytes(), CONTENT)
            if any(found.stat().st_size > 10_000 for found in scratch.iterdir()):
                tally.fail(f"{what}: more was kept than allowed")
    return [tally]
