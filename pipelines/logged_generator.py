"""Loads a cell's generator from MLflow: `mlflow.pyfunc.load_model("models:/NAME/1").predict(z)`, from the repository's root."""

from pathlib import Path

import numpy as np
import torch

from lada.generator import Generator
from pipelines.published.convert import load_generator


class LoggedGenerator:
    """What MLflow calls: latents z, float32 (B, noise_dim) -> images, float32 (B, 3, H, W) in [-1, 1]."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def predict(self, model_input: dict[str, np.ndarray], params: dict[str, object] | None = None) -> np.ndarray:
        """Images of `model_input["z"]`, as MLflow hands over an array for the signature's one input; no `params` are known."""
        with torch.inference_mode():
            return self.generator(torch.from_numpy(model_input["z"].astype(np.float32))).numpy()


def _load_pyfunc(folder: str) -> LoggedGenerator:
    """MLflow's name for the function that loads a model; `folder` holds model.safetensors and config.json."""
    return LoggedGenerator(load_generator(Path(folder)))
