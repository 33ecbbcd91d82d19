"""The classes of attacks: each takes a scratch folder, a seed and how often to try, and returns its tallies."""

from collections.abc import Callable
from pathlib import Path

from blown_up import blown_up
from damage import read_errors, stored
from full_disk import databases, full_disk
from inputs import archives, arrays, servers
from kills import kills, together
from orphans import orphans
from parameters import edits, names
from tally import Tally
from texts import texts

CLASSES: dict[str, tuple[Callable[[Path, int, int], list[Tally]], int]] = {
    "stored": (stored, 500),
    "read errors": (read_errors, 60),
    "archives": (archives, 17),  # as many as there are kinds
    "arrays": (arrays, 100),
    "servers": (servers, 120),
    "names": (names, 150),
    "edits": (edits, 200),
    "texts": (texts, 24),
    "blown up": (blown_up, 4),
    "together": (together, 9),
    "full disk": (full_disk, 6),
    "databases": (databases, 3),
    "orphans": (orphans, 5),
    "kills": (kills, 14),
}
