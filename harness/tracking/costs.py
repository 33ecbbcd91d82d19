"""Each full-size network as a run of its own, in an experiment beside the cells': MACs, parameters, throughput by batch size."""

from typing import TYPE_CHECKING

from harness.names import experiment_name
from harness.records.curves import CurveRow
from harness.records.measured import Throughput
from harness.records.models import CostRecord
from harness.records.store import Store
from harness.tracking.points import cost_values, started_ms
from harness.tracking.runs import CONFIG, create_run, last_steps, log_facts, log_rows, now_ms

if TYPE_CHECKING:
    from mlflow import MlflowClient


def costs_experiment(profile: str) -> str:
    """Name of the experiment that holds the costs of a profile's networks."""
    return f"{experiment_name(profile)}-costs"


def cost_key(profile: str, network: str) -> str:
    """The key of a network's run."""
    return f"cost/{profile}/{network}"


def write_cost_run(client: "MlflowClient", experiment: str, store: Store, record: CostRecord, run_id: str | None = None) -> str:
    """Writes a run of all that is known of a network's cost, or completes a half-written one; returns its id."""
    measured = store.throughputs.get(record.cell)
    start = started_ms(measured.process.started) if measured else now_ms()
    last = last_steps(client, run_id) if run_id else {}
    if run_id is None:
        run_id = create_run(client, experiment, cost_key(store.profile, record.cell), {CONFIG: record.digest}, start)
    log_rows(client, run_id, _rows(record, measured), last, lambda step: start)
    tags = {
        "network": record.cell,
        "title": record.title,
        "profile": record.profile,
        "resolution": record.resolution,
        "source": record.source,
        "device": measured.process.device if measured else "not measured",
        "mlflow.source.name": "pipelines/cost.py",
        "mlflow.source.git.commit": measured.process.git.commit if measured else None,
        "mlflow.note.content": record.note or f"{record.title}, at full size",
    }
    log_facts(client, run_id, tags, {"steps_per_image": record.steps_per_image, "resolution": record.resolution})
    client.set_terminated(run_id, "FINISHED", start + (int(measured.process.seconds * 1000) if measured else 0))
    return run_id


def _rows(record: CostRecord, measured: Throughput | None) -> list[CurveRow]:
    """cost/* once; throughput/images_per_second and memory by batch size, which stands in the place of a step."""
    rows = [CurveRow(0, {f"cost/{name}": value for name, value in cost_values(record).items()})]
    for batch, rate in sorted((measured.rates if measured else {}).items(), key=lambda entry: int(entry[0])):
        values = {"throughput/images_per_second_by_batch": rate.median / max(1, record.steps_per_image)}
        if rate.peak_bytes:
            values["memory/peak_gib_by_batch"] = rate.peak_bytes / 2**30
        rows.append(CurveRow(int(batch), values))
    return rows
