"""The provenance of a record as labelled text. The page shows it when a figure is opened."""

from collections import Counter
from typing import Any

from harness.names import experiment_name
from harness.paper.configuration import differences
from harness.records.models import CostRecord, PublishedRecord, Record, ScoreRecord, Scores
from harness.records.parts import Process
from harness.records.store import Store


def provenance(record: Record, uses: list[str], store: Store) -> dict:
    """{title, facts: [(label, value)], lists: [(heading, [columns], [rows])]} of a record. uses: the tables' figures from it."""
    if isinstance(record, ScoreRecord):
        return _score(record, uses, store)
    if isinstance(record, PublishedRecord):
        return _published(record, uses, store)
    if isinstance(record, CostRecord):
        return _cost(record, uses, store)
    return {"title": record.cell, "facts": _facts(record, [], common_versions(store)), "lists": []}


def provenances(store: Store, uses: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The provenance of the first seed of every run, and of every network in a figure, each with its id."""
    named: dict[str, Record] = {record.cell: record for record in first_seeds(store)}
    named |= store.published
    named |= {name: record for name, record in store.costs.items() if name in uses}
    return [{"id": f"p-{name}", **provenance(record, uses.get(name, []), store)} for name, record in named.items()]


def first_seeds(store: Store) -> list[ScoreRecord]:
    """For every set of rows the run with the lowest seed, and every run without rows, in the order of the store.

    The page shows these in full and links to the records of the other seeds.
    """
    found: dict[tuple[str, ...], ScoreRecord] = {}
    for record in sorted(store.scores.values(), key=lambda record: record.seed):
        found.setdefault(tuple(record.rows) or (record.cell,), record)
    cells = list(store.scores)
    return sorted(found.values(), key=lambda record: cells.index(record.cell))


def common_versions(store: Store) -> str:
    """Versions of libraries in most of the records. A record that differs shows its own."""
    counted: list[Record] = [*store.scores.values(), *store.published.values(), *store.costs.values()]
    counts = Counter(_versions(record) for record in counted)
    return counts.most_common(1)[0][0] if counts else "not recorded"


def _versions(record: Record) -> str:
    return ", ".join(f"{name} {number}" for name, number in record.versions.items())


def _facts(record: Record, processes: list[Process], usual: str) -> list[tuple[str, str]]:
    folder = "costs" if record.kind == "cost" else "records"
    return [
        ("status", record.status),
        ("command", record.command),
        ("record", f"results/{record.profile}/{folder}/{record.cell}.json, digest {record.digest}"),
        ("arithmetic", record.arithmetic),
        *[(f"process: {process.stage}", _process(process)) for process in processes],
        *([] if _versions(record) == usual else [("versions", _versions(record))]),
    ]


def duration(seconds: float) -> str:
    """A time in words: `1 h 02 min`, `3 min 20 s` or `4.2 s`."""
    if seconds >= 3600:
        return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s" if seconds >= 60 else f"{seconds:.1f} s"


def _process(process: Process) -> str:
    dirty = " with uncommitted changes" if process.git.dirty else ""
    commit = process.git.commit or f"not in Git ({process.git.reason or 'no reason recorded'})"
    cores = f"{process.cores} core{'s' if process.cores != 1 else ''}"
    machine = f"{process.device} ({process.instruction_sets}), {cores}"
    return f"{process.started}, {duration(process.seconds)} on {machine}, commit {commit}{dirty}"


def _score(record: ScoreRecord, uses: list[str], store: Store) -> dict:
    data, extractor, level = record.data, record.extractor, record.comparability
    measured = store.measurements.get(record.cell)
    facts = [
        *_facts(record, measured.processes if measured else [], common_versions(store)),
        ("seed", str(record.seed)),
        ("images seen", f"{record.images_seen:,}"),
        (
            "data",
            f"{data.name}, {data.train_count:,} training images (fraction {data.fraction:g}), sha256 {data.sha256}",
        ),
        ("weights", f"sha256 {record.weights_sha256}" if record.weights_sha256 else "none"),
        ("features", f"{extractor.label}, sha256 {extractor.sha256}"),
        ("comparability", ": ".join([level.level, "; ".join(level.reasons)]) if level.reasons else level.level),
        ("MLflow run", f"{record.cell} in experiment {experiment_name(record.profile)}"),
        *[(name, path) for name in ("curves", "samples", "maps", "interpolation") if (path := getattr(record, name))],
    ]
    if record.status == "diverged":
        facts.insert(1, ("diverged at step", str(record.diverged_step)))
    lists = [("Figures from this run", ["figure"], [[use] for use in uses]), *_score_lists(record)]
    return {"title": record.cell, "facts": facts, "lists": [entry for entry in lists if entry[2]]}


def _score_lists(record: ScoreRecord) -> list[tuple[str, list[str], list[list[str]]]]:
    columns: dict[str, Scores] = {"last weights": record.metrics, "untrained": record.untrained}
    if record.best:
        columns[f"best snapshot, {record.best.nimg:,} images (no verdict uses it)"] = record.best.metrics
    if record.generation_sd:
        columns["sd over generation seeds"] = record.generation_sd
    keys = dict.fromkeys((protocol, label) for scores in columns.values() for protocol in scores for label in scores[protocol])
    rows = [[protocol, _count(record, protocol), label, *_values(columns, protocol, label)] for protocol, label in keys]
    found = [("Scores", ["protocol", "images", "metric", *columns], rows)]
    changed = differences(record.config, record.rows)
    if changed is not None:
        rows = [list(change) for change in changed] or [["none", "", ""]]
        found.append(("Difference from the paper's configuration", ["key", "paper", "here"], rows))
    return found


def _published(record: PublishedRecord, uses: list[str], store: Store) -> dict:
    """Of published weights: which files they are, every draw's scores, and where they do not belong to the printed figures."""
    measured, level = store.measurements.get(record.cell), record.comparability
    facts = [
        *_facts(record, measured.processes if measured else [], common_versions(store)),
        ("source", record.source),
        ("checkpoint", record.checkpoint or "none"),
        ("images seen", "unknown" if record.images_seen is None else f"{record.images_seen:,}"),
        ("data", record.data),
        ("weights", f"sha256 {record.weights_sha256}" if record.weights_sha256 else "none"),
        ("features", f"{record.extractor.label}, sha256 {record.extractor.sha256}" if record.extractor else "none"),
        ("comparability", ": ".join([level.level, "; ".join(level.reasons)]) if level.reasons else level.level),
        *[("missing", line) for line in record.lacking],
        *[("not the paper's", line) for line in record.mismatch],
    ]
    keys = [(protocol, label) for protocol, scores in record.metrics.items() for label in scores]
    columns: dict[str, Scores] = {"mean": record.metrics, "sd": record.generation_sd}
    columns |= {f"latents {run.seed}, reference {run.reference_seed}": run.metrics for run in record.runs}
    rows = [[protocol, _count(record, protocol), label, *_values(columns, protocol, label)] for protocol, label in keys]
    lists = [
        ("Figures from these weights", ["figure"], [[use] for use in uses]),
        ("Scores of every draw", ["protocol", "images", "metric", *columns], rows),
        ("Published files", ["file", "sha256"], [[name, sha256] for name, sha256 in record.files.items()]),
    ]
    return {"title": record.cell, "facts": facts, "lists": [entry for entry in lists if entry[2]]}


def _count(record: ScoreRecord | PublishedRecord, protocol: str) -> str:
    count = record.counts.get(protocol)
    return f"{count.generated:,} against {count.reference:,}" if count else "-"


def _values(columns: dict[str, Scores], protocol: str, label: str) -> list[str]:
    values = [scores.get(protocol, {}).get(label) for scores in columns.values()]
    return ["-" if value is None else f"{value:.6g}" for value in values]


def _cost(record: CostRecord, uses: list[str], store: Store) -> dict:
    measured = store.throughputs.get(record.cell)
    macs = [[name.replace("_", " "), "not counted" if value is None else f"{value:,.0f}"] for name, value in record.macs]
    rates = measured.rates if measured else {}
    timings = [[batch, *(f"{value:.4g}" for value in (rate.median, rate.low, rate.high))] for batch, rate in rates.items()]
    peak = measured.peak_bytes if measured else None
    facts = [
        *_facts(record, [measured.process] if measured else [], common_versions(store)),
        ("parameters", "not counted" if record.params is None else f"{record.params:,}"),
        ("evaluations per image", str(record.steps_per_image)),
        ("peak memory", "not measured" if peak is None else f"{peak / 2**20:,.0f} MiB"),
        *[(name, text) for name in ("source", "note") if (text := getattr(record, name))],
    ]
    known = [[str(entry)] for entry in record.known_differences]
    lists = [
        ("Figures from this network", ["figure"], [[use] for use in uses]),
        ("Multiply-accumulates per evaluation", ["counted by", "MAC"], macs),
        ("Evaluations per second of one image", ["batch", "median", "slowest", "fastest"], timings),
        ("Known differences between the counts", ["difference"], known),
    ]
    return {"title": f"{record.cell}: {record.title}", "facts": facts, "lists": [entry for entry in lists if entry[2]]}
