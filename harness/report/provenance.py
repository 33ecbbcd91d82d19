"""Everything that a reader may ask of one record, as labelled text: what the page shows when a figure is opened."""

from harness.names import experiment_name
from harness.paper.configuration import differences
from harness.records.models import CostRecord, Process, Record, ScoreRecord, Scores
from harness.records.store import Store
from harness.report.formats import measured_text
from harness.report.tables import ROMAN, Table


def provenance(record: Record, uses: list[str], store: Store) -> dict:
    """{title, facts: [(label, value)], lists: [(heading, [columns], [rows])]} of a record; `uses` are the figures it feeds."""
    if isinstance(record, ScoreRecord):
        return _score(record, uses, store)
    if isinstance(record, CostRecord):
        return _cost(record, uses, store)
    return {"title": record.cell, "facts": _facts(record, []), "lists": []}


def _facts(record: Record, processes: list[Process]) -> list[tuple[str, str]]:
    folder = "costs" if record.kind == "cost" else "records"
    return [
        ("status", record.status),
        ("command", record.command),
        ("record", f"results/{record.profile}/{folder}/{record.cell}.json, digest {record.digest}"),
        ("configuration digest", record.config_digest),
        ("arithmetic", record.arithmetic),
        *[(f"process: {process.stage}", _process(process)) for process in processes],
        ("versions", ", ".join(f"{name} {number}" for name, number in record.versions.items())),
    ]


def duration(seconds: float) -> str:
    """`1 h 02 min`, `3 min 20 s` or `4.2 s`."""
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
        *_facts(record, measured.processes if measured else []),
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
    changed = differences(record.config, record.rows)
    found = [("Scores of the last weights", ["protocol", "images", "metric", "value"], _score_rows(record, record.metrics))]
    found.append(
        ("Scores of the untrained generator", ["protocol", "images", "metric", "value"], _score_rows(record, record.untrained))
    )
    if record.generation_sd:
        heading = "Standard deviation of the last weights' scores over generation seeds"
        found.append((heading, ["protocol", "images", "metric", "value"], _score_rows(record, record.generation_sd)))
    if record.best:
        heading = f"Best snapshot, at {record.best.nimg:,} images (for information: no verdict uses it)"
        found.append((heading, ["protocol", "images", "metric", "value"], _score_rows(record, record.best.metrics)))
    if changed is not None:
        rows = [list(change) for change in changed] or [["none", "", ""]]
        found.append(("Difference from the paper's configuration", ["key", "paper", "here"], rows))
    return found


def _score_rows(record: ScoreRecord, scores: Scores) -> list[list[str]]:
    counts = {name: f"{count.generated:,} against {count.reference:,}" for name, count in record.counts.items()}
    return [
        [protocol, counts.get(protocol, "-"), label, f"{value:.6g}"]
        for protocol, values in scores.items()
        for label, value in values.items()
    ]


def _cost(record: CostRecord, uses: list[str], store: Store) -> dict:
    measured = store.throughputs.get(record.cell)
    macs = [[name.replace("_", " "), "not counted" if value is None else f"{value:,.0f}"] for name, value in record.macs]
    rates = measured.rates if measured else {}
    timings = [[batch, *(f"{value:.4g}" for value in (rate.median, rate.low, rate.high))] for batch, rate in rates.items()]
    peak = measured.peak_bytes if measured else None
    facts = [
        *_facts(record, [measured.process] if measured else []),
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


def uses_of_records(tables: list[Table]) -> dict[str, list[str]]:
    """{cell or network: ["Table I, row 16, fid: printed 3.29, measured 21.43, not comparable", ...]}."""
    uses: dict[str, list[str]] = {}
    for table in tables:
        name = f"Table {ROMAN[table.number]}" if table.number else "Own experiments"
        for index, (_, cells) in enumerate(table.rows, start=1):
            for column, cell in cells.items():
                metric = f" ({cell.label})" if cell.is_proxy and cell.label else ""
                figures = f"printed {cell.printed}, measured {measured_text(cell, column)}, {cell.verdict}"
                for record in cell.records:
                    uses.setdefault(record, []).append(f"{name}, row {index}, {column}{metric}: {figures}")
    return uses
