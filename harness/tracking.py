"""MLflow as a projection of the records: rebuilt from them at any time, never the source of anything.

`python -m harness.tracking [--profile NAME]` brings mlflow.db up to date; running it again changes nothing. A training
run shows up live through `live_run`, and the projection later completes that same run.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import run_command
from harness.files import digest
from harness.report.figures import read_curves
from harness.report.store import Store, chosen_profiles, load_store

EPOCH_MS = 1_700_000_000_000  # timestamps are EPOCH_MS + step, so that logging a point twice adds nothing
BATCH = 1000  # the most metrics that one log_batch call takes


def database_uri() -> str:
    """The store in the working directory, as an absolute address (a relative one depends on the server's directory)."""
    return f"sqlite:///{Path('mlflow.db').resolve()}"


def connect():
    """An MlflowClient on the project's database, created once even when several processes start together."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    from mlflow import MlflowClient  # one to three seconds, so only where it is used

    with _lock(Path("mlflow.db.lock")):
        client = MlflowClient(tracking_uri=database_uri())
        client.search_experiments(max_results=1)  # makes the tables
    return client


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    import fcntl

    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _experiment(client, profile: str) -> str:
    name = f"ladagan-{profile}"
    with _lock(Path("mlflow.db.lock")):
        found = client.get_experiment_by_name(name)
        artefacts = Path("mlartifacts").resolve() / name
        return found.experiment_id if found else client.create_experiment(name, artifact_location=artefacts.as_uri())


def _runs(client, experiment: str) -> dict[str, list]:
    """Runs of an experiment by cell."""
    runs, token = {}, None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        for run in page:
            runs.setdefault(run.data.tags.get("cell", ""), []).append(run)
        token = page.token
        if not token:
            return runs


def project(store: Store) -> dict[str, int]:
    """Brings a profile's runs in line with its records; returns how many were written, kept and removed."""
    client = connect()
    experiment = _experiment(client, store.profile)
    runs = _runs(client, experiment)
    counts = {"written": 0, "kept": 0, "removed": 0}
    for cell, record in store.scores.items():
        fresh = _keep_one(client, runs.pop(cell, []), record, counts)
        if fresh is not None:
            _write_run(client, fresh or _create(client, experiment, record["config_digest"], cell), record)
            counts["written"] += 1
    for orphans in runs.values():
        for run in orphans:
            if run.data.tags.get("digest"):  # a live run has none yet
                client.delete_run(run.info.run_id)
                counts["removed"] += 1
    return counts


def _keep_one(client, runs: list, record: dict, counts: dict) -> str | None:
    """None where a run already shows this record; else the live run to complete, or "" where a new one is needed."""
    current = [run for run in runs if run.data.tags.get("digest") == record["digest"]]
    live = [
        run for run in runs if "digest" not in run.data.tags and run.data.tags.get("config_digest") == record["config_digest"]
    ]
    kept = (current or live)[:1]
    for run in runs:
        if run not in kept:
            client.delete_run(run.info.run_id)
            counts["removed"] += 1
    if current:
        counts["kept"] += 1
        return None
    return live[0].info.run_id if live else ""


def _create(client, experiment: str, config_digest: str, cell: str) -> str:
    run = client.create_run(experiment, start_time=EPOCH_MS, run_name=cell, tags={"cell": cell, "config_digest": config_digest})
    return run.info.run_id


def _write_run(client, run_id: str, record: dict) -> None:
    from mlflow.entities import Param, RunTag

    _log_rows(client, run_id, [_prefixed(row) for row in read_curves(record)])
    _log_rows(client, run_id, _score_rows(record))
    params = [Param(key, str(value)[:500]) for key, value in flatten(record["config"]).items()]
    for start in range(0, len(params), 100):
        client.log_batch(run_id, params=params[start : start + 100])
    client.log_batch(run_id, tags=[RunTag(key, str(value)) for key, value in run_tags(record).items()])
    _log_dataset(client, run_id, record["data"])
    _log_samples(client, run_id, record)
    # last, because the digest says that the run is complete
    client.set_tag(run_id, "digest", record["digest"])
    client.set_terminated(
        run_id, "FINISHED" if record["status"] == "ok" else "FAILED", EPOCH_MS + int(record["wall_seconds"] * 1e3)
    )


def run_tags(record: dict) -> dict[str, str]:
    """What one filters and groups by in the interface."""
    config = record["config"]
    return {
        "profile": record["profile"],
        "tables": " ".join(sorted({row.split(":")[0] for row in record["rows"]})),
        "rows": " ".join(record["rows"]),
        "attention": config.get("attention", ""),
        "discriminator": config.get("discriminator_attention", ""),
        "device": record["device"],
        "seed": record["seed"],
        "status": record["status"],
        "comparability": record["comparability"]["level"],
        "extractor": record["extractor"]["label"],
        "data_sha256": record["data"]["sha256"],
        "config_digest": record["config_digest"],
        "mlflow.source.git.commit": record["git"]["commit"] or "",
        "mlflow.note.content": f"`{record['command']}`",
    }


def flatten(value: dict, prefix: str = "") -> dict[str, object]:
    """{"train.lr_g": 0.0002, ...}: nested mappings as dotted names."""
    flat = {}
    for key, entry in value.items():
        name = f"{prefix}{key}"
        flat |= flatten(entry, f"{name}.") if isinstance(entry, dict) and entry else {name: entry}
    return flat


def _prefixed(row: dict[str, float]) -> dict[str, float]:
    return {name if name == "nimg" else f"curves/{name}": value for name, value in row.items()}


def _score_rows(record: dict) -> list[dict[str, float]]:
    """The scores at every measured step, untrained and last included; MLflow refuses @ in a name."""
    steps = {0: record["untrained"]} | {entry["nimg"]: entry for entry in record["history"]}
    steps[record["images_seen"]] = record["metrics"]
    rows = []
    for nimg, scores in sorted(steps.items()):
        names = {
            (protocol, label): value for protocol in scores if protocol != "nimg" for label, value in scores[protocol].items()
        }
        rows.append(
            {"nimg": nimg} | {f"{protocol}/{label.replace('@', '-')}": value for (protocol, label), value in names.items()}
        )
    return rows


def _log_rows(client, run_id: str, rows: list[dict[str, float]]) -> None:
    """Logs rows of {nimg, name: value} in batches, leaving out the steps that a live run has logged already."""
    from mlflow.entities import Metric

    names = {name for row in rows for name in row if name != "nimg"}
    known = client.get_run(run_id).data.metrics
    last = {name: max(point.step for point in client.get_metric_history(run_id, name)) for name in names & known.keys()}
    metrics = [
        Metric(name, value, EPOCH_MS + int(row["nimg"]), int(row["nimg"]))
        for row in rows
        for name, value in row.items()
        if name != "nimg" and row["nimg"] > last.get(name, -1)
    ]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def _log_dataset(client, run_id: str, data: dict) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(data["name"], data["sha256"][:36], "local", f'{{"sha256": "{data["sha256"]}"}}')
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def _log_samples(client, run_id: str, record: dict) -> None:
    import numpy as np
    from PIL import Image

    for field in ("samples", "maps", "interpolation"):
        path = record[field]
        if path and Path(path).is_file():
            with Image.open(path) as picture:
                client.log_image(run_id, np.asarray(picture.convert("RGB")), key=field, step=record["images_seen"])


@contextmanager
def live_run(cell: str, profile: str, config: dict) -> Iterator[Callable[[list[dict]], None]]:
    """Yields a function that logs batches of curve rows ({nimg, loss_d, ...}) while a cell trains.

    A run of the same cell and configuration that was cut off is resumed. Tracking must never cost a training run:
    whatever goes wrong here is said once on stderr, and training goes on without it.
    """
    log = _Live(cell, profile, digest(config))
    yield log.rows


class _Live:
    """The open run of one training cell; does nothing more after its first failure."""

    def __init__(self, cell: str, profile: str, config_digest: str) -> None:
        self.broken = False
        self._guard(lambda: self._open(cell, profile, config_digest))

    def rows(self, rows: list[dict]) -> None:
        self._guard(lambda: _log_rows(self.client, self.run_id, [_prefixed(row) for row in rows]))

    def _open(self, cell: str, profile: str, config_digest: str) -> None:
        self.client = connect()
        experiment = _experiment(self.client, profile)
        candidates = _runs(self.client, experiment).get(cell, [])
        live = [run for run in candidates if "digest" not in run.data.tags and run.data.tags["config_digest"] == config_digest]
        self.run_id = live[0].info.run_id if live else _create(self.client, experiment, config_digest, cell)

    def _guard(self, action: Callable[[], None]) -> None:
        if self.broken:
            return
        try:
            action()
        except Exception as error:
            self.broken = True
            print(f"warning: no live curves in MLflow ({' '.join(str(error).split())[:200]})", file=sys.stderr)


def main() -> None:
    """Projects every profile with records, or the one asked for, into mlflow.db."""
    parser = argparse.ArgumentParser(prog="python -m harness.tracking", description=main.__doc__)
    parser.add_argument("--profile", help="only this profile (default: every profile with records)")
    for profile in chosen_profiles(parser.parse_args().profile):
        counts = project(load_store(profile))
        print(f"{profile}: " + ", ".join(f"{count} runs {what}" for what, count in counts.items()) + f" in {database_uri()}")


if __name__ == "__main__":
    run_command(main)
