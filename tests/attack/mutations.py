"""Random damage to files: what disks, transfers and editors do to them."""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Mutation = Callable[[random.Random, bytes], bytes]


def flip_bit(rng: random.Random, content: bytes) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]


def invert_range(rng: random.Random, content: bytes) -> bytes:
    start, stop = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    return content[:start] + bytes(255 - byte for byte in content[start:stop]) + content[stop:]


def zero_block(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    size = min(rng.choice((1, 64, 4096)), len(content) - start)
    return content[:start] + bytes(size) + content[start + size :]


def cut(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content))]


def cut_start(rng: random.Random, content: bytes) -> bytes:
    return content[rng.randrange(1, len(content) + 1) :]


def append(rng: random.Random, content: bytes) -> bytes:
    return content + rng.randbytes(rng.randrange(1, 50))


def swap(rng: random.Random, content: bytes) -> bytes:
    at = rng.randrange(len(content))
    return content[at:] + content[:at]


def change_digit(rng: random.Random, content: bytes) -> bytes:
    digits = [at for at, byte in enumerate(content) if 48 <= byte <= 57]
    if not digits:
        return flip_bit(rng, content)
    at = rng.choice(digits)
    return content[:at] + bytes([48 + (content[at] - 48 + rng.randrange(1, 10)) % 10]) + content[at + 1 :]


def replace_all(rng: random.Random, content: bytes) -> bytes:
    texts = (b"", b"[]", b"{}", b"null", b"[" * 100_000, b"\xff\xfe", b"NaN", b'{"a": 1, "a": 2}', rng.randbytes(len(content)))
    return rng.choice(texts)


MUTATIONS: tuple[Mutation, ...] = (
    flip_bit, flip_bit, flip_bit, invert_range, zero_block, cut, cut_start, append, swap, change_digit, change_digit, replace_all,
)  # fmt: skip


def mutated(rng: random.Random, content: bytes) -> tuple[str, bytes]:
    """The mutation's name and bytes that differ from `content`."""
    for _ in range(100):
        mutation = rng.choice(MUTATIONS)
        changed = mutation(rng, content) if content else append(rng, content)
        if changed != content:
            return mutation.__name__, changed
    return "append", content + b"x"


@contextmanager
def damaged(rng: random.Random, root: Path, removes: bool = True) -> Iterator[str]:
    """Damages one file under `root`, says how, and puts it back as it was; `removes`: it may also be gone, or a directory."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    path = rng.choice(files)
    content = path.read_bytes()
    kind = rng.random() if removes else 1
    if kind < 0.04:
        path.unlink()
        path.mkdir()
        how = "directory"
    elif kind < 0.08:
        path.unlink()
        how = "removed"
    else:
        how, changed = mutated(rng, content)
        path.write_bytes(changed)
    try:
        yield f"{path.name} {how}"
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
