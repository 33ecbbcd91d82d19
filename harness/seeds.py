"""Seeds as a user writes them: `0-63`, `7`, `1,5,9-12`."""

import re
from collections.abc import Sequence
from itertools import pairwise

from harness.errors import HarnessError, short

MOST = 1_000_000
LARGEST = 2**63 - 1
_PART = re.compile(r"([0-9]{1,19})(?:-([0-9]{1,19}))?")


def parse_seeds(text: str) -> tuple[int, ...]:
    """The seeds in `text`, in its order. HarnessError for a repeated seed, for more than MOST, and for any other text."""
    seeds: list[int] = []
    for part in text.split(","):
        found = _PART.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last <= LARGEST:
            raise HarnessError(f"--seeds: given {short(part)}; expected whole numbers and ranges such as 0-63 or 1,5,9-12")
        if len(seeds) + last - first >= MOST:
            raise HarnessError(f"--seeds: given {short(text)}, more than {MOST:,} seeds; give fewer at a time")
        seeds += range(first, last + 1)
    if len(set(seeds)) < len(seeds):
        raise HarnessError(f"--seeds: given {short(text)}, some of them twice; expected each once")
    return tuple(seeds)


def seeds_text(seeds: Sequence[int]) -> str:
    """The shortest text for `seeds` that `parse_seeds` can read."""
    starts = [0, *(i for i, (a, b) in enumerate(pairwise(seeds), start=1) if b != a + 1), len(seeds)]
    runs = [(seeds[start], seeds[end - 1]) for start, end in pairwise(starts)]
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
