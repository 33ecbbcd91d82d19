"""Sections of the page beside its tables: figures, samples, scale anchors, errata; pictures inside it as far as they fit."""

import base64
import io
import os
from pathlib import Path

from PIL import Image

from harness.paper import NOT_PRINTED, all_errata
from harness.records.models import ScoreRecord
from harness.records.store import Store
from harness.report.tables import ROMAN

TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
CAPTIONS = {
    "figure_5a": "Figure 5 (a): gradient norms and score, attention mechanisms",
    "figure_5b": "Figure 5 (b): gradient norms and score, convolutional layer",
    "figure_5c": "Figure 5 (c): gradient norms and score, MLP residual connection",
    "score_against_macs": "Score against multiply-accumulates",
    "score_against_time": "Score against measured time and energy of the full-size generators",
    "data_efficiency": "Data efficiency (Table III)",
}


def errata_entries() -> list[dict]:
    """The ledger with entries of one statement joined: its ids, all that it touches, statement and source."""
    joined: dict[str, dict] = {}
    for entry in all_errata():
        rows = "every row" if entry["rows"] == "*" else f"row {entry['rows'].replace(' ', ', ')}"
        columns = "every figure" if entry["columns"] == "*" else entry["columns"].replace(" ", ", ").replace("_", " ")
        found = joined.setdefault(entry["statement"], {"ids": [], "touches": [], **entry})
        found["ids"].append(entry["id"])
        found["touches"].append(f"Table {ROMAN[int(entry['table'])]}, {rows}: {columns}")
    return list(joined.values())


def figure_entries(store: Store, figures: list[Path], embed: "Pictures") -> list[tuple[str, str]]:
    """(caption, source) of every figure; the attention laboratory's curves, one per device, stand beside the profiles."""
    found = [(CAPTIONS.get(path.stem, path.stem), embed(path)) for path in figures if path.suffix == ".svg"]
    curves = sorted(store.folder.parent.glob("bench/*/attention.png"))
    return found + [
        (f"Latency and memory of every attention mechanism against N, measured on {path.parent.name}", embed(path))
        for path in curves
    ]


def gallery(store: Store, embed: "Pictures") -> list[dict]:
    """Samples and attention maps of every run that has them."""
    return [
        {
            "cell": cell,
            "title": ", ".join(filter(None, (record.config.get("attention"), record.config.get("discriminator_attention")))),
            "rows": ", ".join(f"Table {ROMAN[int(row[0])]} row {row[2:]}" for row in record.rows) or "own experiment",
            "score": _first_score(record),
            "pictures": [
                (field, embed(Path(path))) for field in ("samples", "maps", "interpolation") if (path := getattr(record, field))
            ],
        }
        for cell, record in store.scores.items()
        if record.samples or record.maps
    ]


def _first_score(record: ScoreRecord) -> str:
    """The first score of the first protocol, or how the run ended."""
    for protocol, scores in record.metrics.items():
        label, value = next(iter(scores.items()))
        return f"{label} {value:.2f} ({protocol})"
    return record.status


def anchor_tables(store: Store) -> list[dict]:
    """Per dataset the scale anchors {protocol: {anchor: {metric: value}}}: scores of pictures whose quality is known."""
    found = []
    for name, record in store.anchors.items():
        rows = [(protocol, kind, values) for protocol, kinds in record.anchors.items() for kind, values in kinds.items()]
        metrics = list(dict.fromkeys(metric for _, _, values in rows for metric in values))
        cells = [
            [protocol, kind, *(f"{values[metric]:.4g}" if metric in values else NOT_PRINTED for metric in metrics)]
            for protocol, kind, values in rows
        ]
        name = f"{name}, features {record.extractor.label}"
        found.append(
            {"data": name, "headings": ["protocol", "pictures", *(metric.split("/")[0] for metric in metrics)], "rows": cells}
        )
    return found


class Pictures:
    """Embeds pictures as data, PNG as lossless WebP (a third smaller), until `budget` bytes are spent; links the rest."""

    def __init__(self, folder: Path, budget: int) -> None:
        self.folder, self.left = folder, budget

    def __call__(self, path: Path) -> str:
        """The source of an image element; empty where the file is missing."""
        if not path.is_file():
            return ""
        kind, content = _webp(path) if path.suffix == ".png" and self.left > 0 else (TYPES[path.suffix], path.read_bytes())
        text = base64.b64encode(content).decode()
        if len(text) > self.left:
            return Path(os.path.relpath(path, self.folder)).as_posix()
        self.left -= len(text)
        return f"data:{kind};base64,{text}"


def _webp(path: Path) -> tuple[str, bytes]:
    packed = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").save(packed, "WEBP", lossless=True, method=4)
    return "image/webp", packed.getvalue()
