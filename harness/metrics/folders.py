"""Scores one folder of pictures against another, whatever pictures they are: `from harness import score`.

No protocol of the paper: such scores compare folders with each other, and with nothing that is printed.
"""

import harness.pinned  # noqa: F401 - first: torch and numpy choose their kernels when they are loaded

# isort: split
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.data.draws import drawn_indices
from harness.errors import HarnessError
from harness.metrics.any_pictures import Folder, Pictures, common_side, open_folder, sizes_in_words
from harness.metrics.features import features
from harness.metrics.fetched import load_fetched
from harness.metrics.protocol import Protocol
from harness.metrics.scores import judge, scores

FEWEST = 8  # images: half of them must have the three neighbours that recall looks at
STABLE = 10_000  # images, below which a Frechet distance is known to be well above its limit
PROTOCOL = Protocol("two-folders", None, "train")


def score(
    generated: Path | str,
    reference: Path | str,
    *,
    extractor: str = "inception-v3",
    weights: Path | str | None = None,
    count: int | None = None,
    seed: int = 0,
    resolution: int | None = None,
    batch: int = 64,
    device: str = "cpu",
    progress: bool = False,
) -> dict[str, Any]:
    """Frechet distances, Inception score, precision and recall of the pictures in `generated` against those in `reference`.

    extractor: "inception-v3", or "digits-cnn", which needs no weights file. count: so many pictures of each folder,
    drawn by `seed` (default: all). resolution: side in pixels to which all are brought (default: as they are where all have one
    size, else the shortest side). Gives {"scores": {label: value}, and what they were made from}; HarnessError in one line.
    """
    folders = [_some(open_folder(Path(path)), count, seed) for path in (generated, reference)]
    side = common_side(folders, resolution)
    model = load_fetched(extractor, Path(weights) if weights else None, device)
    seen = [features(Pictures(folder, side), model, batch, progress) for folder in folders]
    reasons = judge(seen[0], seen[1], PROTOCOL)[1]
    return {
        "scores": scores(seen[0], seen[1], PROTOCOL, device),
        "extractor": {"name": model.name, "label": model.label, "sha256": model.sha256},
        "comparable_with_paper": False,
        "reasons": reasons,
        "generated": _said(folders[0], generated),
        "reference": _said(folders[1], reference),
        "drawn": None if count is None else {"count": count, "seed": seed},
        "resized_to": side,
        "warnings": warnings(folders, side),
    }


def _some(folder: Folder, count: int | None, seed: int) -> Folder:
    """`count` of the pictures, drawn by `seed`, independent of their names. HarnessError if there are too few."""
    wanted = FEWEST if count is None else count
    if wanted < FEWEST or len(folder.files) < wanted:
        given = f"count {count}" if wanted < FEWEST else f"{len(folder.files)} pictures under {folder.root}"
        raise HarnessError(f"given {given}; expected at least {max(wanted, FEWEST)}; add pictures or ask for fewer")
    return folder if count is None else folder.some(drawn_indices(len(folder.files), count, seed))


def _said(folder: Folder, given: Path | str) -> dict[str, Any]:
    return {"path": str(given), "count": len(folder.files), "sizes": sizes_in_words(folder), "left_out": folder.left_out}


def warnings(folders: Sequence[Folder], side: int | None) -> list[str]:
    """Reasons why these scores differ from others of the same pictures, one line each."""
    found = [
        f"{folder.root}: {folder.lossy:,} of {len(folder.files):,} pictures are JPEG or WebP; lossy compression changes every "
        "score (an FID of 2.50 became 5.80)"
        for folder in folders
        if folder.lossy
    ]
    if side:
        sizes = "; ".join(f"{folder.root}: {sizes_in_words(folder)}" for folder in folders)
        found.append(f"brought to {side}x{side} pixels (central square, bicubic): {sizes}")
    fewest = min(len(folder.files) for folder in folders)
    if fewest < STABLE:
        found.append(f"{fewest:,} pictures: Frechet distances fall as the number grows; compare equal numbers only")
    return found
