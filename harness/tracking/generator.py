"""A cell's generator as a model that MLflow knows: signature z -> images, weights as safetensors, loadable by `mlflow.pyfunc`."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.files import sha256_file, write_json
from harness.names import experiment_name
from harness.records.models import ScoreRecord
from harness.records.store import RESULTS
from harness.tracking.runs import own_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

MODEL = "ladagan.model"  # tag of a run and of a registered version: the id of the logged model
# Builds the network again; named and never imported, because the harness knows no architecture.
LOADER = "pipelines.logged_generator"
REPLACED = "ladagan.replaced_by"  # tag of a model: the run that took the place of the model's own


def weights_of(record: ScoreRecord) -> Path | None:
    """The weights that the record scored, if they are here (`dvc pull` gets them)."""
    path = RESULTS / record.profile / "runs" / record.cell / "g_ema.safetensors"
    if record.weights_sha256 is None or not path.is_file() or sha256_file(path) != record.weights_sha256:
        return None
    return path


def log_generator(client: "MlflowClient", experiment: str, run_id: str, record: ScoreRecord) -> bool:
    """Logs the generator as an output of the run; False where its weights are not here."""
    from mlflow.entities import LoggedModelOutput

    weights = weights_of(record)
    if weights is None:
        return False
    tags = {"weights_sha256": str(record.weights_sha256), "profile": record.profile, "cell": record.cell}
    model = client.create_logged_model(experiment, record.cell, run_id, tags=tags, model_type="generator")
    with TemporaryDirectory() as folder:
        _write_model(Path(folder), model.model_id, run_id, record, weights)
        client.log_model_artifacts(model.model_id, folder)
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, record.images_seen)])
    client.set_tag(run_id, MODEL, model.model_id)
    return True


def mark_replaced(client: "MlflowClient", experiment: str, run_id: str, new_run_id: str) -> None:
    """Says of the models of a run that is replaced which run came after it. None is deleted: someone may have registered it."""
    for model in client.search_logged_models([experiment], f"source_run_id = '{run_id}'"):
        client.set_logged_model_tags(model.model_id, {REPLACED: new_run_id})


def register(client: "MlflowClient", experiment: str, profile: str, key: str) -> str:
    """Registers a cell's generator; returns `NAME version N`. HarnessError where no model was logged for it."""
    from mlflow.exceptions import MlflowException

    cell = key.rpartition("/")[2]
    models = [run.data.tags[MODEL] for run in own_runs(client, experiment, key).get(key, []) if MODEL in run.data.tags]
    if not models:
        raise HarnessError(
            f"--register: given {cell}, which has no model in MLflow; expected its weights under results/{profile}/runs; "
            f"get them with `dvc pull` or `dvc repro`, then run again"
        )
    name = f"{experiment_name(profile)}-{cell}"
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get(MODEL) == models[0]:
            return f"{name} version {version.version}"
    made = client.create_model_version(name, f"models:/{models[0]}", tags={MODEL: models[0]}, model_id=models[0])
    return f"{name} version {made.version}"


def _write_model(folder: Path, model_id: str, run_id: str, record: ScoreRecord, weights: Path) -> None:
    """A folder as MLflow lays out a model: MLmodel, and under data/ what the loader reads."""
    from mlflow import pyfunc
    from mlflow.models import Model

    (folder / "data").mkdir()
    shutil.copyfile(weights, folder / "data" / "model.safetensors")
    write_json(folder / "data" / "config.json", {"attention": record.config["attention"], **record.config["generator"]})
    model: Any = Model(run_id=run_id, model_id=model_id, signature=signature(record.config["generator"]))
    pyfunc.add_to_model(model, loader_module=LOADER, data="data")
    model.save(str(folder / "MLmodel"))


def signature(generator: dict[str, Any]) -> "ModelSignature":
    """Latents (B, noise_dim) -> images (B, 3, H, W) in [-1, 1]."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    side, kind = generator["resolution"], np.dtype(np.float32)
    z = TensorSpec(kind, (-1, generator["noise_dim"]), "z")
    return ModelSignature(Schema([z]), Schema([TensorSpec(kind, (-1, 3, side, side), "images")]))
