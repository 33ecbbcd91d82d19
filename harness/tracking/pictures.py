"""A record's pictures as MLflow's images, which comparison cards show side by side, with a slider over images seen."""

from pathlib import Path
from typing import TYPE_CHECKING

from harness.records.models import ScoreRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient

PICTURES = ("samples", "maps", "interpolation")


def log_pictures(client: "MlflowClient", run_id: str, record: ScoreRecord) -> None:
    """Logs the pictures of the last weights, and one row of samples per snapshot under the key `progress`."""
    import numpy as np
    from PIL import Image

    paths = {field: getattr(record, field) for field in PICTURES}
    paths["neighbours"] = record.neighbours.path if record.neighbours else None
    for key, path in paths.items():
        log_picture(client, run_id, path, key, record.images_seen)
    progress = record.progress
    if progress and Path(progress.path).is_file():
        with Image.open(progress.path) as picture:
            strips = np.array_split(np.asarray(picture.convert("RGB")), len(progress.nimg))
        for nimg, strip in zip(progress.nimg, strips, strict=True):
            client.log_image(run_id, strip, key="progress", step=nimg)


def log_picture(client: "MlflowClient", run_id: str, path: str | None, key: str, step: int) -> None:
    """Logs the picture in a file, if there is one."""
    import numpy as np
    from PIL import Image

    if path and Path(path).is_file():
        with Image.open(path) as picture:
            client.log_image(run_id, np.asarray(picture.convert("RGB")), key=key, step=step)
