"""Sections of the page besides its tables: figures, samples, scale anchors, errata."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.metrics.metric import metric_of
from harness.paper import NOT_PRINTED, all_errata, printed_tables
from harness.records.models import PublishedRecord, ScoreRecord
from harness.records.store import Store
from harness.report.figures import CAPTIONS
from harness.report.provenance import first_seeds
from harness.report.table_cells import ran

Source = Callable[[Path], str]
PICTURES = ("samples", "maps")  # in sight; the others on request
MORE = {"progress": "over training", "interpolation": "between latents", "neighbours": "nearest training images"}


def errata_entries() -> list[dict[str, Any]]:
    """The errata. Entries with the same statement are joined: ids, places, statement and source."""
    joined: dict[str, dict[str, Any]] = {}
    for entry in all_errata():
        rows = "every row" if entry["rows"] == "*" else f"row {entry['rows'].replace(' ', ', ')}"
        columns = "every figure" if entry["columns"] == "*" else entry["columns"].replace(" ", ", ").replace("_", " ")
        found = joined.setdefault(entry["statement"], {"ids": [], "touches": [], **entry})
        found["ids"].append(entry["id"])
        found["touches"].append(f"{_label(entry['table'])}, {rows}: {columns}")
    return list(joined.values())


def _label(number: str) -> str:
    """The table's label, such as `Table I`, or its number if there is no such table."""
    table = printed_tables().get(int(number))
    return table.label if table else f"table {number}"


def figure_entries(store: Store, figures: list[Path], source: Source) -> list[tuple[str, str]]:
    """(caption, source) of every figure, and of the attention benchmark's curves, which belong to devices, not profiles."""
    found = [(CAPTIONS.get(path.stem, path.stem), source(path)) for path in figures if path.suffix == ".svg"]
    curves = sorted(store.folder.parent.glob("bench/*/attention.png"))
    return found + [
        (f"Latency and memory of every attention mechanism against N, measured on {path.parent.name}", source(path))
        for path in curves
    ]


def gallery(store: Store, source: Source) -> list[dict[str, Any]]:
    """Samples and attention maps of every experiment, from its first seed."""
    return [
        {
            "cell": record.cell,
            "title": ", ".join(filter(None, (record.config.get("attention"), record.config.get("discriminator_attention")))),
            "rows": ", ".join(f"{_label(number)} row {index}" for number, index in map(_split, record.rows)) or "own experiment",
            "ran": ran([record]),
            "score": _first_score(record),
            "pictures": [(field, shown) for field in PICTURES if (shown := _picture(record, field, source))],
            "more": [(field, words, shown) for field, words in MORE.items() if (shown := _picture(record, field, source))],
        }
        for record in first_seeds(store)
        if record.samples or record.maps
    ] + [_published_entry(record, source) for record in store.published.values() if record.samples]


def _published_entry(record: PublishedRecord, source: Source) -> dict[str, Any]:
    return {
        "cell": record.cell,
        "title": f"{record.source}, {record.checkpoint}",
        "rows": ", ".join(f"{_label(number)} row {index}" for number, index in map(_split, record.rows)) or "no printed row",
        "ran": f"{record.data}, {record.images_seen or 0:,} images seen",
        "score": _first_score(record),
        "pictures": [("samples", source(Path(record.samples or "")))],
        "more": [],
    }


def _picture(record: ScoreRecord, field: str, source: Source) -> str:
    """The source of one of a record's pictures; "" where there is none."""
    found = getattr(record, field)
    path = getattr(found, "path", found)  # some stand in the record with what they show
    return source(Path(path)) if path else ""


def real_pictures(store: Store, source: Source) -> list[dict[str, str]]:
    """Real pictures of every dataset of which the anchors stage drew some."""
    found = [(name.removeprefix("anchors-"), record.samples) for name, record in store.anchors.items() if record.samples]
    return [{"data": data, "source": shown} for data, path in found if (shown := source(Path(path)))]


def _split(row: str) -> tuple[str, str]:
    number, _, index = row.partition(":")
    return number, index


def _first_score(record: ScoreRecord | PublishedRecord) -> str:
    """The first score under the first protocol, or how the run ended."""
    for protocol, scores in record.metrics.items():
        label, value = next(iter(scores.items()))
        return f"{label} {value:.2f} ({protocol})"
    return record.status


def anchor_tables(store: Store) -> list[dict[str, Any]]:
    """For each dataset the scale anchors {protocol: {anchor: {metric: value}}}: scores of pictures of known quality."""
    found = []
    for name, record in store.anchors.items():
        rows = [(protocol, kind, values) for protocol, kinds in record.anchors.items() for kind, values in kinds.items()]
        labels = list(dict.fromkeys(label for _, _, values in rows for label in values))
        cells = [
            [protocol, kind, *(f"{values[label]:.4g}" if label in values else NOT_PRINTED for label in labels)]
            for protocol, kind, values in rows
        ]
        headings = ["protocol", "pictures", *(_heading(label) for label in labels)]
        found.append({"data": f"{name}, features {record.extractor.label}", "headings": headings, "rows": cells})
    return found


def _heading(label: str) -> str:
    metric = metric_of(label)
    if metric is None:
        return label
    return metric.heading if label == metric.name else metric.proxy_heading
